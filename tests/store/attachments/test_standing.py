"""What is told of files to those who look after a node: what they amount to, and which notices wait for theirs."""

from datetime import date

from google.type.date_pb2 import Date

from gateway.moments import MICROS
from gateway.store.attachments.standing import read_awaited, read_totals
from gateway.store.tables import notices
from gateway.supervision.attachments import CHUNK_BYTES, Owner, Totals
from gateway.supervision.envelopes.envelopes import attachments_received
from tests.store.attaching import BYTES, FROM_KR, SFC, named, stored
from tests.store.exchanging import settle
from tests.store.stores import HK_TO_KR, RECIPIENT, Opened
from tests.supervision.samples import handling

SMALL = b"A small one."


async def test_what_files_amount_to_is_told_by_owner(hk: Opened):
    await stored(hk)
    await stored(hk, data=SMALL)
    await stored(hk, FROM_KR, end=1)
    assert await hk.read(read_totals) == {
        SFC: Totals(2, len(BYTES) + len(SMALL), 0, 0, 0),
        FROM_KR: Totals(0, 0, 1, len(BYTES), CHUNK_BYTES),
    }


async def test_notices_wait_from_their_receipt_until_their_receiver_says_that_it_has_all(hk: Opened, kr: Opened):
    await stored(hk)
    await stored(hk, data=SMALL)
    await hk.release("hk-1", attachments=[named(), named(SMALL, "b.pdf")])
    await hk.release("hk-2", attachments=[named(SMALL)])
    await hk.release("hk-3")
    assert await hk.read(read_awaited) == {}
    await settle(hk, kr)
    receipts = {row["receipt_time"] * MICROS for row in await hk.rows(notices)}
    channel = hk.state(HK_TO_KR).id
    sent = (await hk.read(read_awaited))[channel]
    assert (sent.notices, sent.to_come_bytes, sent.since) == (2, len(BYTES) + 2 * len(SMALL), min(receipts))
    assert sent.touched_at is None


async def test_what_a_receiver_has_of_a_file_is_not_to_come(hk: Opened, kr: Opened):
    await hk.release("hk-1", attachments=[named(), named(SMALL, "b.pdf")])
    await settle(hk, kr)
    channel = kr.state(HK_TO_KR).id
    assert (await kr.read(read_awaited))[channel].touched_at is None
    record = await stored(kr, Owner(peer="HK"), end=1)
    known = (await kr.read(read_awaited))[channel]
    assert (known.notices, known.to_come_bytes) == (1, len(BYTES) - CHUNK_BYTES + len(SMALL))
    assert known.touched_at == record.touched_at
    await kr.committer.submit(
        lambda tx: tx.seal(kr.outgoing, RECIPIENT, lambda seal: attachments_received(seal, "hk-1"))
    )
    assert await kr.read(read_awaited) == {}
    await settle(kr, hk)
    assert await hk.read(read_awaited) == {}


async def test_what_its_sender_destroyed_before_it_came_is_not_waited_for(hk: Opened, kr: Opened):
    until = Date(year=2026, month=1, day=2)
    await hk.release("hk-1", attachments=[named(SMALL)], handling=handling(retain_until=until))
    await settle(hk, kr)
    await hk.destroy(date(2026, 1, 3))
    await settle(hk, kr)
    assert [await store.read(read_awaited) for store in (hk, kr)] == [{}, {}]
