"""A node that is forked is a process like any other: it ends with its own code, and has nothing of who forked it."""

import os
import resource
import signal
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.support.nodes import STOP_SECONDS, Site, running

MOST_OF_SELECT = 1024  # descriptors; see select(2)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site("HK", tmp_path / "hk").found()


def test_each_node_has_an_end_of_its_own(site: Site, tmp_path: Path):
    other = Site("KR", tmp_path / "kr").found()
    with running(site, other):
        assert site.process.poll() is other.process.poll() is None
        assert site.pid != other.pid
        assert site.stop(signal.SIGKILL) == -signal.SIGKILL
        assert other.process.poll() is None
        assert other.stop() == 0
        assert site.process is other.process is None


def test_what_does_not_start_says_why_and_ends_with_its_code(site: Site):
    site.home.config_file.unlink()
    with site.launch() as process:
        assert process.wait(STOP_SECONDS) == process.poll() == 5
        assert process.stdout.read() == ""
    assert str(site.home.path) in site.log_text()


def test_it_has_the_environment_and_the_files_of_a_process_that_was_started(site: Site):
    site.start(GATEWAY_TEST="here")
    try:
        described = Path(f"/proc/{site.pid}")
        files: dict[str, str] = {}
        for each in (described / "fd").iterdir():
            with suppress(FileNotFoundError):  # it runs, and has just closed this one
                files[each.name] = str(each.readlink())
        assert files["1"].startswith("pipe:")
        assert files["2"] == str(site.path / "serve.log")
        assert not [each for each in files.values() if "pidfd" in each]
        assert described.joinpath("cwd").readlink() == Path.cwd()
    finally:
        site.stop()


def test_it_is_waited_for_in_a_process_that_has_many_files_open(site: Site):
    with ExitStack() as stack:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, MOST_OF_SELECT + 200), hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        while stack.enter_context(Path(os.devnull).open()).fileno() < MOST_OF_SELECT:
            pass
        site.start()
        assert site.stop() == 0


def test_a_start_after_an_end_is_another_process(site: Site):
    site.start()
    first = site.pid
    assert site.stop() == 0
    site.start()
    assert site.pid != first
    assert site.stop() == 0
