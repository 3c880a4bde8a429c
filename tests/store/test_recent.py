"""What was sealed last and is still in memory: the same batches as the log gives, and nothing that is not durable."""

import pytest

from gateway.store import logs, recent
from gateway.store.logs import read_batch
from tests.store.failing import fail_commit
from tests.store.stores import HK_TO_KR, Opened, refused

COUNTS = (2, 3, 1, 4)


async def grow(hk: Opened) -> None:
    """A commit of so many notices each."""
    for number, count in enumerate(COUNTS):
        await hk.release(*(f"hk-{number}-{n}" for n in range(count)))


@pytest.mark.parametrize(("bound", "value"), [("MAX_BATCH_ENVELOPES", 5), ("MAX_BATCH_BYTES", 2000), ("", 0)])
async def test_a_batch_from_memory_is_what_the_log_gives(hk: Opened, monkeypatch, bound, value):
    if bound:
        monkeypatch.setattr(logs, bound, value)
        monkeypatch.setattr(recent, bound, value)
    await grow(hk)
    heads = (0, 2, 5, 6, 10)
    for place, first in enumerate(heads):
        for limit in heads[place + 1 :]:
            found = hk.committer.recent.batch(HK_TO_KR, first, limit)
            assert found == await hk.read(read_batch, hk.state().id, first, limit)


async def test_a_batch_that_begins_within_a_run_is_left_to_the_log(hk: Opened):
    await grow(hk)
    assert hk.committer.recent.batch(HK_TO_KR, 1, 10) is None
    assert hk.committer.recent.batch(HK_TO_KR, 10, 10) is None


async def test_what_is_older_than_so_many_bytes_goes(hk: Opened, monkeypatch):
    monkeypatch.setattr(recent, "KEPT_BYTES", 2000)
    await grow(hk)
    assert hk.committer.recent.batch(HK_TO_KR, 0, 10) is None
    assert hk.committer.recent.batch(HK_TO_KR, 6, 10) is not None


async def test_a_run_larger_than_all_that_is_kept_is_not(hk: Opened, monkeypatch):
    monkeypatch.setattr(recent, "KEPT_BYTES", 10)
    await grow(hk)
    assert hk.committer.recent.batch(HK_TO_KR, 6, 10) is None


async def test_nothing_is_kept_beyond_a_commit_that_may_have_been_made_since_it_may_have_destroyed_content(hk: Opened):
    await grow(hk)
    fail_commit(hk, after=True)
    await refused(hk.release("hk-last"))
    assert hk.committer.recent.batch(HK_TO_KR, 0, 10) is None


async def test_what_a_failed_commit_sealed_is_not_kept(hk: Opened):
    fail_commit(hk)
    await refused(hk.release("hk-1"))
    assert hk.committer.recent.batch(HK_TO_KR, 0, 1) is None
