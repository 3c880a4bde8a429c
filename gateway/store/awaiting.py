"""A store that is older than what its node once sealed: it seals nothing before its peers have said what they hold.

If it did, the node would sign two histories of a channel, and its peer would halt that channel for good. So each
channel of ours is halted as ``RESTORED``, which the channel's own machine mends: as soon as the peer has told
where it stands, and handed back what is missing here, the channel is open again.
"""

import asyncio
from collections.abc import Callable, Iterable

from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.journal_pb2 import JournalEntry

from gateway.errors import StoreError
from gateway.identity.signers import Keyring
from gateway.journal.entries import Entry, Requester
from gateway.ledger.steps import RESTORED, Halt
from gateway.store.committer import Committer
from gateway.store.database import Database
from gateway.store.transaction import Transaction


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

    def halt_all(tx: Transaction, origins: Iterable[str]) -> None:
        if act:
            tx.tell_node(Event.ALARM, detail)
        for origin in origins:
            tx.halt(origin, Halt(RESTORED, f"{detail}; it waits to hear from its peer"))

    async def commit() -> None:
        broken: list[Exception] = []
        committer = Committer(
            database, keyring, clock=clock, random=random, on_commit=lambda _commit: None, on_fatal=broken.append
        )
        committer.start()
        try:
            states = committer.latest().states.items()
            outgoing = [origin for origin, state in states if state.parties.outgoing]
            await committer.submit(lambda tx: halt_all(tx, outgoing))
            if act:
                await committer.journal(Entry(Requester(), act, JournalEntry.COMMITTED))
        finally:
            await committer.stop()
        if broken:
            raise StoreError(str(broken[0])) from broken[0]

    asyncio.run(commit())
