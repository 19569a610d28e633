"""What is loaded when: nothing heavy before a test needs it, TensorFlow never."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"numpy", "tensorflow", "keras", "execnet", "ai_edge_litert", "rich", "filelock", "PIL"}
# Other plugins import some of them as well.
ALONE = ("-p", "no:hypothesispytest", "-p", "no:xdist", "-p", "no:xdist.looponfail")
LIST_AT_THE_END = """
import sys

def pytest_unconfigure():
    print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def loaded(result: pytest.RunResult) -> set[str]:
    (line,) = (line for line in result.outlines if line.startswith("loaded:"))
    return set(line.split()[1:])


def test_importing_the_plugin() -> None:
    code = "import sys, pytest_edgeai.plugin; print(*{name.split('.')[0] for name in sys.modules})"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert "pytest_edgeai" in output.split()
    assert not HEAVY & set(output.split())


@pytest.mark.parametrize(
    "args", [[], ["--collect-only"], ["--markers"], ["--fixtures"], ["--help"]]
)
def test_a_run_without_edge_tests(pytester: pytest.Pytester, args: list[str]) -> None:
    pytester.makeconftest(LIST_AT_THE_END)
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_subprocess(*ALONE, *args)
    assert result.ret == 0
    assert not HEAVY & loaded(result)


def test_collecting_edge_tests(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(LIST_AT_THE_END)
    pytester.makepyfile(
        """
        from pytest_edgeai import edge_model, max_latency_ms, max_size_mb

        @edge_model("digits.keras")
        @max_size_mb(1)
        @max_latency_ms(p95=4)
        def test_it(int8_interpreter): pass
        """
    )
    result = pytester.runpytest_subprocess(*ALONE, "--collect-only")
    assert not HEAVY & loaded(result)


def test_collecting_a_suite_without_python(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(LIST_AT_THE_END)
    (pytester.path / "digits.edge.toml").write_text(
        'model = "digits:build"\n[tests.ready]\nmax_size_mb = 1\nmax_latency_ms = {p95 = 4}\n'
    )
    result = pytester.runpytest_subprocess(*ALONE, "--collect-only")
    result.stdout.fnmatch_lines(["*<Function ready[[]int8]>*"])
    assert not HEAVY & loaded(result)


def test_reading_of_suites_is_loaded_where_there_is_one(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "import sys\n"
        "def pytest_unconfigure():\n"
        "    print('loaded:', *(name for name in sys.modules if 'pytest_edgeai' in name))\n"
    )
    pytester.makepyfile("def test_it(int8_interpreter): pass")
    (pytester.path / "other.toml").write_text("this is no suite")
    result = pytester.runpytest_subprocess(*ALONE, "--collect-only")
    found = {name for name in loaded(result) if "suite" in name or "toml" in name}
    assert "pytest_edgeai.plugin.hooks" in loaded(result)
    assert not found


def test_tensorflow_stays_out_of_the_process_of_pytest(digits_suite: pytest.Pytester) -> None:
    own = (digits_suite.path / "conftest.py").read_text()
    digits_suite.makeconftest(own + LIST_AT_THE_END)
    digits_suite.makepyfile(
        """
        from pytest_edgeai import max_accuracy_drop, max_latency_ms

        @max_latency_ms(p95=100)
        @max_accuracy_drop(0.1, baseline="source")
        def test_it(benchmark, int8_interpreter):
            benchmark(int8_interpreter.invoke)
        """
    )
    result = digits_suite.runpytest_subprocess(
        *ALONE, "--benchmark-disable", "--edge-max-seconds=1"
    )
    result.assert_outcomes(passed=1)
    found = loaded(result)
    assert {"numpy", "execnet", "rich"} <= found
    assert not {"tensorflow", "keras", "ai_edge_litert"} & found
