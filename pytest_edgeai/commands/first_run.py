"""Runs a suite in a pytest of its own, and reads what came of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pytest_edgeai.errors import EdgeAIError

Record = dict[str, Any]

ON_ITS_OWN = ("-oaddopts=", "-oedge_budget=", "-oedge_model=", "-oedge_signature=")
"""What a project's configuration adds to each run would be measured as well."""


@dataclass(frozen=True)
class Run:
    """What came of a suite.

    Attributes:
        status: pytest's exit status.
        output: all that it printed.
        records: of the JSON report.
        failures: what the tests said that did not pass, by the id in brackets: the variant.
    """

    status: int
    output: str
    records: list[Record]
    failures: dict[str, str]


def run_suite(suite: Path, device: str | None) -> Run:
    """Run the tests of a file, from its folder.

    Raises:
        EdgeAIError: pytest could not begin.
    """
    with tempfile.TemporaryDirectory() as name:
        report, junit = Path(name) / "report.json", Path(name) / "junit.xml"
        words = [sys.executable, "-m", "pytest", suite.name, *ON_ITS_OWN]
        words += [f"--edge-report={report}", f"--junitxml={junit}"]
        words += [f"--edge-device={device}"] if device else []
        done = subprocess.run(
            words,
            cwd=suite.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        records = json.loads(report.read_text())["tests"] if report.exists() else []
        failures = _failures(junit) if junit.exists() else {}
    if not records:
        raise EdgeAIError(f"pytest did not run {suite.name}:\n{done.stdout.strip()}")
    return Run(done.returncode, done.stdout, records, failures)


def _failures(junit: Path) -> dict[str, str]:
    found = {}
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        for outcome in (*case.iter("error"), *case.iter("failure")):
            variant = re.search(r"\[(weight-only|\w+)", case.get("name", ""))
            found[variant[1] if variant else ""] = (outcome.text or "").strip()
    return found
