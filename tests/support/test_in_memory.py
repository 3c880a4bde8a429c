"""Tests write in memory where there is room for it, and nowhere else unasked."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.support import in_memory
from tests.support.in_memory import LARGEST, MEMORY, PROCESSES_BYTES, ROOM_BYTES, room_bytes, write_in_memory


@pytest.fixture
def unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody said where files go."""
    for name in ("TMPDIR", LARGEST):
        monkeypatch.setenv(name, "")  # and as it was, afterwards
        monkeypatch.delenv(name)
    monkeypatch.setattr(tempfile, "tempdir", None)


@pytest.mark.parametrize(
    ("room", "set_before", "found"),
    [
        (ROOM_BYTES + 1, {}, str(MEMORY)),
        (ROOM_BYTES, {}, None),
        (ROOM_BYTES + 1, {"TMPDIR": "/elsewhere"}, "/elsewhere"),
        (ROOM_BYTES + 1, {LARGEST: "1"}, None),
    ],
    ids=["room", "too little", "said where", "more than there is room for"],
)
def test_they_write_there_where_there_is_room_and_nobody_said_otherwise(unsaid, monkeypatch, room, set_before, found):
    monkeypatch.setattr(in_memory, "room_bytes", lambda _: room)
    for name, value in set_before.items():
        monkeypatch.setenv(name, value)
    write_in_memory()
    assert os.environ.get("TMPDIR") == found


def test_a_folder_of_a_disk_is_no_room_in_memory(tmp_path: Path):
    assert room_bytes(tmp_path) == 0


@pytest.mark.skipif(not room_bytes(MEMORY), reason="none is here")
def test_a_container_has_no_more_room_than_it_is_allowed(monkeypatch, tmp_path: Path):
    assert room_bytes(MEMORY) > 0
    limit, used = tmp_path / "max", tmp_path / "current"
    limit.write_text(f"{PROCESSES_BYTES + 4096}\n")
    used.write_text("4000\n")
    monkeypatch.setattr(in_memory, "LIMIT", limit)
    monkeypatch.setattr(in_memory, "USED", used)
    assert room_bytes(MEMORY) == 96
    used.write_text(f"{PROCESSES_BYTES + 5000}\n")
    assert room_bytes(MEMORY) == 0
    limit.write_text("max\n")
    assert room_bytes(MEMORY) > 96
