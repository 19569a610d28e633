"""The workflow that runs suites on GitHub's machines."""

from __future__ import annotations

import os
import re
from importlib import resources
from pathlib import Path
from string import Template

from pytest_edgeai.commands.first_plan import Plan

PLACE = Path(".github/workflows/edgeai.yml")
TENSORFLOW = "tensorflow"
_NO_PATTERN = re.compile(r"[\x00-\x1f\x7f*?\[\]]")


class _Workflow(Template):
    delimiter = "%"  # GitHub's own expressions begin with a dollar


def root_of(folder: Path) -> Path:
    """The root of the git repository that a folder is in; the folder itself where there is none."""
    return next((place for place in (folder, *folder.parents) if is_root(place)), folder)


def is_root(folder: Path) -> bool:
    """Whether a folder is the root of a git repository."""
    return (folder / ".git").exists()


def lacks(workflow: Path, plan: Plan) -> str:
    """What a workflow that is there does not install and a plan needs; "" for nothing."""
    names_it = TENSORFLOW in workflow.read_text(encoding="utf-8", errors="replace").lower()
    return f"pytest-edgeai[{TENSORFLOW}]" if plan.is_converted and not names_it else ""


def workflow_text(root: Path, plan: Plan) -> str:
    """A workflow that runs all suites of a repository; one for ready files converts nothing."""
    extras = [*([TENSORFLOW] if plan.is_converted else []), "report"]
    options = ["--edge-report=edge-report/"]
    cache = ""
    if plan.is_converted:
        options.append("--edge-cache-dir=.edgeai-cache")
        cache = _template("cache_step.yml").substitute(files=_hashed(root, plan))
    return _template("workflow.yml").substitute(
        package=f"pytest-edgeai[{','.join(extras)}]",
        cache=cache,
        options="".join(f"\n          {option}" for option in options),
    )


def _template(name: str) -> _Workflow:
    return _Workflow((resources.files(__package__) / name).read_text(encoding="utf-8"))


def _hashed(root: Path, plan: Plan) -> str:
    """What a conversion is made of, as arguments of GitHub's hashFiles.

    ``?`` stands for what would mean something else in a pattern, or in YAML.
    """
    patterns = []
    for path in filter(None, (plan.model, plan.calibration_data)):
        relative = _NO_PATTERN.sub("?", Path(os.path.relpath(path, root)).as_posix())
        inside = "/**" if path.is_dir() else ""
        patterns.append("'" + relative.replace("'", "''") + inside + "'")
    return ", ".join(patterns)
