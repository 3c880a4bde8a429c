"""A node without its edges: its store once that is open, and what it stands on. No key, socket or file is touched here.

The node (``node``) adds what a home and listeners are for; the simulation of whole nodes adds a network of its own.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.alarms import Alarms
from gateway.carrier import RequireUnrevoked
from gateway.commands.attachments.storage import Room
from gateway.commands.seals import Adopt, Prepared
from gateway.errors import GatewayError
from gateway.identity.pairing.end import EndMarks
from gateway.identity.pairing.parties import Parties
from gateway.identity.seals.signers import Keyring
from gateway.ledger.seals import Certify, SealHistory
from gateway.link.dialling import Credentials
from gateway.metrics.instruments import Instruments
from gateway.moments import datetime_of
from gateway.node.endings import Endings
from gateway.questions.links import Links
from gateway.rpc.journaling import Journaling
from gateway.store.backlog import Backlog, read_waiting
from gateway.store.bulletin import Bulletin
from gateway.store.clocks import Witnesses
from gateway.store.commits import Commit
from gateway.store.committer import Committer
from gateway.store.database import Database
from gateway.store.opening import (
    add_channels,
    channel_names,
    check_channels,
    check_journal,
    check_owner,
    read_token_key,
)
from gateway.store.own_seal import read_own_seal
from gateway.store.readers import Readers
from gateway.store.recovery.continuity import Continuity
from gateway.store.writer_session import WriterSession
from gateway.supervision.approval import ApprovalRule
from gateway.telemetry.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Ground:
    """What a node stands on: who it is, its time and chance, and what its home says.

    Attributes:
        parties: who exchanges
        keyring: what seals
        prepared_seal: gives the seal that the node is to rotate to
        adopt: puts the files of the seal in force in their place
        endings: marks of pairings that operators ended
        certify: certifies the seals of others
        require_unrevoked: tells which of these are revoked
        credentials: gives what is presented to a peer, and whom the node trusts there
        authorities: of the jurisdiction
        approval: the rules of four eyes
        draft_days: how long a draft is kept
        room: what files may take
        unfinished_days: after which a file is let go of, if no byte of it came
        peer_bytes_per_day: what is taken of what each peer seals
        instruments: count what happens
        tracing: makes spans
        clock: the time that the node believes, microseconds since 1970
        random: gives so many random bytes
    """

    parties: Parties
    keyring: Keyring
    prepared_seal: Prepared
    adopt: Adopt
    endings: EndMarks
    certify: Certify
    require_unrevoked: RequireUnrevoked
    credentials: Callable[[str], Credentials]
    authorities: tuple[str, ...]
    approval: Sequence[ApprovalRule]
    draft_days: int
    room: Room
    unfinished_days: int
    peer_bytes_per_day: int
    instruments: Instruments
    tracing: Tracing
    clock: Callable[[], int]
    random: Callable[[int], bytes]

    def believed(self) -> datetime:
        """The same time, with a time zone."""
        return datetime_of(self.clock())

    def own_seals(self) -> SealHistory:
        """Those that may have signed the journal.

        Another replica may have had the one in force that is prepared here, before the database was put back.
        """
        own = self.parties.own_seals
        try:
            prepared, _ = self.prepared_seal()
        except GatewayError:  # there is none, or none that can be used
            return own
        return own.expecting((*own.coming, prepared))


@dataclass(frozen=True, slots=True)
class Core:
    """What a node has once its store is open, and everything that it does is made of.

    Attributes:
        ground: what it stands on
        token_key: of the store; makes tokens that tell nothing
        is_local: the database is a file that this process alone has
        committer: the one writer
        readers: of the store
        bulletin: tells of commits
        links: how each channel's stream does
        alarms: what needs an operator
        journaling: makes entries of calls
        endings: which pairings have ended
    """

    ground: Ground
    token_key: bytes
    is_local: bool
    committer: Committer
    readers: Readers
    bulletin: Bulletin
    links: Links
    alarms: Alarms
    journaling: Journaling
    endings: Endings

    def upkeep(self, continuity: Continuity) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs for as long as the node does."""
        yield self.endings.run()
        yield self.journaling.run()
        yield continuity.run(self.committer.latest)

    async def close(self, database: Database, continuity: Continuity) -> None:
        """Closes the store, once nothing is asked of it any more."""
        await self.committer.stop()
        await asyncio.to_thread(continuity.keep, self.committer.latest())
        self.readers.close()
        database.close()


def take_up(database: Database, jurisdiction: str, domain: str, adopt: Adopt) -> None:
    """Passes if a database is of this version, and this node's.

    Puts the files of a rotated seal in their place, if the node ended before it had.

    Raises:
        ConfigError, StoreError: it is not; says what to do.
    """
    database.check_revision()
    with database.readers.connect() as connection:
        check_owner(connection, jurisdiction, domain)
        in_force, is_told = read_own_seal(connection)
        adopt(in_force, is_told=is_told)


def open_core(
    database: Database,
    ground: Ground,
    witnesses: Witnesses,
    links: Links,
    on_fatal: Callable[[Exception], None],
) -> Core:
    """Opens the store, once its database is known to go on from what the node knew (``Continuity.require``).

    Args:
        database: taken up
        ground: what the node stands on
        witnesses: of the time
        links: how each channel's stream does
        on_fatal: called when the node must not go on

    Raises:
        ConfigError, StoreError, Untrusted: keys, pairings and database contradict each other.
    """

    def publish(commit: Commit) -> None:
        bulletin.publish(commit)
        links.follow(commit.states)

    parties, clock, instruments = ground.parties, ground.clock, ground.instruments
    add_channels(database, channel_names(parties))
    check_journal(database, ground.own_seals())
    check_channels(database, parties)
    readers = Readers(database)
    session = WriterSession(database, ground.keyring, clock, ground.random, witnesses=witnesses)
    committer = Committer(session, on_commit=publish, on_fatal=on_fatal, tracing=ground.tracing)
    latest = committer.latest()
    with database.readers.connect() as connection:
        token_key = read_token_key(connection)
        backlog = Backlog(read_waiting(connection, latest.states), clock, instruments.delivered)
    for state in latest.states.values():
        if state.ends.outgoing:
            instruments.may_deliver(state.name)
    bulletin = Bulletin(latest, backlog, committer.follow)
    alarms = Alarms(committer, clock)
    endings = Endings(ground.endings, parties, committer, bulletin, links, alarms)
    journaling = Journaling(committer, instruments.refused)
    return Core(ground, token_key, database.is_local, committer, readers, bulletin, links, alarms, journaling, endings)
