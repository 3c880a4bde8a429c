"""A store that is older than what its node once sealed: it seals nothing before its peers have said what they hold.

If it did, the node would sign two histories of a channel, and its peer would halt that channel for good. So each
channel of ours is halted as ``RESTORED``, which the channel's own machine mends: as soon as the peer has told
where it stands, and handed back what is missing here, the channel is open again.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.journal_pb2 import JournalEntry

from gateway.errors import Unavailable
from gateway.identity.seals.signers import Keyring
from gateway.journal.entries import Entry, Requester
from gateway.ledger.steps import RESTORED, Halt
from gateway.store.committer import Committer
from gateway.store.database import Database
from gateway.store.state import ChannelState
from gateway.store.transaction import Transaction
from gateway.store.writer_session import WriterSession

StateUnit = Callable[[Transaction, Mapping[str, ChannelState]], None]
"""A unit of work that knows the channels as they were before."""


def await_peers(
    database: Database,
    keyring: Keyring,
    detail: str,
    *,
    act: str = "",
    clock: Callable[[], int],
    random: Callable[[int], bytes],
) -> None:
    """Halts every channel of ours that is open, until its peer was heard.

    Args:
        database: open, with a node's tables in it
        keyring: of the node
        detail: why, for people
        act: what is done, to be told as an event of the node and in the access journal; empty: it is not told
        clock: microseconds since 1970
        random: gives so many random bytes

    Raises:
        StoreError: the database did not take it.
    """

    def unit(tx: Transaction, states: Mapping[str, ChannelState]) -> None:
        if act:
            tx.tell_node(Event.ALARM, detail)
        halt_outgoing(tx, states, detail)

    commit_alone(database, keyring, [unit], act, clock=clock, random=random)


def halt_outgoing(tx: Transaction, states: Mapping[str, ChannelState], detail: str) -> None:
    """Halts every channel of ours that is open, until its peer was heard; ``detail``: why, for people.

    Of those that lead here nothing is known to be whole until their senders have sent what they have.
    """
    for origin in [origin for origin, state in states.items() if state.ends.outgoing]:
        tx.halt(origin, Halt(RESTORED, f"{detail}; it waits to hear from its peer"))
    tx.await_senders()


def commit_alone(
    database: Database,
    keyring: Keyring,
    units: Iterable[StateUnit],
    act: str,
    *,
    clock: Callable[[], int],
    random: Callable[[int], bytes],
) -> None:
    """Runs units of work, a commit each, with the database of a node that does not run.

    Args:
        database: open, with the home's lock
        keyring: of the node
        units: take the transaction and the channels as they were before
        act: what is told of it in the access journal; empty: nothing
        clock: microseconds since 1970
        random: gives so many random bytes

    Raises:
        GatewayError: a unit's; what those before it wrote stays.
        StoreError: the database did not take it.
    """

    async def commit() -> None:
        broken: list[Exception] = []
        session = WriterSession(database, keyring, clock, random)
        committer = Committer(session, on_commit=lambda _commit: None, on_fatal=broken.append)
        committer.start()
        try:
            for unit in units:
                await committer.submit(_knowing(unit, committer.latest().states))
            if act:
                await committer.journal(Entry(Requester(), act, JournalEntry.COMMITTED))
        except Unavailable:
            if not broken:  # what broke is told in its own words
                raise
        finally:
            await committer.stop()
        if broken:
            raise broken[0]

    asyncio.run(commit())


def _knowing(unit: StateUnit, states: Mapping[str, ChannelState]) -> Callable[[Transaction], None]:
    return lambda tx: unit(tx, states)
