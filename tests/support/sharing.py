"""What the tests of one folder share, for as long as one of them is next.

A node takes a hundredth of a core also where nobody asks it for anything: those that a whole run had kept until its end
took more than most tests do.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

_opened: dict[Any, Any] = {}  # by what makes them
_closing = ExitStack()


def shared(make: Callable[[pytest.TempPathFactory], AbstractContextManager[T]], paths: pytest.TempPathFactory) -> T:
    """Gives what was made for this folder's tests, or makes it."""
    if make not in _opened:
        _opened[make] = _closing.enter_context(make(paths))
    found: T = _opened[make]
    return found


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After the last test of a folder, ends what its tests shared."""
    if nextitem is None or nextitem.path.parent != item.path.parent:
        _opened.clear()
        _closing.close()
