"""Two stores on one pair of channels, over streams in memory."""

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.carrier import Carrier, Message, Resources
from gateway.identity.names import NodeId
from gateway.identity.seals.certificates import certified_seal
from gateway.ledger import steps
from gateway.ledger.receiver import ReceiverMachine
from gateway.ledger.seals import Certificates, CertifiedSeal
from gateway.ledger.sender import SenderMachine
from gateway.store.logs import read_turn, read_uncertified
from gateway.store.tables import leaves, notices, sharing_acts
from tests.store.stores import HK_TO_KR, KR_TO_HK, Opened
from tests.support.seals import node_authority

SAME_ON_BOTH = (
    "id",
    "kind",
    "sender",
    "recipient",
    "issuing_authority",
    "sectors",
    "index",
    "released_at",
    "acknowledged_index",
    "withdrawn_index",
    "superseded_by",
    "withdrawn_by",
)

SHARING_ON_BOTH = ("kind", "notice", "consent", "share", "decision", "is_granted", "is_covered", "index")


async def exchange(
    sender: Opened,
    receiver: Opened,
    *,
    drop_after: int = 1_000_000,
    as_seen: Callable[[Message], Message] = lambda message: message,
) -> None:
    """Runs the sender's channel over an in-memory stream until nothing is under way, or so many messages passed.

    ``as_seen`` gives what arrives of a message.
    """
    origin = sender.outgoing
    to_receiver: asyncio.Queue[Message] = asyncio.Queue()
    to_sender: asyncio.Queue[Message] = asyncio.Queue()
    ends = [
        (await carrier_of(sender, origin, to_receiver), to_sender),
        (await carrier_of(receiver, origin, to_sender), to_receiver),
    ]
    for carrier, _ in reversed(ends):
        await carrier.feed(steps.Opened())
    passed = 0
    while passed < drop_after and (waiting := [(c, inbox) for c, inbox in ends if not inbox.empty()]):
        for carrier, inbox in waiting:
            passed += 1
            if not await carrier.feed(_inner(as_seen(inbox.get_nowait()))):
                assert not carrier.closing_error, carrier.closing_error
                ends.remove((carrier, inbox))  # what it said last still reaches the other end


async def settle(one: Opened, other: Opened) -> None:
    """Both directions, until both logs are equal and receipted."""
    await exchange(one, other)
    await exchange(other, one)


def resources_of(store: Opened) -> Resources:
    """What carriers need of a store."""
    return Resources(
        store.committer,
        store.readers,
        store.keyring,
        certify,
        lambda domain, _, at: store.require_unrevoked(domain, at),
        store.parties,
    )


async def carrier_of(store: Opened, origin: str, outbox: "asyncio.Queue[Message]") -> Carrier:
    """One end of a channel; what it sends goes into the outbox."""
    state, shared = store.state(origin), resources_of(store)
    dial = next(store.dials) if state.ends.outgoing else 0
    seals, turned = shared.seals(state), await store.read(read_turn, state, dial)
    machine = (
        SenderMachine(seals, state.log, state.head, state.receipt, state.halt, turned)
        if state.ends.outgoing
        else ReceiverMachine(
            seals, state.log, state.head, state.receipt, state.halt, await store.read(read_uncertified, state)
        )
    )
    return Carrier(machine, state, shared, outbox.put)


def certify(domain: str, certificates: Certificates, at: int) -> CertifiedSeal:
    """As a node does it that pins the roots of these stores."""
    return certified_seal(certificates, [node_authority(domain).certificate], NodeId(domain), at)


def _inner(message: Message) -> Any:
    kind = message.WhichOneof("step")
    assert kind is not None
    return getattr(message, kind)


async def check_equal(hk: Opened, kr: Opened) -> None:
    """Both logs are the same, and say the same of each notice; all is receipted."""
    logs = [[(row["channel"], row["hash"]) for row in await store.rows(leaves)] for store in (hk, kr)]
    ids = [{origin: state.id for origin, state in store.committer.latest().states.items()} for store in (hk, kr)]
    for origin in (HK_TO_KR, KR_TO_HK):
        mine, theirs = ([row for row in log if row[0] == names[origin]] for log, names in zip(logs, ids, strict=True))
        assert [row[1] for row in mine] == [row[1] for row in theirs]
        assert hk.state(origin).receipted_size == kr.state(origin).receipted_size == len(mine)
    known = [
        sorted(tuple(row[column] for column in SAME_ON_BOTH) for row in await store.rows(notices)) for store in (hk, kr)
    ]
    assert known[0] == known[1]
    shared = [
        sorted(tuple(row[column] for column in SHARING_ON_BOTH) for row in await store.rows(sharing_acts))
        for store in (hk, kr)
    ]
    assert shared[0] == shared[1]
