import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.errors import ConfigError, Malformed
from gateway.identity.watched_file import WatchedFile

MAX_BYTES = 100


class Watching:
    """A watched file, and what was read of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read: list[bytes] = []
        self.meanwhile = lambda: None  # is done while the file is read
        self.file = WatchedFile(path, self._parse, MAX_BYTES)

    def _parse(self, data: bytes) -> str:
        self.read.append(data)
        self.meanwhile()
        if data.startswith(b"bad"):
            raise Malformed(f"{data.decode()} is not good")
        return data.decode()

    def looks(self) -> str:
        """Looks until a change must have been taken; gives what is in force."""
        with suppress(ConfigError):  # of what was there before
            self.file.look()
        self.file.look()
        return self.file.current

    def refused(self) -> str:
        with pytest.raises(ConfigError) as refused:
            self.looks()
        return refused.value.message


@pytest.fixture
def watching(tmp_path: Path) -> Watching:
    path = tmp_path / "rules.toml"
    path.write_text("one")
    return Watching(path)


def replace(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


def test_a_file_that_stays_the_same_is_read_once(watching):
    assert [watching.looks(), watching.looks()] == ["one", "one"]
    assert watching.read == [b"one"]


@pytest.mark.parametrize("change", [Path.write_text, replace])
def test_a_change_is_taken(watching, change):
    change(watching.path, "two")
    assert watching.looks() == "two"


def test_a_change_of_the_same_size_and_time_is_taken(watching):
    before = watching.path.stat()
    watching.path.write_text("two")
    os.utime(watching.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert watching.looks() == "two"


def test_a_file_that_is_being_written_is_not_read(watching):
    for end in range(1, 5):
        watching.path.write_text("three"[:end])
        watching.file.look()
    assert watching.read == [b"one"]
    watching.path.write_text("three")
    assert watching.looks() == "three"


def test_a_file_that_is_written_while_it_is_read_is_read_again(watching):
    watching.path.write_text("half")
    watching.meanwhile = lambda: watching.path.write_text("whole")
    assert watching.looks() == "one"
    watching.meanwhile = lambda: None
    assert watching.looks() == "whole"
    assert watching.read == [b"one", b"half", b"whole"]


def test_a_link_that_leads_elsewhere_is_followed(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    link = tmp_path / "rules.toml"
    link.symlink_to("one")
    watching = Watching(link)
    link.unlink()
    link.symlink_to("two")
    assert watching.looks() == "two"


def test_a_bad_file_changes_nothing_and_is_told_until_it_is_good(watching):
    watching.path.write_text("bad two")
    for _ in range(2):
        assert watching.refused() == f"what it said before stays in force: {watching.path}: bad two is not good"
    assert watching.file.current == "one"
    assert watching.read == [b"one", b"bad two"]
    watching.path.write_text("three")
    assert watching.looks() == "three"


def test_what_was_good_before_is_good_again(watching):
    watching.path.write_text("bad two")
    watching.refused()
    watching.path.write_text("one")
    assert watching.looks() == "one"


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (Path.unlink, "No such file"),
        (lambda path: path.write_text("x" * (MAX_BYTES + 1)), "is larger than 100 bytes"),
        (lambda path: (path.unlink(), path.mkdir()), "directory"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "is not a file"),
    ],
    ids=["gone", "large", "folder", "pipe"],
)
def test_a_file_that_cannot_be_read_changes_nothing(watching, harm, told):
    harm(watching.path)
    assert told in watching.refused()
    assert watching.file.current == "one"


def test_a_file_that_could_not_be_read_for_a_while_is_read_though_it_stays_the_same(watching, monkeypatch):
    """Else whom an operator shuts out while the node has too many files open would stay in."""
    watching.path.write_text("two")

    def none_left(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", none_left)
        assert "Too many open files" in watching.refused()
    assert watching.file.current == "one"
    assert watching.looks() == "two"


def test_a_file_that_is_bad_at_first_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        Watching(tmp_path / "rules.toml")
    (tmp_path / "rules.toml").write_text("bad")
    with pytest.raises(ConfigError, match="bad is not good"):
        Watching(tmp_path / "rules.toml")
