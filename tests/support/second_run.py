"""Runs pytest as ``make test`` does; where at most three tests failed, runs those once more, alone.

A test that fails and then passes says nothing of the change that is tried, but it is a defect of the test or of the
product, and is told as one, last and loudly. One that fails twice fails the run, and so do more than three.

    python -m tests.support.second_run [pytest's arguments]
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

MOST = 3  # tests that are run again; where more fail, it is not by chance
ALONE = ("-n", "0")  # nothing else runs beside them
NOTE, ONLY = "--note-failures", "--only-noted"  # each with "=": pytest looks for its root at a path by itself


def main(arguments: Sequence[str]) -> int:
    """Gives pytest's exit code, of the second run if there is one."""
    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder) / "failed.json"
        code = _pytest([*arguments, f"{NOTE}={note}"])
        failed = json.loads(note.read_text()) if note.exists() else []
        if code != pytest.ExitCode.TESTS_FAILED or not 0 < len(failed) <= MOST:
            return code
        _say(f"{_tests(failed)} failed, and will be run once more, alone.")
        code = _pytest([*arguments, *ALONE, f"{ONLY}={note}"])
    if code == pytest.ExitCode.OK:
        flaky = (f"  flaky: {each}" for each in failed)
        _say(f"FLAKY: {_tests(failed)} failed first and passed alone. Each is a defect to mend:", *flaky)
    return code


def _say(*lines: str) -> None:
    sys.stdout.write("\n" + "".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _tests(failed: Sequence[str]) -> str:
    return "1 test" if len(failed) == 1 else f"{len(failed)} tests"


def _pytest(arguments: Sequence[str]) -> int:
    """Runs pytest with this module as its plugin. An interrupt is pytest's, which then stops what its tests started."""
    with subprocess.Popen([sys.executable, "-m", "pytest", "-p", __spec__.name, *arguments]) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


# --- the plugin -----------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("second run")
    group.addoption(NOTE, type=Path, metavar="FILE", help="write there which tests failed, if the run came to its end")
    group.addoption(ONLY, type=Path, metavar="FILE", help="run the tests that are named there, and all of them")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # what workers are told, their controller hears
        config.pluginmanager.register(_Failures(config.getoption(NOTE)))


class _Failures:
    """Notes which tests failed, in setup and teardown, too; nothing, if that is not all that went wrong."""

    def __init__(self, note: Path | None) -> None:
        self._note = note
        self._failed: dict[str, None] = {}
        self._only_tests = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed[report.nodeid] = None
            self._only_tests &= report.when in ("setup", "call", "teardown")  # not: it took its whole process down

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._only_tests &= not report.failed

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Of a run that was cut short (``-x``), nobody knows what else would have failed."""
        if self._note and self._only_tests and not (session.shouldfail or session.shouldstop):
            self._note.write_text(json.dumps(list(self._failed)))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    note = config.getoption(ONLY)
    if note is None:
        return
    wanted = set(json.loads(note.read_text()))
    config.hook.pytest_deselected(items=[each for each in items if each.nodeid not in wanted])
    items[:] = [each for each in items if each.nodeid in wanted]
    if missing := wanted - {each.nodeid for each in items}:
        raise pytest.UsageError(f"these failed, and are not found again: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
