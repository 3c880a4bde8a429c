"""A test that fails by chance does not fail the whole run, and is told; what fails always, or much, fails it."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ONCE = """
def test_{0}(pytestconfig):
    mark = pytestconfig.rootpath / "{0}.ran"
    ran_before = mark.exists()
    mark.touch()
    assert ran_before
"""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str

    @property
    def flaky(self) -> list[str]:
        return [line.strip() for line in self.out.splitlines() if line.startswith("  flaky: ")]


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a suite of one file."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    def run(text: str, *arguments: str) -> Ran:
        (tmp_path / "test_it.py").write_text(text)
        command = [sys.executable, "-m", "tests.support.second_run", "-p", "xdist.plugin", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        for name in [each for each in environment if each.startswith("PYTEST_XDIST")]:
            del environment[name]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False
        )
        return Ran(done.returncode, done.stdout)

    return run


def test_a_test_that_fails_once_passes_and_is_told_last(run: Run):
    ran = run(ONCE.format("once") + "def test_good(): pass\n", "-n", "2")
    assert ran.code == 0
    assert "= 1 failed, 1 passed in" in ran.out
    assert ran.out.endswith("  flaky: test_it.py::test_once\n")


def test_a_test_that_fails_always_fails_the_run(run: Run):
    ran = run(ONCE.format("once") + "def test_bad(): raise ValueError\n")
    assert (ran.code, ran.flaky) == (1, [])
    assert "= 2 failed in" in ran.out
    assert "= 1 failed, 1 passed in" in ran.out


def test_of_more_than_three_none_is_run_again(run: Run):
    ran = run("".join(ONCE.format(name) for name in "abcd"))
    assert (ran.code, ran.flaky) == (1, [])
    assert "once more" not in ran.out


def test_only_what_failed_is_run_again(run: Run):
    text = "".join(ONCE.format(name) for name in "abc") + "def test_good(): pass\n"
    ran = run(text, "-v")
    assert (ran.code, len(ran.flaky)) == (0, 3)
    assert ran.out.count("test_good PASSED") == 1


@pytest.mark.parametrize("argument", ["-x", "--maxfail=1"])
def test_a_run_that_was_cut_short_is_not_mended(run: Run, argument):
    ran = run(ONCE.format("once") + "def test_bad(): raise ValueError\n", argument)
    assert (ran.code, ran.flaky) == (1, [])


@pytest.mark.parametrize(
    ("text", "code"), [("", 5), ("import nothing_of_this_name", 2), ("import os\ndef test_it(): os._exit(0)", 1)]
)
def test_what_is_no_failure_of_a_test_keeps_its_code(run: Run, text, code):
    ran = run(text, *(("-n", "1") if "_exit" in text else ()))
    assert (ran.code, ran.flaky) == (code, [])
    assert "once more" not in ran.out


def test_a_fixture_that_fails_once_counts_as_its_test(run: Run):
    fixture = "import pytest\n@pytest.fixture\ndef fixed(pytestconfig):\n    yield\n    check(pytestconfig)\n"
    ran = run(fixture + ONCE.format("once").replace("test_once", "check") + "def test_it(fixed): pass\n")
    assert (ran.code, ran.flaky) == (0, ["flaky: test_it.py::test_it"])
    assert "1 passed, 1 error" in ran.out
