"""Content is destroyed at both nodes once its day is past: it is nowhere any more, and all else still verifies."""

import pytest
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.commands.replays import IdempotentRequest
from gateway.errors import ContentDestroyed
from gateway.identity.access.access import Caller
from gateway.ledger.steps import FORKED, Halt
from gateway.store.destroying import NO_DIGEST
from gateway.store.event_queries import read_events
from gateway.store.notice_queries import NoticeFilter, list_notices, read_notice
from gateway.store.tables import leaves, notice_identifiers, notices, requests
from gateway.supervision.disclosure import EVERYTHING
from tests.store.destruction import LAST_DAY, LICENCE, NEXT_DAY, destroy, found, kept_until, message, three_notices
from tests.store.exchanging import settle
from tests.store.stores import CLIENT, HK_TO_KR, KR_TO_HK, Opened, refused
from tests.supervision.samples import content, reference


@pytest.fixture
async def pair(hk: Opened, kr: Opened) -> tuple[Opened, Opened]:
    return await three_notices(hk, kr)


async def test_nothing_goes_up_to_the_last_day_and_all_after_it(pair):
    await destroy(*pair, day=LAST_DAY)
    assert all(found(store) for store in pair)
    await destroy(*pair)
    assert [found(store) for store in pair] == [[], []]
    assert [found(store, LICENCE) for store in pair] == [[], []]


async def test_what_has_no_day_or_a_later_one_stays(pair):
    hk, kr = pair
    await hk.release("hk-4", **kept_until(NEXT_DAY))
    await settle(hk, kr)
    await destroy(hk, kr)
    assert all(found(store) for store in pair)
    gone = [row["index"] for row in await hk.rows(leaves) if row["destroyed"]]
    assert len(gone) == 2  # the release and the acknowledgement of hk-2, each in its channel
    assert (await message(kr, "hk-1")).content == content()


async def test_both_sides_say_when_and_by_which_certificate(pair):
    await destroy(*pair)
    for store, other in (pair, pair[::-1]):
        told = await message(store, "hk-2")
        assert not told.HasField("content")
        assert told.state == Notice.ACKNOWLEDGED
        assert told.author.authority == "SFC"
        assert (told.destruction.certificate.origin, told.peer_destruction.certificate.origin) == (
            store.outgoing,
            other.outgoing,
        )
        assert told.destruction.HasField("time")
        assert told.acknowledgement.case_reference == ""


async def test_a_certificate_names_each_envelope_by_its_hash(pair):
    hk, kr = pair
    before = {(row["channel"], row["index"]): row["hash"] for row in await kr.rows(leaves)}
    await destroy(*pair)
    view = await hk.read(read_notice, EVERYTHING, "hk-2")
    certificate = Envelope.FromString(view.peer_destroyed).content_destroyed
    channels = {state.origin: state.id for state in kr.committer.latest().states.values()}
    assert certificate.notice == "notices/hk-2"
    assert [(each.origin, each.index) for each in certificate.envelopes] == [(HK_TO_KR, 1), (KR_TO_HK, 0)]
    assert [each.leaf_hash for each in certificate.envelopes] == [
        before[channels[each.origin], each.index] for each in certificate.envelopes
    ]


async def test_it_is_told_once_for_each_side(pair):
    await destroy(*pair)
    await destroy(*pair)
    for store in pair:
        told = await store.read(read_events, EVERYTHING, 0, 100)
        details = sorted(each.detail for each in told if each.kind == Event.CONTENT_DESTROYED)
        assert details == ["at HK", "at KR"]


async def test_lists_and_rebuilds_cope(pair):
    hk, kr = pair
    await hk.release("hk-5", references=[reference(Reference.SUPERSEDES, "hk-3")], **kept_until())
    await settle(hk, kr)
    await destroy(hk, kr)
    for store in pair:
        before = [await store.rows(table) for table in (notices, notice_identifiers)]
        assert len((await store.read(list_notices, EVERYTHING, NoticeFilter(), None, 10, 1 << 20))[0]) == 4
        of_holder = NoticeFilter(identifier=LICENCE)
        assert await store.read(list_notices, EVERYTHING, of_holder, None, 10, 1 << 20) == ([], False)
        await store.rebuilt()
        assert [await store.rows(table) for table in (notices, notice_identifiers)] == before
    assert (await message(kr, "hk-3")).superseded_by == "notices/hk-5"


async def test_a_later_acknowledgement_goes_too(hk: Opened, kr: Opened):
    await hk.release("hk-2", **kept_until())
    await settle(hk, kr)
    await hk.destroy(NEXT_DAY)  # Hong Kong's clock is ahead
    await kr.acknowledge("hk-2")
    await settle(hk, kr)
    await destroy(hk, kr)
    for store in (hk, kr):
        assert [row["destroyed"] for row in await store.rows(leaves)].count(True) == 2


async def test_what_the_peer_does_not_hold_yet_is_kept_until_it_does(hk: Opened, kr: Opened):
    await hk.release("hk-2", **kept_until())
    await hk.destroy(NEXT_DAY)
    assert found(hk)
    await settle(hk, kr)
    await destroy(hk, kr)
    assert [found(hk), found(kr)] == [[], []]


async def test_a_request_is_not_told_from_another_one_any_more(hk: Opened, kr: Opened):
    caller = Caller(CLIENT, "SFC", frozenset())
    asked = IdempotentRequest(caller, "7a0c8a3e-1f5e-4f43-9f0e-2f3f5a8d6c11", bytes([7] * 32))

    def release(tx):
        asked.remember(tx, "hk-2")
        return hk.seal_notice(tx, "hk-2", **kept_until())

    await hk.committer.submit(release)
    await settle(hk, kr)
    await destroy(hk, kr)
    assert [row["digest"] for row in await hk.rows(requests)] == [NO_DIGEST]
    error = await refused(hk.committer.submit(asked.carried_out))
    assert isinstance(error, ContentDestroyed)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE notices SET retain_until = 0 WHERE id = 'hk-2'",
        "UPDATE notices SET destroyed_index = 9 WHERE id = 'hk-2'",
        'UPDATE leaves SET data = (SELECT l.data FROM leaves l WHERE l.channel = 1 AND l."index" = 0) WHERE destroyed',
        "UPDATE leaves SET destroyed = (1 = 0)",
        'UPDATE leaves SET destroyed = (1 = 1) WHERE "index" = 0',
        "DELETE FROM events WHERE kind = 26",
    ],
)
async def test_what_is_left_is_verified(pair, damage: str):
    hk, _ = pair
    await destroy(*pair)
    assert not hk.verify().findings
    hk.execute(damage)
    assert hk.verify().findings


async def test_a_halted_channel_keeps_what_may_be_evidence(pair):
    hk, _ = pair
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(FORKED, "two histories", (hk.state().head.note,) * 2)))
    await hk.destroy(NEXT_DAY)
    assert found(hk)
