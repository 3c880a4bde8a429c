"""Makes a node's database, and compares every copy of the truth before it is used."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from gateway.errors import Corrupt, StoreError, VerificationError
from gateway.ledger.checkpoint import SealPublic, journal_origin, open_checkpoint
from gateway.store.database import Database
from gateway.store.journal_log import read_journal
from gateway.store.state import ChannelState, read_channels
from gateway.store.tables import JOURNAL, channels, leaves, node


@dataclass(frozen=True, slots=True)
class ChannelNames:
    """A channel that a pairing calls for; jurisdictions are ISO 3166-1 alpha-2 codes."""

    origin: str
    sender: str
    recipient: str
    outgoing: bool


def create(database: Database, jurisdiction: str, domain: str, token_key: bytes) -> None:
    """Makes the tables of a new node, or checks that those that are there are this node's.

    Args:
        database: open
        jurisdiction: of the node
        domain: of the node
        token_key: 32 random bytes, for a new node's page tokens and cursors

    Raises:
        StoreError: the database is another node's.
    """
    database.migrate()
    with database.writer() as connection, connection.begin():
        if connection.execute(select(node)).first() is None:
            connection.execute(insert(node), [{"domain": domain, "jurisdiction": jurisdiction, "token_key": token_key}])
            journal = ChannelNames(journal_origin(domain), jurisdiction, jurisdiction, outgoing=True)
            connection.execute(insert(channels), [_new_channel(JOURNAL, journal)])
        check_owner(connection, jurisdiction, domain)


def check_owner(connection: Connection, jurisdiction: str, domain: str) -> None:
    """Passes if the database is that of this node.

    Raises:
        StoreError: it is another node's, or nobody's.
    """
    found = connection.execute(select(node.c.jurisdiction, node.c.domain)).first()
    if found is None or (found.jurisdiction, found.domain) != (jurisdiction, domain):
        raise StoreError(f"the database is not that of {domain}: check database.url in config.toml")


def read_token_key(connection: Connection) -> bytes:
    """Reads the key of page tokens and cursors."""
    return bytes(connection.execute(select(node.c.token_key)).scalar_one())


def add_channels(database: Database, wanted: Iterable[ChannelNames]) -> None:
    """Adds the channels of new pairings; those that are there stay as they are."""
    with database.writer() as connection, connection.begin():
        present = set(connection.scalars(select(channels.c.origin)))
        last = connection.scalar(select(func.max(channels.c.id))) or 0
        missing = (each for each in wanted if each.origin not in present)
        for channel, names in enumerate(missing, last + 1):
            connection.execute(insert(channels), [_new_channel(channel, names)])


def check_channels(database: Database, seals: dict[str, SealPublic]) -> None:
    """Compares each channel with its own newest head: size, root, signature, and the last leaf.

    The whole log is verified by ``gateway check``; this is what every start can afford.

    Args:
        database: open
        seals: the sender's seal of each channel, by origin

    Raises:
        Corrupt: they contradict each other.
    """
    with database.readers.connect() as connection:
        for origin, state in read_channels(connection).items():
            _check_last_leaf(connection, state.id, origin, state.log.size)
            if origin in seals and state.head:
                _check_head(state, seals[origin])


def check_journal(database: Database, seal: SealPublic) -> None:
    """Compares the access journal with its own newest head: root, signature, and the last leaf.

    Args:
        database: open
        seal: of this node

    Raises:
        Corrupt: they contradict each other.
    """
    with database.readers.connect() as connection:
        state = read_journal(connection)
        _check_last_leaf(connection, JOURNAL, state.origin, state.log.size)
        if state.head:
            _check_note(state.head.note, state.origin, seal)


def _check_head(state: ChannelState, seal: SealPublic) -> None:
    assert state.head is not None, "asked of channels that have one"
    _check_note(state.head.note, state.origin, seal)


def _check_note(note: bytes, origin: str, seal: SealPublic) -> None:
    try:
        open_checkpoint(note, origin, seal)
    except VerificationError as error:
        raise Corrupt(f"the newest checkpoint of {origin} does not verify: {error.message}") from error


def _check_last_leaf(connection: Connection, log: int, origin: str, expected: int) -> None:
    last = connection.scalar(select(func.max(leaves.c.index)).where(leaves.c.channel == log))
    size = 0 if last is None else last + 1
    if size != expected:
        raise Corrupt(f"{origin} has {size} leaves, and its head says {expected}")


def _new_channel(channel: int, names: ChannelNames) -> dict[str, object]:
    return {
        "id": channel,
        "origin": names.origin,
        "sender": names.sender,
        "recipient": names.recipient,
        "outgoing": names.outgoing,
        "size": 0,
        "edge": b"",
        "halt_reason": "",
        "halt_detail": "",
    }
