"""A node whose system calls fail, or kill it, while it stores an act or what its peer sends: nothing answered is lost.

The short form takes some of the calls, the long form each call of one notice and its receipt, at both nodes.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.careful import Careful
from tests.support.invariants import Witness, is_at_rest
from tests.support.long_form import long_form
from tests.support.nodes import Site, eventually, found_pair, running
from tests.support.strace import Call, calls_in, needs_strace, traced, was_injected

pytestmark = needs_strace

KILL, BROKEN, FULL = "signal=SIGKILL", "error=EIO", "error=ENOSPC"
BROKEN_STORAGE_EXIT = 5
SYNCING = ("fsync", "fdatasync")


@dataclass
class Pair:
    """Two nodes, and who works at them."""

    hk: Site
    kr: Site
    log: Path

    def __post_init__(self) -> None:
        self.office = Careful(self.hk, "KR")
        self.witness = Witness(self.hk, self.kr)

    def rest(self) -> None:
        eventually(lambda: is_at_rest(self.hk) and is_at_rest(self.kr))

    def hit(self, victim: Site, call: str, number: int, fault: str) -> None:
        """Has one notice given, and the n-th call of a kind of the victim's fail; passes if all holds in the end."""
        self.rest()
        ends = fault != FULL or call in SYNCING  # a failed sync is not tried again, whatever it says
        with traced(victim, self.log, inject=f"{call}:{fault}:when={number}"):
            request_id, answered = self.work_until_hit(victim)
            if ends:
                eventually(lambda: victim.process.poll() is not None)
        if not ends:
            assert victim.process.poll() is None, "a full disk is no reason to end"
        else:
            self._start_again(victim, fault)
        self.settle(request_id, answered)

    def work_until_hit(self, victim: Site) -> tuple[str, bool]:
        """Gives the first request that was made, and whether it was answered.

        The peer's part comes later, and the calls are not always the same.
        """
        request_id = str(uuid.uuid4())
        answered = self.office.try_once(request_id)
        for _ in range(50):
            if victim.process.poll() is not None or was_injected(self.log):
                return request_id, answered
            self.office.try_once(str(uuid.uuid4()), deadline_seconds=5)
        raise AssertionError("the call is not made")

    def settle(self, request_id: str, answered: bool) -> None:
        if not answered:
            self.office.insist(request_id)
        self.witness.settle({"HK": self.office.answered})

    def _start_again(self, victim: Site, fault: str) -> None:
        """As a service manager does it."""
        code = victim.wait_for_end()
        if fault != KILL:
            assert code == BROKEN_STORAGE_EXIT
            assert "the storage failed" in victim.log_text()
            check_nothing_written_after(calls_in(self.log))
        victim.start()


def check_nothing_written_after(calls: list[Call]) -> None:
    """After an error of the disk nothing is written or synced again, by whatever thread."""
    failed = next(place for place, call in enumerate(calls) if call.is_injected)
    assert calls[failed + 1 :] == []


@pytest.fixture(scope="module")
def own_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("calls")
    hk, kr = found_pair(folder)
    with running(hk, kr):
        pair = Pair(hk, kr, folder / "strace")
        pair.office.insist()
        yield pair


def test_an_answer_is_given_once_its_commit_is_synced(own_pair: Pair) -> None:
    own_pair.rest()
    with traced(own_pair.hk, own_pair.log, of=("pwrite64", "fsync", "fdatasync")):
        assert own_pair.office.try_once(str(uuid.uuid4()))
        calls = calls_in(own_pair.log)  # the log of strace has each call before the process goes on
    names = [call.name for call in calls]
    assert "pwrite64" in names
    assert {"fsync", "fdatasync"} & {*names[names.index("pwrite64") :]}


@pytest.mark.parametrize(
    ("victim", "call", "number", "fault"),
    [
        ("hk", "pwrite64", 1, KILL),
        ("hk", "fsync", 1, BROKEN),
        ("hk", "pwrite64", 4, FULL),
        ("kr", "fsync", 1, KILL),
        ("kr", "pwrite64", 3, BROKEN),
    ],
)
def test_a_call_that_fails_or_kills_loses_nothing(own_pair: Pair, victim, call, number, fault) -> None:
    own_pair.hit(getattr(own_pair, victim), call, number, fault)


@long_form
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("fault", [KILL, BROKEN, FULL])
@pytest.mark.parametrize("victim", ["hk", "kr"])
def test_every_call_of_a_notice_and_its_receipt_may_fail(own_pair: Pair, victim, fault) -> None:
    """The receipt comes back in the same few commits, so the calls of both are counted, and each fails once."""
    site = getattr(own_pair, victim)
    own_pair.rest()
    with traced(site, own_pair.log):
        own_pair.office.insist()
        own_pair.rest()
    names = [call.name for call in calls_in(own_pair.log)]
    for call in dict.fromkeys(names):
        for number in range(1, names.count(call) + 1):
            own_pair.hit(site, call, number, fault)
