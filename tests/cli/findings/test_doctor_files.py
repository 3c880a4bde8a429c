"""The doctor finds which files do not move, what holds each of them up, and what to do."""

import re
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from gateway.cli.findings import doctor_files
from gateway.cli.findings.findings import Finding, Level, Subject
from gateway.home.home import Home
from gateway.moments import MICROS
from gateway.node import files as node_files
from gateway.supervision.attachments import Owner
from tests.cli.findings.test_doctor_store import Usage, change
from tests.store.attaching import BYTES, named, stored
from tests.store.exchanging import settle
from tests.store.stores import Opened
from tests.support.commands import unknown_in
from tests.support.nodes import Site, pair

NOW = datetime.now(UTC)
LONG, SHORT = timedelta(hours=3), timedelta(minutes=5)

Fill = Callable[[Opened, Opened], Awaitable[object]]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Korea, paired with a node that does not run."""
    path = tmp_path_factory.mktemp("doctor-files")
    kr, hk = Site("KR", path / "kr").found(), Site("HK", path / "hk").found()
    pair(kr, hk)
    return kr


@pytest.fixture
def home(founded: Site, tmp_path: Path) -> Home:
    """A copy, to be filled."""
    shutil.copytree(founded.home.path, tmp_path / "home")
    return Home(tmp_path / "home")


async def filled(home: Home, fill: Fill, ago: timedelta) -> None:
    """Puts Korea's database into the home: a notice of Hong Kong's came some time ago, and then what is filled in."""
    hk, kr = (Opened.create(each, "sqlite:///node.db", home.path / each) for each in ("HK", "KR"))
    for store in (hk, kr):
        store.clock = count(int((NOW - ago).timestamp()) * MICROS)
    await hk.release("hk-1", attachments=[named()])
    await settle(hk, kr)
    await fill(hk, kr)
    for store in (hk, kr):
        await store.close()
    shutil.copy(home.path / "KR" / "node.db", home.path)


def findings(home: Home) -> list[Finding]:
    """What is found of files; whatever is not well has a remedy, whose commands there are."""
    found = list(doctor_files.files(Subject(Home(home.path), NOW)))
    for each in found:
        assert unknown_in(f"{each.remedy.todo}; {each.remedy.command}") == []
    return found


async def nothing(_hk: Opened, _kr: Opened) -> None:
    """What the notice names did not begin to come."""


async def some(_hk: Opened, kr: Opened) -> None:
    await stored(kr, Owner(peer="HK"), end=1)


async def whole(_hk: Opened, kr: Opened) -> None:
    await stored(kr, Owner(peer="HK"))


async def sent(hk: Opened, kr: Opened) -> None:
    """A notice of Korea's, too, which waits to be told that its file came."""
    await stored(kr, Owner(peer="HK"))
    await stored(kr, Owner(authority="FSC"))
    await kr.release("kr-1", attachments=[named()], issuing_authority="FSC")
    await settle(kr, hk)


async def test_what_waits_for_a_moment_is_nothing_to_be_told(home):
    await filled(home, nothing, SHORT)
    (found,) = findings(home)
    assert found.level is Level.OK


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("peer_quota_bytes = 1000000", "the attachments of HK have 1000000 bytes, and not so many left"),
        ("max_bytes = 1000000", "must be at most 1000000"),
    ],
)
async def test_what_no_room_is_made_for_is_told_with_the_bound(home, setting, words):
    with home.config_file.open("a") as file:
        file.write(f"\n[attachments]\n{setting}\n")
    await filled(home, nothing, LONG)
    (found,) = findings(home)
    assert found.level is Level.FAIL
    assert "hk-1: a file of 1.0 MiB is not taken" in found.said
    assert words in found.said
    assert found.remedy.command == f"$EDITOR {home.config_file}"


async def test_what_the_disk_has_no_room_for_is_told(home, monkeypatch):
    await filled(home, nothing, LONG)
    monkeypatch.setattr(node_files.shutil, "disk_usage", lambda _: Usage(2**40, 0, 2**31 + len(BYTES) - 1))
    (found,) = findings(home)
    assert (found.level, "the node's disk has no room" in found.said) == (Level.FAIL, True)


async def test_what_a_peer_does_not_send_is_told_with_since_and_until_when(home):
    with home.config_file.open("a") as file:
        file.write("\n[attachments]\nunfinished_days = 2\n")
    await filled(home, some, LONG)
    of_quota, found = findings(home)
    assert (of_quota.level, of_quota.said) == (Level.OK, "HK: 1 file, 1.0 MiB of 256.0 GiB")
    assert found.level is Level.WARN
    assert "hk-1: a file of 1.0 MiB waits for HK to send it: 512.0 KiB are here, the last since" in found.said
    assert found.remedy.todo == doctor_files.NOT_SENT
    last, going = (datetime.fromisoformat(each) for each in re.findall(r"(\S+ \S+) UTC", found.said))
    assert going - last == timedelta(days=2), "what is here does not take room for ever"
    assert found.said.endswith("if no more come: unfinished_days = 2")


async def test_what_is_whole_and_was_not_told_is_told(home):
    await filled(home, whole, LONG)
    assert "is here, and HK was not told so" in findings(home)[-1].said


async def test_what_a_peer_does_not_say_it_holds_is_told(home):
    await filled(home, sent, LONG)
    change(home, "UPDATE notices SET attached_channel = 1, attached_index = 0 WHERE id = 'hk-1'")
    found = findings(home)[-1]
    assert (found.level, found.remedy.todo) == (Level.WARN, doctor_files.NOT_WANTED)
    assert "kr-1: a file of 1.0 MiB waits since" in found.said


async def test_what_this_node_sent_and_lost_is_told(home):
    await filled(home, sent, LONG)
    change(home, "UPDATE attachments SET complete = 0 WHERE authority = 'FSC'")
    found = findings(home)[-1]
    assert (found.level, found.said) == (Level.FAIL, "kr-1: a file of 1.0 MiB is not here")


async def test_the_oldest_of_many_are_told(home, monkeypatch):
    monkeypatch.setattr(doctor_files, "MOST", 1)
    await filled(home, sent, LONG)
    assert [each.level for each in findings(home)][-2:] == [Level.WARN, Level.WARN]
    assert findings(home)[-1].said == "more files wait"


async def test_a_quota_that_fills_is_told(home):
    with home.config_file.open("a") as file:
        file.write(f"\n[attachments]\npeer_quota_bytes = {len(BYTES)}\n")
    await filled(home, some, SHORT)
    found = findings(home)[0]
    assert (found.level, found.said) == (Level.WARN, "HK: 1 file, 1.0 MiB of 1.0 MiB")
    assert "docs/handling.md" in found.remedy.todo
