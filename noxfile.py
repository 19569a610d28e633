"""The project's habits: ``nox -s tests``, ``lint``, ``example``, ``coverage``, ``timing``."""

import nox

nox.options.sessions = ["lint", "tests"]
nox.options.error_on_missing_interpreters = False
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


@nox.session(python=PYTHONS)
def tests(session):
    """All tests, on every supported Python."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session):
    """Style, types and the direction of imports."""
    session.install("-e", ".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session(python=PYTHONS)
def example(session):
    """The example suite, as a new user would run it, on every supported Python."""
    session.install("-e", ".[example]")
    session.run("pytest", "example_suite", *session.posargs)


@nox.session
def coverage(session):
    """Branch coverage, of subprocesses too."""
    session.install("-e", ".[test]")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session
def timing(session):
    """pytest-benchmark on the device against a plain loop."""
    session.install("-e", ".[example]")
    session.run("python", "benchmarks/plain_loop.py", *session.posargs)
