"""Content that is destroyed does not come back: a node that lost what it had gets hashes, and nothing beside them."""

from collections.abc import Callable

import pytest
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import select, update

from gateway.carrier import Carrier
from gateway.errors import GatewayError, Malformed
from gateway.ledger.steps import StoreReceipt
from gateway.store import logs, writing
from gateway.store.clocks import Clock
from gateway.store.tables import heads, leaves, notices
from tests.store.destruction import (
    CANARY,
    CANARY_FIELD,
    NEXT_DAY,
    destroy,
    found,
    kept_until,
    lost_everything,
    message,
    three_notices,
)
from tests.store.exchanging import exchange, settle
from tests.store.rotating import rotate
from tests.store.stores import DOMAINS, HK_TO_KR, KR_TO_HK, NOW, Opened, refused


@pytest.fixture
async def pair(hk: Opened, kr: Opened) -> tuple[Opened, Opened]:
    return await three_notices(hk, kr)


async def test_a_node_that_was_restored_from_before_gets_hashes_and_no_content(pair):
    """Each side in turn loses all, its certificate too; the other still knows the hashes, and that is enough."""
    hk, _ = pair
    for lost, other in (pair, pair[::-1]):
        emptied = lost_everything(lost)
        if lost is hk:
            await destroy(*pair)
        await lost.restore(emptied)
        for _ in range(3):
            await settle(lost, other)
        assert found(lost) == []
        assert [lost.state(each).log for each in (HK_TO_KR, KR_TO_HK)] == [
            other.state(each).log for each in (HK_TO_KR, KR_TO_HK)
        ]
        assert not (await message(lost, "hk-2")).HasField("content")


async def test_what_it_held_once_is_not_taken_before_it_can_give_a_receipt_for_it(pair):
    """Else it would pass for what it never held, and a receipt for the channel would be withheld for good."""
    hk, kr = pair
    await destroy(*pair)
    await kr.restore(lost_everything(kr))
    clock = Clock(lambda: NOW, lambda: 0)
    clock.go_on_from(0)
    if not kr.database.is_local:
        pytest.skip("the server tells the time")
    kr.committer._session.witnesses = clock
    with pytest.raises(GatewayError, match="no receipt is given now"):
        await exchange(hk, kr)
    assert kr.state(HK_TO_KR).log.size == 0
    clock.peer(DOMAINS["HK"], str(NOW))
    await settle(hk, kr)
    assert kr.state(HK_TO_KR).receipted_size == hk.state().log.size
    assert kr.state(HK_TO_KR).log.size == hk.state().log.size


def with_text(left: Envelope) -> bytes:
    left.notice_released.content.title.add(language_tag="en", text=CANARY)
    return left.SerializeToString(deterministic=True)


def with_salt(left: Envelope) -> bytes:
    left.salt = CANARY.encode()[:16]
    return left.SerializeToString(deterministic=True)


async def test_what_is_left_of_a_reply_that_came_back_first_is_taken_once_its_notice_is_there(pair):
    hk, kr = pair
    await destroy(*pair)
    before = (await message(hk, "hk-2")).state
    await hk.restore(lost_everything(hk))
    await exchange(kr, hk)  # the acknowledgement, of a notice that is not back yet
    await exchange(hk, kr)
    assert (await message(hk, "hk-2")).state == before == Notice.ACKNOWLEDGED


async def test_a_receiver_takes_hashes_below_a_head_that_its_sender_has_no_receipt_for(
    hk: Opened, kr: Opened, monkeypatch
):
    """Receipts get lost, and heads without one are kept where a batch could not go further, or the seal turns."""
    monkeypatch.setattr(logs, "MAX_BATCH_ENVELOPES", 2)
    monkeypatch.setattr(writing, "MAX_BATCH_ENVELOPES", 2)
    await hk.release("hk-1", **kept_until())
    await hk.release("hk-2", "hk-3")
    await rotate(hk)
    await hk.release("hk-5", **kept_until())
    with monkeypatch.context() as patch:
        patch.setitem(Carrier._effects, StoreReceipt, _lost)
        await exchange(hk, kr)
    assert (hk.state().receipted_size, kr.state(HK_TO_KR).log.size) == (0, 5)
    await settle(hk, kr)
    await destroy(hk, kr)
    unreceipted = [row["size"] for row in await hk.rows(heads) if row["channel"] == 1 and row["receipt_time"] is None]
    assert unreceipted == [1, 3, 4]
    await kr.restore(lost_everything(kr))
    await settle(hk, kr)
    assert kr.state(HK_TO_KR).log == hk.state().log
    assert found(kr) == []


async def test_a_receiver_that_lost_all_takes_hashes_before_what_it_never_countersigned(hk: Opened, kr: Opened):
    """A batch that held both would be refused, again and again: no receipt covers it."""
    await hk.release("hk-1", **kept_until())
    await hk.release("hk-2")
    await settle(hk, kr)
    await kr.restore(lost_everything(kr))
    await hk.destroy(NEXT_DAY)  # its certificate has no receipt
    await settle(hk, kr)
    assert kr.state(HK_TO_KR).log == hk.state().log
    assert hk.state().receipted_size == 3
    mine = kr.state(HK_TO_KR).id
    assert [row["destroyed"] for row in await kr.rows(leaves) if row["channel"] == mine] == [True, False, False]


async def test_what_a_peer_destroyed_before_it_gave_it_back_is_no_finding(hk: Opened, kr: Opened):
    """It destroys at midnight; this node lost all before it had, and has its own day still to come."""
    await hk.release("hk-1", **kept_until())
    await settle(hk, kr)
    await kr.destroy(NEXT_DAY)
    await hk.restore(lost_everything(hk))
    await settle(hk, kr)
    await settle(kr, hk)
    assert [row["destroyed"] for row in await hk.rows(leaves) if row["channel"] == 1] == [True]
    assert hk.verify().findings == ()
    await hk.destroy(NEXT_DAY)
    assert (await message(hk, "hk-1")).HasField("destruction")


LIES: dict[str, Callable[[Envelope], bytes]] = {
    "content": with_text,
    "salt": with_salt,
    "a field that nobody knows": lambda left: left.SerializeToString() + b"\xfa\x7f" + CANARY_FIELD,
    "a field that is overwritten": lambda left: b"\x12" + CANARY_FIELD + left.SerializeToString(),
    "no act": lambda left: Envelope(origin=left.origin, sealed_at=left.sealed_at).SerializeToString(),
    "no envelope": lambda _: b"\xff",
}  # of what is left of an envelope


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("rolled_back", ["sender", "receiver"])
async def test_more_than_what_is_left_of_an_envelope_is_not_taken_from_a_peer(pair, rolled_back: str, lie: str):
    """No hash proves what is left, so its form is all that can be held against a peer that lies."""
    await destroy(*pair)
    lost, other = pair if rolled_back == "sender" else pair[::-1]
    smuggle(other, LIES[lie])
    await lost.restore(lost_everything(lost))
    error = await refused(exchange(*pair))
    assert isinstance(error, Malformed)
    assert lost.state(HK_TO_KR).log.size == 0
    assert found(lost) == []


@pytest.mark.parametrize("lie", LIES)
async def test_more_than_what_is_left_of_an_envelope_is_found_and_not_used(pair, lie: str):
    """As a version may have stored it that did not look."""
    hk, _ = pair
    await destroy(*pair)
    smuggle(hk, LIES[lie])
    assert any("has more than what is left" in str(each) for each in hk.verify().findings)
    await hk.rebuilt()
    assert [row["id"] for row in await hk.rows(notices)] == ["hk-1", "hk-3"]


def smuggle(store: Opened, lie: Callable[[Envelope], bytes]) -> None:
    """Puts more into the place of the envelope of hk-2, whose content is destroyed."""
    store.damaged = True
    here = (leaves.c.channel == store.state(HK_TO_KR).id) & (leaves.c.index == 1)
    with store.database.writer() as connection, connection.begin():
        left = Envelope.FromString(connection.execute(select(leaves.c.data).where(here)).scalar_one())
        connection.execute(update(leaves).where(here).values(data=lie(left)))


async def test_a_node_restored_from_before_the_day_destroys_again_what_it_certified(pair):
    hk, kr = pair
    backup = kr.backup()
    await destroy(hk, kr)
    await kr.restore(backup)
    assert found(kr)
    for _ in range(3):
        await settle(kr, hk)
    await kr.destroy(NEXT_DAY)
    assert found(kr) == []


async def _lost(*_: object) -> None:
    pass
