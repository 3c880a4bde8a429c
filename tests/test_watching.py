"""What fills up raises one alarm, which ends once there is clearly room again."""

import asyncio
import errno
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import watching
from gateway.alarms import Alarms
from gateway.errors import Overloaded, SealUnavailable
from gateway.identity.seals.signers import Keyring
from gateway.moments import MICROS
from gateway.store.waiting import MAX_WAITING_WEIGHT
from gateway.watching import LEAST_FREE_BYTES, RoomWatch, SealKeyWatch, disk_room, queue_room
from tests.store.stores import CERTIFIED, SEALS


def is_full(room: RoomWatch) -> bool:
    try:
        room.look()
    except Overloaded:
        return True
    return False


def test_an_alarm_does_not_flap_around_the_mark():
    levels = iter([79, 80, 79, 21, 20, 79, 81])
    room = RoomWatch("queue", lambda: next(levels), full=80, roomy=20, said="full")
    assert [is_full(room) for _ in range(7)] == [False, True, True, True, True, True, True]
    levels = iter([19.9, 79])
    assert [is_full(room) for _ in range(2)] == [False, False]


def test_the_words_stay_the_same_so_that_it_is_told_once():
    levels = iter([80, 90])
    room = RoomWatch("queue", lambda: next(levels), full=80, roomy=20, said="full")
    for _ in range(2):
        with pytest.raises(Overloaded, match=r"^full$"):
            room.look()


@pytest.mark.parametrize(("free", "full"), [(LEAST_FREE_BYTES + 1, False), (LEAST_FREE_BYTES, True)])
def test_a_disk_is_full_below_a_gibibyte(monkeypatch, tmp_path: Path, free, full):
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(watching.shutil, "disk_usage", lambda _: usage)
    assert is_full(disk_room(tmp_path)) is full


@pytest.mark.parametrize(("part", "full"), [(0.79, False), (0.81, True)])
def test_a_queue_is_full_before_callers_are_refused(part, full):
    assert is_full(queue_room(lambda: int(part * MAX_WAITING_WEIGHT))) is full


class Told:
    """A writer of events that keeps nothing."""

    async def submit(self, _unit: object, **_keys: object) -> None: ...


class Falls:
    name = "roots"

    def __init__(self) -> None:
        self.looks, self.often = 0, threading.Event()

    def look(self) -> None:
        self.looks += 1
        if self.looks == 5:
            self.often.set()
        raise OSError(errno.EMFILE, "Too many open files", "/etc/secret")


async def test_what_cannot_be_looked_at_is_told_once_however_often_it_fails(monkeypatch, caplog):
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.001)
    alarms, falls = Alarms(Told(), lambda: 1), Falls()
    task = asyncio.create_task(watching.watch([falls], alarms))
    assert await asyncio.to_thread(falls.often.wait, 60)
    task.cancel()
    assert [record.msg for record in caplog.records] == ["alarm_raised", "file_not_looked_at"]
    assert [alarm.detail for alarm in alarms.current()] == ["could not be looked at: OSError(EMFILE)"]


async def test_one_that_falls_keeps_the_others_from_nothing(monkeypatch):
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.001)
    alarms, falls, after = Alarms(Told(), lambda: 1), Falls(), Falls()
    after.name = "lists"
    task = asyncio.create_task(watching.watch([falls, after], alarms))
    assert await asyncio.to_thread(after.often.wait, 60)
    task.cancel()
    assert [alarm.about for alarm in alarms.current()] == ["roots", "lists"]


@pytest.mark.parametrize(
    ("seconds", "said"), [(99, r"begin at 1970-01-01 00:01 UTC"), (201, r"ended at 1970-01-01 00:03 UTC")]
)
def test_a_seal_whose_certificates_are_not_valid_is_told_of_for_as_long(seconds, said):
    seal = replace(CERTIFIED["HK"], not_before=100, not_after=200)
    now = [seconds * MICROS]
    seals = SealKeyWatch(Keyring([(seal, SEALS["HK"])]), lambda: seal, lambda: now[0])
    with pytest.raises(SealUnavailable, match=said):
        seals.look()
    now[0] = 150 * MICROS
    seals.look()
