"""Logs: batches for the wire, edges and proofs at any size, against the RFC's own recursion."""

import pytest
from sqlalchemy import text

from gateway.errors import BadInput, Corrupt, NotFound
from gateway.ledger.merkle import leaf_hash
from gateway.ledger.proof import verify_consistency, verify_inclusion
from gateway.store import logs
from gateway.store.logs import channel_id, read_batch, read_range, read_recalled
from gateway.store.proofs import read_consistency, read_inclusion
from gateway.store.tables import leaves
from gateway.supervision.disclosure import EVERYTHING
from tests.ledger import oracle
from tests.ledger.samples import log_of
from tests.store.stores import HK_TO_KR, NOW, Opened


async def grow(hk: Opened, *counts: int) -> list[bytes]:
    """Appends so many notices, a commit each; gives all envelopes."""
    for count in counts:
        size = hk.state().log.size
        await hk.release(*(f"hk-{size + n}" for n in range(count)))
    return [row["data"] for row in await hk.rows(leaves)]


async def test_a_batch_goes_to_the_last_checkpoint_that_fits(hk: Opened, monkeypatch):
    datas = await grow(hk, 2, 3, 4)
    monkeypatch.setattr(logs, "MAX_BATCH_ENVELOPES", 6)
    batch = await hk.read(read_batch, hk.state().id, 0, 9)
    assert list(batch.envelopes) == datas[:5]
    assert f"\n{5}\n" in batch.checkpoint.decode()
    rest = await hk.read(read_batch, hk.state().id, 5, 9)
    assert (rest.first_index, list(rest.envelopes)) == (5, datas[5:])


async def test_a_batch_goes_no_further_than_its_limit(hk: Opened):
    datas = await grow(hk, 2, 3, 4)
    assert list((await hk.read(read_batch, hk.state().id, 0, 5)).envelopes) == datas[:5]
    assert list((await hk.read(read_batch, hk.state().id, 2, 8)).envelopes) == datas[2:5]


async def test_a_batch_stays_within_its_bytes_but_has_at_least_one_commit(hk: Opened, monkeypatch):
    datas = await grow(hk, 1, 1, 1)
    monkeypatch.setattr(logs, "MAX_BATCH_BYTES", len(datas[0]) + len(datas[1]))
    assert list((await hk.read(read_batch, hk.state().id, 0, 3)).envelopes) == datas[:2]
    monkeypatch.setattr(logs, "MAX_BATCH_BYTES", 1)
    assert list((await hk.read(read_batch, hk.state().id, 0, 3)).envelopes) == datas[:1]


async def test_a_batch_without_checkpoint_or_envelopes_is_corrupt(hk: Opened):
    await grow(hk, 3)
    with pytest.raises(Corrupt, match="no checkpoint"):
        await hk.read(read_batch, hk.state().id, 0, 2)
    hk.execute('DELETE FROM leaves WHERE "index" = 1')
    with pytest.raises(Corrupt, match="not all stored"):
        await hk.read(read_batch, hk.state().id, 0, 3)


async def test_edges_and_proofs_of_every_size_are_those_of_the_rfc(hk: Opened):
    datas = await grow(hk, 300, 257, 43)
    channel = hk.state().id
    with hk.database.readers.connect() as connection:
        for size in range(601):
            assert read_range(connection, channel, size) == log_of(datas[:size])
        for size in (1, 2, 255, 256, 257, 511, 512, 513, 600):
            root = oracle.mth(datas[:size])
            assert read_range(connection, channel, size).root() == root
            parts = read_consistency(connection, HK_TO_KR, size, 600)
            assert (parts.first_root, parts.second_root) == (root, oracle.mth(datas))
            assert parts.hashes == oracle.proof(size, datas)
            verify_consistency(size, 600, parts.first_root, parts.second_root, parts.hashes)


async def test_an_inclusion_proof_leads_to_the_first_receipt_that_covers_it(hk: Opened):
    datas = await grow(hk, 2)
    receipt = await hk.keep_receipt(NOW // 1_000_000)
    datas = await grow(hk, 3)
    parts = await hk.read(read_inclusion, EVERYTHING, HK_TO_KR, 1)
    assert (parts.receipted, parts.note, parts.envelope) == (True, receipt.note, datas[1])
    assert parts.proof == oracle.path(1, datas[:2])
    parts = await hk.read(read_inclusion, EVERYTHING, HK_TO_KR, 3)
    assert (parts.receipted, parts.note) == (False, hk.state().head.note)
    assert parts.proof == oracle.path(3, datas)
    verify_inclusion(leaf_hash(datas[3]), 3, 5, parts.proof, oracle.mth(datas))


async def test_recalled_hashes_follow_on_the_edge(hk: Opened):
    datas = await grow(hk, 9)
    log, hashes = await hk.read(read_recalled, hk.state().id, 4, 3)
    assert log == log_of(datas[:4])
    assert hashes == [leaf_hash(data) for data in datas[4:7]]


async def test_what_is_not_there_is_named(hk: Opened):
    await grow(hk, 2)
    with pytest.raises(NotFound):
        await hk.read(channel_id, "x/to/y")
    with pytest.raises(NotFound):
        await hk.read(read_inclusion, EVERYTHING, HK_TO_KR, 2)
    with pytest.raises(Corrupt):
        await hk.read(read_range, hk.state().id, 3)


@pytest.mark.parametrize(
    ("first", "second", "field"), [(1, 3, "second_size"), (0, 2, "first_size"), (2, 1, "first_size")]
)
async def test_consistency_of_sizes_that_never_were_is_refused(hk: Opened, first, second, field):
    await grow(hk, 2)
    with pytest.raises(BadInput) as caught:
        await hk.read(read_consistency, HK_TO_KR, first, second)
    assert caught.value.violations[0].field == field


async def test_reading_goes_on_beside_a_writer(hk: Opened):
    await grow(hk, 1)
    with hk.database.readers.connect() as connection:
        before = connection.execute(text("SELECT count(*) FROM leaves")).scalar()
        await grow(hk, 1)
        assert connection.execute(text("SELECT count(*) FROM leaves")).scalar() == before
