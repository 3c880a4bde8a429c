"""Nodes of different versions on one pair: what a newer one adds is passed over, told or refused, and never misread.

A node of an earlier version is one whose every message goes through the contract as it was (``tests.skew``); a newer
one adds to every message, or to what it seals, what nobody here knows.
"""

from itertools import count, repeat

import pytest
from google.protobuf.message import Message as Protobuf
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.envelope_pb2 import ContentDestroyed, Envelope
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.carrier import Message
from gateway.store.assistance.queries import CaseFilter, list_cases
from gateway.store.logs import parsed
from gateway.store.tables import leaves, notices
from gateway.supervision.disclosure import EVERYTHING
from gateway.supervision.envelopes import envelopes
from gateway.supervision.envelopes.envelopes import envelope_of
from tests.skew.earlier import as_it_was, read
from tests.store.appending import append, envelope, kinds
from tests.store.destruction import destroy, kept_until, lost_everything
from tests.store.exchanging import check_equal, exchange
from tests.store.stores import HK_TO_KR, NOW, Opened
from tests.supervision import sharing_samples as sharing
from tests.supervision.assistance_samples import answering, asking, day
from tests.supervision.framework_samples import provision, version
from tests.supervision.samples import seal


@pytest.fixture
def kind() -> str:
    """What is on the wire is the same on both databases."""
    return "sqlite"


NEWER = b"\xf8\x3f\x01"  # field 1023, a number, which no message has
NEWER_ACT = b"\xc2\x3e\x02\x08\x01"  # field 1000, a message
NEWER_SEALS = (b"one certificate", b"another")


async def settle(one: Opened, other: Opened, as_seen=as_it_was) -> None:
    await exchange(one, other, as_seen=as_seen)
    await exchange(other, one, as_seen=as_seen)


# --- an earlier version at either end -------------------------------------------------------------------------------


async def test_an_earlier_version_exchanges_notices_and_frameworks_with_this_one(hk: Opened, kr: Opened) -> None:
    await hk.release("hk-1", "hk-2")
    await hk.publish("hk-x", 1, version(provision("a")))
    await settle(hk, kr)
    await kr.acknowledge("hk-1")
    await hk.withdraw("hk-2")
    await settle(kr, hk)
    await check_equal(hk, kr)
    assert [row["state"] for row in await kr.rows(notices)] == [Notice.ACKNOWLEDGED, Notice.WITHDRAWN]


async def test_an_earlier_version_that_lost_all_is_sent_it_again(hk: Opened, kr: Opened) -> None:
    emptied = lost_everything(kr)
    await hk.release("hk-1")
    await settle(hk, kr)
    await kr.restore(emptied)
    await settle(hk, kr)
    await check_equal(hk, kr)


async def test_an_earlier_version_refuses_what_is_destroyed_and_keeps_what_it_has(hk: Opened, kr: Opened) -> None:
    """It does not know that hashes stand in the place of envelopes, so the root is another one: it must be upgraded."""
    emptied = lost_everything(kr)
    await hk.release("hk-1", **kept_until())
    await settle(hk, kr, same)
    await destroy(hk, kr)
    await kr.restore(emptied)
    with pytest.raises(AssertionError, match="BAD_PROOF"):  # why the stream ended
        await exchange(hk, kr, as_seen=as_it_was)
    assert kr.state(HK_TO_KR).log.size == 0, "nothing of it was taken"
    for _ in range(3):  # it is upgraded
        await settle(hk, kr, same)
    assert kr.state(HK_TO_KR).log == hk.state(HK_TO_KR).log


def same(message: Message) -> Message:
    return message


ACTS = {
    "seal_rotated": envelopes.seal_rotated(seal(), NEWER_SEALS, 0),
    "sharing_requested": sharing.asking()(seal()),
    "sharing_decided": sharing.deciding()(seal()),
    "content_shared": sharing.sharing()(seal()),
    "content_destroyed": Envelope(content_destroyed=ContentDestroyed(notice="notices/hk-1")),
    "attachments_received": envelopes.attachments_received(seal(), "hk-1"),
}


@pytest.mark.parametrize("act", ACTS)
def test_an_earlier_version_takes_a_later_act_for_none_and_not_for_another_one(act: str) -> None:
    assert ACTS[act].WhichOneof("content") == act
    assert read("Envelope", ACTS[act].SerializeToString()).WhichOneof("content") is None


def test_what_a_later_version_adds_to_a_notice_leaves_all_else_as_it_was() -> None:
    sealed = envelope("hk-1")
    known = read("Envelope", sealed.SerializeToString())
    later = read("Envelope", sealed.SerializeToString() + NEWER)
    assert later == known
    assert known.notice_released.notice == sealed.notice_released.notice


def test_an_earlier_version_sees_no_detail_of_assistance_and_all_else_of_its_notice() -> None:
    for made in (asking(), answering()):
        known = read("Envelope", envelopes.released(seal(), "hk-1", made).SerializeToString()).notice_released
        assert known.content.WhichOneof("detail") is None
        assert (known.notice, known.content.title[0].text) == ("notices/hk-1", made.title[0].text)


async def test_assistance_that_an_earlier_version_kept_as_unknown_is_there_once_it_is_upgraded_and_rebuilt(
    hk: Opened, kr: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kr.release("kr-1", assistance_request=asking(requested_authority="SFC").assistance_request)
    await settle(hk, kr)
    with monkeypatch.context() as earlier:
        earlier.setattr("gateway.store.arriving.parsed", lambda data: as_it_was(parsed(data)))
        await hk.release("hk-1", assistance_request=asking(respond_by=day(20260401)).assistance_request)
        await hk.release("hk-2", assistance_answer=answering("kr-1").assistance_answer)
        await settle(hk, kr)
    assert kr.state(HK_TO_KR).log == hk.state(HK_TO_KR).log, "it is stored, and receipted"
    assert (await kinds(kr))[-2:] == ["ENVELOPE_UNSUPPORTED"] * 2
    assert [row["id"] for row in await kr.rows(notices)] == ["kr-1"]
    await kr.rebuilt()
    for store in (hk, kr):
        found, _ = await store.read(list_cases, CaseFilter(EVERYTHING, 0), None, 10, 1 << 20)
        cases = {each.request.record.id: (each.outcome, each.respond_by) for each in found}
        assert cases == {"kr-1": (AssistanceAnswer.COMPLETE, 0), "hk-1": (0, 20260401)}
        assert store.verify().findings == ()


async def test_a_receiver_that_was_rolled_back_with_its_clock_goes_on_though_nobody_shows_it_its_receipts(
    hk: Opened, kr: Opened
) -> None:
    """What it gives before its clock has come to when it cosigned last is no receipt to who has that one."""
    backup = kr.backup()
    await hk.release("hk-1")
    await settle(hk, kr)
    kr.clock = repeat(NOW - 1_800_000_000)
    await kr.restore(backup)
    await hk.release("hk-2")
    with pytest.raises(AssertionError, match="earlier time"):  # a receipt for both, of before that for the first
        await exchange(hk, kr, as_seen=as_it_was)
    for _ in range(2):
        await settle(hk, kr)
    assert (kr.state(HK_TO_KR).log.size, hk.state().receipted_size) == (2, 1)
    kr.clock = count(NOW + 60_000_000)
    await hk.release("hk-3")
    await settle(hk, kr)
    assert hk.state().receipted_size == 3
    await check_equal(hk, kr)


# --- a newer version at the other end -------------------------------------------------------------------------------


def with_more(message: Message) -> Message:
    """The message with a field more, in itself and in its step."""
    step = getattr(message, message.WhichOneof("step") or "")
    for part in (step, message):
        part.MergeFromString(NEWER)
    assert NEWER in message.SerializeToString()
    return message


async def test_what_a_newer_version_adds_to_messages_is_passed_over(hk: Opened, kr: Opened) -> None:
    await hk.release("hk-1", "hk-2")
    await settle(hk, kr, with_more)
    await kr.acknowledge("hk-1")
    await settle(kr, hk, with_more)
    await check_equal(hk, kr)


def speaking(*versions: int):
    """What a sender says that speaks these."""

    def as_seen(message: Message) -> Message:
        if message.WhichOneof("step") == "hello":
            message.hello.versions[:] = versions
        return message

    return as_seen


async def test_of_the_versions_of_a_newer_one_that_is_chosen_which_both_speak(hk: Opened, kr: Opened) -> None:
    await hk.release("hk-1")
    await exchange(hk, kr, as_seen=speaking(3, 2, 1))
    assert hk.state().receipted_size == 1


async def test_a_version_that_speaks_none_of_ours_is_refused_and_nothing_halts(hk: Opened, kr: Opened) -> None:
    await hk.release("hk-1")
    with pytest.raises(AssertionError, match="version"):  # why the stream ended
        await exchange(hk, kr, as_seen=speaking(3, 2))
    assert (kr.state(HK_TO_KR).log.size, kr.state(HK_TO_KR).halt) == (0, None)
    await exchange(hk, kr)
    assert hk.state().receipted_size == 1


def of_no_kind() -> Envelope:
    """A notice whose kind is a member that this version does not know."""
    made = envelope("hk-2", 2)
    chosen = made.notice_released.content.WhichOneof("detail")
    made.notice_released.content.ClearField(chosen)
    made.notice_released.content.MergeFromString(NEWER_ACT)
    return made


def grown(made: Protobuf, part: Protobuf) -> bytes:
    part.MergeFromString(NEWER)
    return made.SerializeToString()


def with_a_longer_notice() -> bytes:
    made = envelope("hk-2", 2)
    return grown(made, made.notice_released.content)


def with_a_longer_author() -> bytes:
    made = envelope("hk-2", 2)
    return grown(made, made.author)


UNKNOWN = {
    "an act that is not known": envelope_of(seal()).SerializeToString() + NEWER_ACT,
    "a kind of notice that is not known": of_no_kind().SerializeToString(),
}
KNOWN = {
    "more beside the act": envelope("hk-2", 2).SerializeToString() + NEWER,
    "more in the notice": with_a_longer_notice(),
    "more about the author": with_a_longer_author(),
}


@pytest.mark.parametrize("what", UNKNOWN)
async def test_what_a_newer_version_seals_anew_is_kept_and_told_and_holds_up_nothing(kr: Opened, what: str) -> None:
    await append(kr, [UNKNOWN[what], envelope("hk-1").SerializeToString()])
    assert await kinds(kr) == ["ENVELOPE_UNSUPPORTED", "NOTICE_RECEIVED"]
    assert next(row["data"] for row in await kr.rows(leaves)) == UNKNOWN[what], "for a rebuild after an upgrade"


@pytest.mark.parametrize("what", KNOWN)
async def test_what_a_newer_version_adds_to_a_known_act_is_kept_and_not_shown(kr: Opened, what: str) -> None:
    await append(kr, [KNOWN[what]])
    assert await kinds(kr) == ["NOTICE_RECEIVED"]
    assert [row["data"] for row in await kr.rows(leaves)] == [KNOWN[what]]
