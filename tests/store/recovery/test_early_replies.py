"""A peer that replies to what it was not given yet: its word counts for nothing, and whoever looks finds the same."""

from collections.abc import Callable

import pytest
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Handling

from gateway.store.tables import events, notices, sharing_acts
from gateway.supervision.envelopes import envelopes
from gateway.supervision.envelopes.envelopes import Seal
from gateway.supervision.sharing.records import MAX_SHARES
from tests.store.appending import append, envelope
from tests.store.stores import HK_TO_KR, RECIPIENT, Opened
from tests.supervision import sharing_samples as sharing
from tests.supervision.samples import handling, seal


def acknowledged() -> list[Envelope]:
    return [envelopes.acknowledged(made(), "kr-1")]


def received() -> list[Envelope]:
    return [envelopes.attachments_received(made(), "kr-1")]


def destroyed() -> list[Envelope]:
    """The peer's own notice comes after the word on it."""
    gone = Envelope()
    gone.CopyFrom(envelopes.acknowledged(made(), "kr-1"))
    gone.content_destroyed.notice = "notices/hk-1"
    gone.content_destroyed.envelopes.add(origin=HK_TO_KR, index=0, leaf_hash=bytes(32), remainder_sha256=bytes(32))
    return [gone, envelope("hk-1", 9)]


def asked() -> list[Envelope]:
    return [sharing.asking("kr-1")(made())]


def made() -> Seal:
    return seal(salt=bytes([7]) * 16)


CASES: dict[str, Callable[[], list[Envelope]]] = {
    "acknowledged": acknowledged,
    "received": received,
    "destroyed": destroyed,
    "asked": asked,
}


async def check(kr: Opened) -> None:
    """It verifies as it is, which tells of the one reply that counts for nothing; a rebuild makes the same of it."""
    assert kr.verify().findings == ()
    assert len(kr.verify().unused) == 1
    before = kr.backup()
    done = await kr.rebuilt()
    assert done.events == 0
    assert kr.backup() == before
    assert kr.verify().findings == ()


@pytest.mark.parametrize("case", CASES)
async def test_a_reply_to_what_is_given_later_counts_for_nothing(kr: Opened, case):
    await append(kr, [each.SerializeToString() for each in CASES[case]()])
    await kr.release("kr-1")
    kinds = [row["kind"] for row in await kr.rows(events)]
    assert kinds.count(Event.ENVELOPE_UNSUPPORTED) == 1
    assert Notice.ACKNOWLEDGED not in [row["state"] for row in await kr.rows(notices)]
    await check(kr)


async def test_a_share_under_a_decision_that_follows_counts_for_nothing(kr: Opened):
    """And takes the place of none that counts: a notice has so many."""
    await kr.release("kr-1", handling=handling(onward_sharing=Handling.ALLOWED))
    shares = [sharing.sharing("kr-1", "s0000000")]
    shares += [
        sharing.sharing("kr-1", f"s{number:07}", consent_id="", decision=0) for number in range(1, MAX_SHARES + 1)
    ]
    replies = [sharing.asking("kr-1"), *shares]
    await append(kr, [build(made()).SerializeToString() for build in replies])
    await kr.committer.submit(lambda tx: tx.seal(kr.outgoing, RECIPIENT, sharing.deciding("kr-1")))
    assert len(await kr.rows(sharing_acts)) == 1 + MAX_SHARES + 1
    await check(kr)


async def test_the_same_reply_once_more_counts_once_it_can_and_any_more_change_nothing(kr: Opened):
    """Nor does an event tell of these."""
    await append(kr, [acknowledged()[0].SerializeToString()])
    await kr.release("kr-1")
    again = [envelopes.acknowledged(seal(salt=bytes([8 + n]) * 16), "kr-1").SerializeToString() for n in range(3)]
    await append(kr, again)
    (row,) = await kr.rows(notices)
    assert (row["state"], row["acknowledged_index"]) == (Notice.ACKNOWLEDGED, 1)
    await check(kr)
