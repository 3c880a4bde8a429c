"""Since when envelopes wait for their receipts: as commits tell it, and as the database tells it after a start."""

from collections.abc import Sequence

import pytest

from gateway.moments import MICROS
from gateway.store.backlog import MAX_MARKS, Backlog, Mark, read_waiting
from tests.store.stores import HK_TO_KR, KR_TO_HK, NOW, Opened


class Followed:
    """A backlog that follows a store, by a clock of its own; and what it told."""

    def __init__(self, waiting: dict[str, Sequence[Mark]]) -> None:
        self.now = NOW
        self.waited: list[tuple[str, float]] = []
        self.backlog = Backlog(waiting, lambda: self.now, self._delivered)

    def _delivered(self, channel: str, seconds: float) -> None:
        self.waited.append((channel, seconds))

    def follow(self, store: Opened, after: int = 0) -> None:
        self.now += after
        self.backlog.follow(store.committer.latest().states)


@pytest.fixture
def followed() -> Followed:
    return Followed({})


async def test_nothing_waits_in_an_empty_log(hk: Opened, followed: Followed):
    followed.follow(hk)
    assert followed.backlog.oldest(HK_TO_KR) is None
    assert followed.backlog.oldest(KR_TO_HK) is None


async def test_the_oldest_waits_until_a_receipt_covers_it(hk: Opened, followed: Followed):
    await hk.release("hk-1")
    followed.follow(hk)
    await hk.release("hk-2", "hk-3")
    followed.follow(hk, after=5 * MICROS)
    assert followed.backlog.oldest(HK_TO_KR) == NOW
    await hk.keep_receipt()
    followed.follow(hk, after=2 * MICROS)
    assert followed.backlog.oldest(HK_TO_KR) is None
    assert followed.waited == [("hk-to-kr", 7), ("hk-to-kr", 2)]
    await hk.release("hk-4")
    followed.follow(hk, after=1 * MICROS)
    assert followed.backlog.oldest(HK_TO_KR) == NOW + 8 * MICROS


async def test_a_clock_that_goes_back_makes_no_negative_times(hk: Opened, followed: Followed):
    await hk.release("hk-1")
    followed.follow(hk)
    await hk.keep_receipt()
    followed.follow(hk, after=-10 * MICROS)
    assert followed.waited == [("hk-to-kr", 0)]


async def test_what_waited_before_a_start_waits_on(hk: Opened):
    await hk.release("hk-1")
    await hk.keep_receipt()
    await hk.release("hk-2")
    since = hk.state().head
    await hk.release("hk-3")
    await hk.restart()
    states = hk.committer.latest().states
    waiting = await hk.read(read_waiting, states)
    assert [size for size, _ in waiting[HK_TO_KR]] == [2, 3]
    again = Followed(waiting)
    again.follow(hk)
    assert since is not None
    assert again.backlog.oldest(HK_TO_KR) == since.time * MICROS
    await hk.keep_receipt()
    again.follow(hk)
    assert len(again.waited) == 2


async def test_what_has_its_receipt_does_not_wait_after_a_start(hk: Opened):
    await hk.release("hk-1")
    await hk.keep_receipt()
    assert await hk.read(read_waiting, hk.committer.latest().states) == {}


async def test_a_long_silence_takes_little_memory_and_the_oldest_is_kept(hk: Opened):
    await hk.release("hk-1")
    marks = [(size - 3 * MAX_MARKS, NOW + size) for size in range(3 * MAX_MARKS)]  # all below the log's size
    followed = Followed({HK_TO_KR: marks})
    state = hk.state()
    followed.follow(hk)
    assert len(followed.backlog._marks[HK_TO_KR]) <= 1.5 * MAX_MARKS + 2
    assert followed.backlog.oldest(HK_TO_KR) == NOW
    assert followed.backlog._marks[HK_TO_KR][-1] == (state.log.size, NOW)
