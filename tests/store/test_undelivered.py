"""Content that a peer never receipted is destroyed on its day once the pairing has ended; what comes of it later."""

from contextlib import suppress

import pytest
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.errors import SealUnavailable
from gateway.store.logs import read_uncertified
from gateway.store.tables import events, leaves
from tests.store.destruction import CANARY, NEXT_DAY, found, kept_until, message
from tests.store.exchanging import exchange, settle
from tests.store.pairing import ENDED, RESUMED, keep
from tests.store.rotating import put_back, rotate
from tests.store.stores import HK_TO_KR, KR_TO_HK, Opened, check_verified
from tests.store.tokens import with_token


@pytest.fixture
def kind() -> str:
    """How content is destroyed is tried on both databases in ``test_destruction``."""
    return "sqlite"


async def undelivered(hk: Opened, kr: Opened) -> None:
    """Korea has one notice; two wait for it, and one of them may be kept until a day. Then the pairing ends."""
    await hk.release("hk-1")
    await settle(hk, kr)
    await hk.release("hk-2", **kept_until())
    await hk.release("hk-3")
    await keep(hk, ENDED)


async def certified(store: Opened, origin: str = HK_TO_KR) -> list[tuple[str, int, bool]]:
    """What a store's own certificates name."""
    channel = store.state(origin).id
    rows = [row["data"] for row in await store.rows(leaves) if row["channel"] == channel and not row["destroyed"]]
    acts = [Envelope.FromString(data).content_destroyed for data in rows]
    return [(each.origin, each.index, each.without_receipt) for act in acts for each in act.envelopes]


def receipted(store: Opened, origin: str = HK_TO_KR) -> tuple[int, int]:
    return store.state(origin).receipted_size, store.state(origin).log.size


async def check_both(hk: Opened, kr: Opened) -> None:
    """Both hold the same log and all receipts, and verify; so they do after a rebuild and a restart."""
    for origin in (HK_TO_KR, KR_TO_HK):
        assert hk.state(origin).log == kr.state(origin).log
        assert receipted(hk, origin) == receipted(kr, origin)
        assert receipted(hk, origin)[0] == receipted(hk, origin)[1]
    for store in (hk, kr):
        before = await message(store, "hk-2")
        check_verified(store)
        await store.rebuilt()
        check_verified(store)
        assert await message(store, "hk-2") == before
        assert found(store) == []


async def test_it_is_gone_on_its_day_and_the_hash_stays_and_everything_verifies(hk: Opened, kr: Opened):
    await undelivered(hk, kr)
    log = hk.state().log
    await hk.destroy(NEXT_DAY)
    assert found(hk) == []
    assert await certified(hk) == [(HK_TO_KR, 1, True)]
    assert (await message(hk, "hk-2")).destruction.certificate.index == 3
    assert log.size == 3
    check_verified(hk)
    await hk.rebuilt()
    check_verified(hk)
    await hk.destroy(NEXT_DAY)
    assert await certified(hk) == [(HK_TO_KR, 1, True)], "once"


async def test_as_long_as_the_two_are_paired_it_waits_for_the_receipt(hk: Opened, kr: Opened):
    await undelivered(hk, kr)
    await keep(hk, RESUMED)
    await hk.destroy(NEXT_DAY)
    assert found(hk) != []
    assert await certified(hk) == []


async def test_a_peer_that_is_taken_up_again_has_the_hash_and_the_senders_word_and_all_that_came_later(hk, kr):
    await undelivered(hk, kr)
    await hk.destroy(NEXT_DAY)
    await keep(hk, RESUMED)
    await settle(hk, kr)
    assert receipted(kr) == (4, 4)
    told = await message(kr, "hk-2")
    assert not told.HasField("content")
    assert told.peer_destruction.certificate.index == 3
    assert not told.HasField("destruction")
    assert (await message(hk, "hk-2")).state == Notice.RELEASED, "its hash arrived"
    assert (await message(hk, "hk-3")).state == Notice.DELIVERED
    assert [row["notice"] for row in await hk.rows(events) if row["kind"] == Event.NOTICE_RECEIPTED] == ["hk-2"]
    await hk.release("hk-4")
    await settle(hk, kr)
    await kr.acknowledge("hk-4")
    await settle(kr, hk)
    await kr.destroy(NEXT_DAY)  # as its node does at its next midnight
    assert await certified(kr, KR_TO_HK) == [(HK_TO_KR, 1, False)]
    await settle(hk, kr)
    await check_both(hk, kr)


async def test_a_receipt_that_was_lost_on_its_way_is_one_for_the_content(hk: Opened, kr: Opened):
    await hk.release("hk-2", **kept_until())
    await exchange(hk, kr, drop_after=3)
    assert receipted(kr) == (1, 1)
    assert receipted(hk) == (0, 1)
    await keep(hk, ENDED)
    await hk.destroy(NEXT_DAY)
    assert await certified(hk) == [(HK_TO_KR, 0, True)]
    assert CANARY in str((await message(kr, "hk-2")).content)
    await keep(hk, RESUMED)
    await settle(hk, kr)
    assert (await message(hk, "hk-2")).state == Notice.DELIVERED
    await kr.destroy(NEXT_DAY)
    await settle(hk, kr)
    await check_both(hk, kr)


async def apart(hk: Opened, kr: Opened) -> None:
    """The log comes in two batches, and the stream breaks between what has no content and the certificate of it."""
    await undelivered(hk, kr)
    await rotate(hk)
    await hk.destroy(NEXT_DAY)
    await keep(hk, RESUMED)
    await exchange(hk, kr, drop_after=3)


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_no_receipt_is_given_before_the_senders_word_is_here(hk: Opened, kr: Opened, is_restarted: bool):
    await apart(hk, kr)
    assert receipted(kr) == (1, 4)
    assert set(await kr.read(read_uncertified, kr.state(HK_TO_KR))) == {1}
    check_verified(kr)
    await kr.destroy(NEXT_DAY)
    assert await certified(kr, KR_TO_HK) == [], "it never had it, and nobody has said yet that it could not"
    if is_restarted:
        await kr.restart()
        await kr.rebuilt()
    await keep(kr, ENDED)
    await kr.destroy(NEXT_DAY)
    assert receipted(kr) == (1, 4)
    await keep(kr, RESUMED)
    await settle(hk, kr)
    assert receipted(kr) == (5, 5)
    await kr.destroy(NEXT_DAY)
    await settle(hk, kr)
    await check_both(hk, kr)


async def test_a_sender_that_lost_what_waits_for_its_receipt_has_it_back_before_it_seals(hk: Opened, kr: Opened):
    await hk.release("hk-0")
    await settle(hk, kr)
    backup = hk.backup()
    await apart(hk, kr)
    size = kr.state(HK_TO_KR).log.size
    await put_back(hk, backup)
    await settle(hk, kr)
    assert hk.state().halt is None
    assert hk.state().log.size >= size
    assert await certified(hk) == []
    await hk.destroy(NEXT_DAY)  # the certificate was lost with the disk, and without one there is no receipt
    assert await certified(hk) == [(HK_TO_KR, 2, True)]
    await settle(hk, kr)
    await kr.destroy(NEXT_DAY)
    await settle(hk, kr)
    await check_both(hk, kr)


async def test_what_was_said_to_a_notice_goes_with_it(hk: Opened, kr: Opened):
    """The acknowledgement never arrived: its envelope has no receipt, and the notice of the peer has one."""
    await kr.release("kr-1", issuing_authority="FSC", **kept_until())
    await settle(kr, hk)
    await hk.acknowledge("kr-1")
    await keep(hk, ENDED)
    await hk.destroy(NEXT_DAY)
    assert found(hk) == []
    assert await certified(hk) == [(KR_TO_HK, 0, False), (HK_TO_KR, 0, True)]
    await keep(hk, RESUMED)
    await settle(hk, kr)
    await kr.destroy(NEXT_DAY)
    await settle(hk, kr)
    for store in (hk, kr):
        check_verified(store)
        await store.rebuilt()
        check_verified(store)
    assert (await message(kr, "kr-1")).HasField("acknowledgement")
    assert receipted(hk) == receipted(kr) == (2, 2)


async def test_what_came_while_the_seal_was_away_is_receipted_before_its_content_goes(hk: Opened, kr: Opened):
    token = await with_token(hk)
    await kr.release("kr-1", issuing_authority="FSC", **kept_until())
    token.is_there, token.is_known_away = False, True
    with suppress(SealUnavailable):
        await exchange(kr, hk)
    assert receipted(hk, KR_TO_HK) == (0, 1)
    await keep(hk, ENDED)
    await hk.destroy(NEXT_DAY)
    assert found(hk) != [], "nothing could be signed"
    token.is_there, token.is_known_away = True, False
    await hk.destroy(NEXT_DAY)
    assert receipted(hk, KR_TO_HK) == (1, 1)
    assert found(hk) == []
    await keep(hk, RESUMED)
    await settle(kr, hk)
    assert receipted(kr, KR_TO_HK) == (1, 1)
