"""What a folder's tests share is made once, and ended with the last of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support import sharing

HERE, THERE = Path("here"), Path("there")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was made and ended, in what this test shares with no other."""
    monkeypatch.setattr(sharing, "_opened", {})
    monkeypatch.setattr(sharing, "_closing", sharing.ExitStack())
    return []


def test_it_is_one_for_all_files_of_a_folder_and_another_one_in_the_next(told, tmp_path_factory):
    @contextmanager
    def make(_: pytest.TempPathFactory) -> Iterator[int]:
        told.append("made")
        yield len(told)
        told.append("ended")

    def after(folder: Path, following: Path | None) -> None:
        nextitem = following and SimpleNamespace(path=following / "test_b.py")
        sharing.pytest_runtest_teardown(SimpleNamespace(path=folder / "test_a.py"), nextitem)

    assert sharing.shared(make, tmp_path_factory) == 1
    after(HERE, HERE)
    assert sharing.shared(make, tmp_path_factory) == 1
    after(HERE, THERE)
    assert told == ["made", "ended"]
    assert sharing.shared(make, tmp_path_factory) == 3
    after(THERE, None)
    assert told == ["made", "ended", "made", "ended"]
