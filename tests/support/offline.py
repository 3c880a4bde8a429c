"""Writes into the database of a node that is stopped: also what no client may give, as notices whose day is past."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.notice_pb2 import NoticeContent

from gateway.identity.seals.signers import Keyring
from gateway.store.committer import Committer
from gateway.store.database import Database
from gateway.store.opening import add_channels, channel_names
from gateway.store.recovery.awaiting import StateUnit, commit_alone
from gateway.store.transaction import Transaction
from gateway.store.writer_session import WriterSession
from gateway.supervision.envelopes import envelopes
from tests.supervision.samples import content
from tests.support.nodes import Site

LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)  # than what tests certify meanwhile
AUTHOR = Author(authority="SFC", client="spiffe://gateway.hk.example/SFC/office")


@asynccontextmanager
async def writing(site: Site, clock: Callable[[], int] = lambda: time.time_ns() // 1000) -> AsyncIterator[Committer]:
    """A writer on the database of a node that is stopped, with the node's seal."""
    home = site.home
    parties = home.parties(datetime.now(UTC))
    database = Database(home.config.database.url, home.path)
    add_channels(database, channel_names(parties))
    keyring = Keyring([(parties.own.seal, home.seals.in_force.keys())])
    session = WriterSession(database, keyring, clock, secrets.token_bytes)
    committer = Committer(session, on_commit=lambda _commit: None, on_fatal=lambda _error: None)
    committer.start()
    yield committer
    await committer.stop()
    database.close()


def give(site: Site, recipient: str, notices: Mapping[str, NoticeContent]) -> None:
    """Gives notices, by id, in one commit."""
    asyncio.run(_give(site, recipient, notices))


async def _give(site: Site, recipient: str, notices: Mapping[str, NoticeContent]) -> None:
    parties = site.home.parties(datetime.now(UTC))
    author = Author(authority="SFC", client=f"spiffe://{site.domain}/SFC/office")
    origin = parties.origin_to(recipient)
    async with writing(site) as committer:
        for each, said in notices.items():
            await committer.submit(
                lambda tx, each=each, said=said: tx.seal(
                    origin, author, lambda seal: envelopes.released(seal, each, said)
                )
            )


def commit(site: Site, *units: StateUnit) -> None:
    """Runs units of work, a commit each."""
    home = site.home
    keyring = Keyring([(home.seals.in_force.certified(), home.seals.in_force.keys())])
    database = Database(home.config.database.url, home.path)
    try:
        add_channels(database, channel_names(home.parties(LATER)))
        commit_alone(database, keyring, units, "", clock=lambda: time.time_ns() // 1000, random=secrets.token_bytes)
    finally:
        database.close()


def sealing(origin: str, *ids: str) -> Callable[..., None]:
    """A unit that gives notices of these ids."""

    def unit(tx: Transaction, _: object) -> None:
        for each in ids:
            tx.seal(origin, AUTHOR, lambda seal, each=each: envelopes.released(seal, each, content()))

    return unit
