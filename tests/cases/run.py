"""Runs suites in which users met something wrong, and compares with what is right.

    python tests/cases/run.py [CASE ...] [--work FOLDER]

The cases are looked up in EDGEAI_CASES, else in ../shared/cases beside the checkout; each is a
folder with ``test_it.py``, perhaps ``build.py`` that makes its models, and ``args`` for pytest.
They are copied to the work folder; what is built and converted there is kept for the next time.
The exit status is 1 where a case comes to something else than ``expected.toml`` says.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pytest_edgeai.toml import tomllib

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
SUITE = "test_it.py"
BUILT, RESULTS, CONVERSIONS = ".built", "results.json", "conversions"
ENDED = (2, 3, 4)
"""Exit statuses of a pytest run that did not come to all tests."""


@dataclass(frozen=True)
class Right:
    """What a test should come to: any of these outcomes, with these words and without those."""

    outcomes: tuple[str, ...]
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    def wrong(self, test: dict[str, Any]) -> str:
        """What is wrong with a test of a report; or ""."""
        outcome = test["outcome"]
        text = "\n".join([test["error"] or "", *test["warnings"]])
        if outcome not in self.outcomes:
            return f"{outcome}, not {' or '.join(self.outcomes)}: {_in_brief(text)}"
        missing = [word for word in self.says if outcome != "passed" and word not in text]
        if missing:
            return f"{outcome} without a word of {', '.join(missing)}: {_in_brief(text)}"
        there = [word for word in self.never if word in text]
        return f"{outcome} with {', '.join(there)}: {_in_brief(text)}" if there else ""


def main(words: Sequence[str] | None = None) -> int:
    """Run the cases; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help="a folder's name; default: all")
    parser.add_argument(
        "--work", type=Path, help="where they are built and run (default: a new one)"
    )
    asked = parser.parse_args(words)
    work = (asked.work or Path(tempfile.mkdtemp(prefix="edgeai-cases-"))).resolve()
    cases, known = _copied(_folder("cases"), work), tomllib.loads(_text(HERE / "expected.toml"))
    wrong = 0
    for case in asked.cases or cases:
        if case not in known:
            print(f"WRONG {case}: not in {HERE / 'expected.toml'}", flush=True)
            wrong += 1
            continue
        for name, problem in _judged(work / case, _rights(known[case])):
            print(
                f"WRONG {case}: {name}: {problem}" if problem else f"ok {case}: {name}", flush=True
            )
            wrong += bool(problem)
    print(f"{wrong} wrong; in {work}")
    return 1 if wrong else 0


def _folder(name: str) -> Path:
    """Of the cases, or of published models."""
    variable, beside = f"EDGEAI_{name.upper()}", CHECKOUT.parent / "shared" / name
    folder = Path(os.environ.get(variable, beside))
    if not folder.is_dir():
        raise SystemExit(f"no {name}: neither {variable} nor {beside} is a folder")
    return folder.resolve()


def _copied(folder: Path, work: Path) -> list[str]:
    """Copy all of it beside what was built; returns the names of the cases."""
    for path in folder.rglob("*"):
        if path.is_file():
            target = work / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return sorted(path.parent.name for path in work.glob(f"*/{SUITE}"))


def _rights(table: dict[str, Any]) -> dict[str, Right]:
    """By pattern."""
    rights = {}
    for pattern, value in table.items():
        of = value if isinstance(value, dict) else {"outcome": value}
        outcomes = of["outcome"] if isinstance(of["outcome"], list) else [of["outcome"]]
        rights[pattern] = Right(
            tuple(outcomes), tuple(of.get("says", ())), tuple(of.get("never", ()))
        )
    return rights


def _judged(case: Path, rights: dict[str, Right]) -> Iterator[tuple[str, str]]:
    """Each test of a case with what is wrong, or ""; patterns that no test has are wrong."""
    if problem := _build(case):
        yield "build.py", problem
        return
    if not rights:
        return
    status, tests, output = _run(case)
    if status in ENDED or not tests:
        yield "the run", f"ended with status {status}: {_in_brief(output)}"
    unmet = dict(rights)
    for test in tests:
        name = test["nodeid"].partition("::")[2]
        fitting = [pattern for pattern in rights if fnmatchcase(name, pattern)]
        for pattern in fitting:
            unmet.pop(pattern, None)
        if fitting:
            yield name, rights[fitting[-1]].wrong(test)
    for pattern in unmet:
        yield pattern, "there is no such test in the report"


def _build(case: Path) -> str:
    """Make the models of a case, and those of others that it uses; what went wrong, or ""."""
    for name in _used(case):
        if problem := _build(case.parent / name):
            return problem
    if not (case / "build.py").exists() or (case / BUILT).exists():
        return ""
    done = _python(case, "build.py")
    if done.returncode:
        return _in_brief(done.stdout)
    (case / BUILT).touch()
    return ""


def _used(case: Path) -> list[str]:
    text = "".join(_text(path) for path in sorted(case.glob("*.py")))
    named = re.findall(r"\.\./(\w+)/|H\.parent / \"(\w+)/", text)
    return sorted({name for pair in named for name in pair if (case.parent / name).is_dir()})


def _run(case: Path) -> tuple[int, list[dict[str, Any]], str]:
    """Exit status, tests of the report, and what was printed."""
    results, args = case / RESULTS, case / "args"
    results.unlink(missing_ok=True)
    own = _text(args).split() if args.exists() else []
    options = [f"--edge-report={RESULTS}", f"--edge-cache-dir={case.parent / CONVERSIONS}"]
    done = _python(case, "-m", "pytest", SUITE, "--rootdir=.", *options, *own)
    (case / "output.txt").write_text(done.stdout)
    tests = json.loads(_text(results))["tests"] if results.exists() else []
    return done.returncode, tests, done.stdout


def _python(case: Path, *words: str) -> subprocess.CompletedProcess[str]:
    given = {
        "PYTHONPATH": os.pathsep.join([str(case.parent), str(CHECKOUT)]),
        "EDGEAI_REALDATA": str(_folder("realdata")),
    }
    return subprocess.run(
        [sys.executable, *words],
        cwd=case,
        env={**os.environ, **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _in_brief(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    told = [line[1:].strip() for line in lines if line.startswith("E  ")] or lines
    return " / ".join(told[:3])[:400]


if __name__ == "__main__":
    sys.exit(main())
