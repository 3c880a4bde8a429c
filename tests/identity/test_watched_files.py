"""A value from several files: taken when all of them fit, kept while they do not, and told once that has lasted."""

import os

import pytest

from gateway.errors import ConfigError
from gateway.identity.watched_files import SETTLE_SECONDS, WatchedFiles


class Pair:
    """Two files that must hold the same word."""

    def __init__(self, folder) -> None:
        self.files = [folder / "one", folder / "other"]
        self.now = 0.0
        self.meanwhile = lambda: None  # is done once the files are read
        self.write("a", "a")
        self.watched = WatchedFiles("pair", lambda: self.files, self.load, lambda: self.now)

    def write(self, *words):
        for file, word in zip(self.files, words, strict=False):
            file.write_text(word)

    def load(self):
        found = self.loaded()
        self.meanwhile()
        return found

    def loaded(self):
        one, other = (file.read_text() for file in self.files)
        if one != other:
            raise ConfigError(f"{one} is not {other}")
        return one

    def look(self):
        """Two looks: a change is taken at the second that finds it."""
        for _ in range(2):
            self.watched.look()


@pytest.fixture
def pair(tmp_path):
    return Pair(tmp_path)


def test_what_changed_is_taken(pair):
    pair.write("bb", "bb")
    pair.watched.look()
    assert pair.watched.current == "a", "it may be written still"
    pair.watched.look()
    assert pair.watched.current == "bb"
    assert pair.watched.failing_seconds() == 0


def test_what_is_written_while_it_is_read_is_read_again(pair):
    pair.write("", "")
    pair.meanwhile = lambda: pair.write("whole", "whole")
    pair.look()
    assert pair.watched.current == "a"
    pair.meanwhile = lambda: None
    pair.look()
    assert pair.watched.current == "whole"


def test_files_that_are_replaced_one_by_one_are_no_fault(pair):
    pair.write("bb")
    pair.look()
    assert pair.watched.current == "a"
    pair.now += SETTLE_SECONDS / 2
    pair.write("bb", "bb")
    pair.look()
    assert pair.watched.current == "bb"


def test_what_cannot_be_taken_keeps_the_old_and_is_told_once_it_has_lasted(pair):
    pair.write("bb")
    pair.look()
    pair.now += SETTLE_SECONDS
    for _ in range(2):
        with pytest.raises(ConfigError, match="stays as it was: bb is not a"):
            pair.watched.look()
    assert pair.watched.current == "a"
    assert pair.watched.failing_seconds() == SETTLE_SECONDS
    pair.write("bb", "bb")
    with pytest.raises(ConfigError):
        pair.watched.look()
    pair.watched.look()
    assert pair.watched.current == "bb"
    assert pair.watched.failing_seconds() == 0


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: path.write_bytes(b"\xff\xfe")])
def test_a_file_that_is_lost_or_unreadable_keeps_the_old(pair, harm):
    harm(pair.files[1])
    pair.look()
    pair.now += SETTLE_SECONDS
    with pytest.raises(ConfigError):
        pair.watched.look()
    assert pair.watched.current == "a"


def test_a_value_that_must_be_there_at_the_start_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        WatchedFiles("pair", lambda: [tmp_path / "one"], (tmp_path / "one").read_text)


def test_a_file_of_the_same_length_and_time_is_known_by_its_inode(pair, tmp_path):
    before = pair.files[0].stat()
    for file in pair.files:
        beside = tmp_path / f".{file.name}"
        beside.write_text("b")
        os.utime(beside, ns=(before.st_atime_ns, before.st_mtime_ns))
        beside.replace(file)
    pair.look()
    assert pair.watched.current == "b"
