"""What all tests share: an environment that says nothing, a pair of nodes that run, and property tests that do not care
how fast the machine is."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from gateway.identity.access.access import Role
from tests.support import properties  # noqa: F401 - it registers the profiles
from tests.support.compiling import compiled_once
from tests.support.garbage import look_for_garbage_rarely
from tests.support.in_memory import write_in_memory
from tests.support.long_form import is_left_out
from tests.support.nodes import Site, found_pair, running
from tests.support.postgresql import server
from tests.support.sharing import pytest_runtest_teardown, shared  # noqa: F401 - a hook of this conftest

FOUR_EYES = """
[[four_eyes.rules]]
name = "narrow"
handling = "AMBER_STRICT"

[[four_eyes.rules]]
name = "takes-back"
acts = ["withdraw_notice"]

[[four_eyes.rules]]
name = "law"
acts = ["publish_version", "assess"]
"""

# What a shell may tell of itself and of its window: here, and to every process that a test starts, nothing is said.
for _name in ("COLUMNS", "LINES", "TERM", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "GATEWAY_PROFILE"):
    os.environ.pop(_name, None)

write_in_memory()
settings.load_profile("short")  # unless --hypothesis-profile says another

# Their files take longest. What comes last are thousands of small tests, with which workers end at the same time.
FIRST = ("crash", "docs", "pair", "hostile", "store", "rpc", "cli")


def pytest_report_header() -> str:
    return "long forms: left out, each until its variable says how much of it is to be done (make test-long)"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        return FIRST.index(folder) if folder in FIRST else len(FIRST)

    config.hook.pytest_deselected(items=[each for each in items if is_left_out(each)])
    items[:] = sorted((each for each in items if not is_left_out(each)), key=place)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Nothing of what imports and the collection made is ever garbage: looked at again and again, it takes time."""
    look_for_garbage_rarely()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With workers (``-n``), each file is one's, in the order above: its nodes are started once."""
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The socket's folder of a server of our own."""
    with server(tmp_path_factory.getbasetemp().parent) as running:
        yield running.folder


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    with compiled_once():
        yield


@pytest.fixture(scope="module")
def started_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Site]:
    """Hong Kong and Korea as two processes, for tests that leave no trace others would stumble over."""
    return shared(_started_pair, tmp_path_factory)


@contextmanager
def _started_pair(paths: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(paths.mktemp("pair"))
    with running(hk, kr):
        yield hk, kr


@pytest.fixture(scope="module")
def four_eyes_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Site]:
    """The same, with rules of four eyes in Hong Kong; SFC has a second system, its desk, which approves."""
    return shared(_four_eyes_pair, tmp_path_factory)


@contextmanager
def _four_eyes_pair(paths: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(paths.mktemp("four-eyes"))
    hk.configure(FOUR_EYES)
    hk.add_client("SFC", [Role.APPROVER], system="desk")
    hk.add_client("SFC", [Role.APPROVER], system="board")
    with running(hk, kr):
        yield hk, kr
