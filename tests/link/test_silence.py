"""A replica of a peer that stands still is told from a line that is slow; on the simulation's clock."""

import asyncio
from collections.abc import Iterator, Mapping
from random import Random

import pytest

from gateway.link.silence import (
    LONG_SECONDS,
    LONGEST_SECONDS,
    LOOK_SECONDS,
    PATIENCE_SECONDS,
    PAUSE_SECONDS,
    QUICK_SECONDS,
    Silence,
)
from tests.simulation.nodes.loop import VirtualLoop

NEVER = 1e9
AFTER = PATIENCE_SECONDS + LONG_SECONDS + 2 * LOOK_SECONDS
MEANWHILE = LONGEST_SECONDS - LOOK_SECONDS


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop(Random(1))
    yield loop
    loop.close()


class Peer:
    """How long each address takes to be connected to; a negative time: it refuses."""

    def __init__(self, **seconds: float) -> None:
        self.seconds: Mapping[str, float] = seconds
        self.open, self.dialled = 0, list[str]()

    async def reach(self, address: str) -> None:
        self.dialled.append(address)
        self.open += 1
        try:
            await asyncio.sleep(abs(self.seconds[address]))
            if self.seconds[address] < 0:
                raise ConnectionRefusedError
        finally:
            self.open -= 1


def given_up(
    loop: VirtualLoop, peer: Peer, seconds: float, *, heard_every: float = NEVER, awaited: bool = True
) -> bool:
    """Whether the stream to ``a`` was given up within so many seconds."""

    async def listen() -> bool:
        silence = Silence(peer.reach, "a", [each for each in peer.seconds if each != "a"])

        async def hear() -> None:
            while True:
                await asyncio.sleep(heard_every)
                silence.heard()

        hearing = asyncio.create_task(hear())
        try:
            async with asyncio.timeout(seconds):
                await silence.wait(lambda: awaited)
        except TimeoutError:
            return False
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
            assert peer.open == 0, "it leaves no connection behind"
        return True

    return loop.run_until_complete(listen())


def test_a_replica_that_stands_still_is_given_up_where_another_answers(loop: VirtualLoop):
    assert given_up(loop, Peer(a=NEVER, b=0.1), AFTER)


def test_one_of_several_others_is_enough(loop: VirtualLoop):
    assert given_up(loop, Peer(a=NEVER, b=NEVER, c=-0.1, d=0.1), AFTER)


def test_one_that_refuses_stands_still_for_what_it_owes(loop: VirtualLoop):
    """Its listener is gone, and its machine keeps the connection."""
    assert given_up(loop, Peer(a=-0.1, b=0.1), AFTER)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (0.1, 0.1),
        (LONG_SECONDS - 1, 0.1),
        (NEVER, NEVER),
        (NEVER, -0.1),
        (NEVER, QUICK_SECONDS + 1),
    ],
    ids=["answers", "answers late", "the line is dead", "no other is there", "the line is thin"],
)
def test_else_the_stream_goes_on(loop: VirtualLoop, a: float, b: float):
    assert not given_up(loop, Peer(a=a, b=b), MEANWHILE)


@pytest.mark.parametrize("others", [{}, {"b": 0.1}, {"b": NEVER}], ids=["no other", "another answers", "none answers"])
def test_a_silence_of_minutes_ends_the_stream_whoever_answers(loop: VirtualLoop, others: dict[str, float]):
    """The peer may have lost the stream, though it runs: nothing else would ever end it."""
    peer = Peer(a=0.1, **others)
    longest = LONGEST_SECONDS + PAUSE_SECONDS + LONG_SECONDS + LOOK_SECONDS
    assert given_up(loop, peer, longest)
    assert bool(peer.dialled) == bool(others), "there is nothing to compare with"
    assert not given_up(loop, peer, longest, awaited=False)
    assert not given_up(loop, peer, 4 * longest, heard_every=longest / 2)


def test_nothing_is_dialled_while_messages_come_or_none_is_awaited(loop: VirtualLoop):
    peer = Peer(a=NEVER, b=0.1)
    assert not given_up(loop, peer, 600, heard_every=PATIENCE_SECONDS - LOOK_SECONDS)
    assert not given_up(loop, peer, 600, awaited=False)
    assert peer.dialled == []


def test_a_message_that_comes_meanwhile_counts(loop: VirtualLoop):
    assert not given_up(loop, Peer(a=NEVER, b=0.1), 600, heard_every=PATIENCE_SECONDS + LOOK_SECONDS + 1)


def test_a_silence_that_means_nothing_is_not_looked_into_again_and_again(loop: VirtualLoop):
    peer = Peer(a=0.1, b=0.1)
    assert not given_up(loop, peer, MEANWHILE)
    assert len(peer.dialled) <= 2 * (1 + MEANWHILE / PAUSE_SECONDS)
