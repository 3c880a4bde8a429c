"""Makes a node's database, and compares every copy of the truth before it is used."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import Corrupt, StoreError, VerificationError
from gateway.identity.pairing.parties import Parties, Party
from gateway.ledger.checkpoint import Seals, open_checkpoint
from gateway.ledger.origins import journal_origin
from gateway.ledger.seals import CertifiedSeal
from gateway.store.commits import keep_out
from gateway.store.database import Database, is_made, snapshot, writing
from gateway.store.journal.log import read_journal
from gateway.store.seals import first_seals, seal_rows
from gateway.store.state import ChannelState, read_channels
from gateway.store.tables import JOURNAL, channels, leaves, node, seals

TOKEN_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class ChannelNames:
    """A channel that a pairing calls for; jurisdictions are ISO 3166-1 alpha-2 codes."""

    origin: str
    sender: str
    recipient: str
    outgoing: bool
    seals: tuple[CertifiedSeal, CertifiedSeal]  # of the sender and of the recipient, as the channel begins


Owner = Sequence[dict[str, Any]]
"""Whose a database is: the rows of ``node``, of which there is one, or none."""


def channel_names(parties: Parties, *, lost: bool = False) -> list[ChannelNames]:
    """The channels of a node's pairings.

    Args:
        parties: who exchanges
        lost: whether they were there before: then they began with the first seal of each peer that a file names, and
            the logs that come back tell the later ones, and those of this node (``SealHistory.learnt``)
    """

    def began_with(party: Party) -> CertifiedSeal:
        return party.first_seal if lost and party is not parties.own else party.seal

    return [
        ChannelNames(
            origin,
            sender.jurisdiction,
            receiver.jurisdiction,
            outgoing=sender is parties.own,
            seals=(began_with(sender), began_with(receiver)),
        )
        for origin, sender, receiver in parties.channels()
    ]


def create(
    database: Database,
    jurisdiction: str,
    domain: str,
    token_key: bytes,
    prepare: Callable[[], None] | None = None,
) -> None:
    """Makes the tables of a new node, or checks that those that are there are this node's.

    Whose they are comes last, as in a copy (``copying``): no node starts with tables that were not made whole.

    Args:
        database: open
        jurisdiction: of the node
        domain: of the node
        token_key: ``TOKEN_KEY_BYTES`` random bytes, for a new node's page tokens and cursors
        prepare: what else must be done with new tables before a node may start with them

    Raises:
        StoreError: the database is another node's; or nobody's, and not empty.
    """
    database.migrate()
    owner = {"domain": domain, "jurisdiction": jurisdiction, "token_key": token_key}
    with database.writer() as connection:
        with connection.begin():
            keep_out(connection)  # also who else makes a node of it now
            if is_new := connection.execute(select(node)).first() is None:
                _require_no_channels(connection)
                row = _new_channel(JOURNAL, journal_origin(domain), (jurisdiction, jurisdiction), outgoing=True)
                connection.execute(insert(channels), [row])
                if prepare is None:
                    connection.execute(insert(node), [owner])
        if is_new and prepare:
            prepare()
            with connection.begin():
                connection.execute(insert(node), [owner])
        with connection.begin():
            check_owner(connection, jurisdiction, domain)


def _require_no_channels(connection: Connection) -> None:
    if connection.execute(select(channels.c.id).limit(1)).first():
        raise StoreError("the database is nobody's, and not empty, as one of which a copy was cut short: name another")


def check_owner(connection: Connection, jurisdiction: str, domain: str) -> None:
    """Passes if the database is that of this node.

    Raises:
        StoreError: it is another node's, or nobody's.
    """
    found = connection.execute(select(node.c.jurisdiction, node.c.domain)).first()
    if found is None or (found.jurisdiction, found.domain) != (jurisdiction, domain):
        nobodys = "or was moved from by gateway migrate; where that or gateway restore was cut short, it is said again"
        other = f"but of {found.jurisdiction} {found.domain}" if found else nobodys
        said = f"the database is not that of {jurisdiction} {domain}, {other}"
        raise StoreError(f"{said}: check database.url and [node] in config.toml")


def owner_of(url: str, home: Path) -> Owner:
    """Gives whose a database is: nobody's, where there is none; raises ``StoreError``: it cannot be read."""
    if not is_made(url, home):
        return []
    with snapshot(url, home) as connection:
        return _owner(connection)


def disown(
    url: str, home: Path, copied: Connection | None = None, keep: Callable[[Owner], None] = lambda _: None
) -> None:
    """Makes a database nobody's, so that no node starts with it. The caller holds the home's lock.

    Args:
        url: of it
        home: of the node
        copied: the snapshot that was copied: what is committed since would be left behind
        keep: is told whose it was, before it is nobody's

    Raises:
        StoreError: the database did not take it; or a replica that was paused, or started elsewhere, has written.
    """
    versions = copied.scalars(select(node.c.version)).all() if copied else []
    try:
        with writing(url, home) as connection, connection.begin():
            connection.execute(update(node).values(version=node.c.version))  # whoever commits has done so, or cannot
            owners = _owner(connection)
            if copied and versions != [owner["version"] for owner in owners]:
                raise StoreError("a replica of the node wrote meanwhile: stop all of them, and begin again")
            keep(owners)
            connection.execute(delete(node))
    except SQLAlchemyError as error:
        raise StoreError(f"the database could not be left: {type(error).__name__}") from error


def give_back(url: str, home: Path, owner: Owner) -> None:
    """Makes a database again the one of whom it was; raises as ``disown``."""
    try:
        with writing(url, home) as connection, connection.begin():
            connection.execute(insert(node), list(owner))
    except SQLAlchemyError as error:
        raise StoreError(f"the database could not be given back, and is nobody's: {type(error).__name__}") from error


def _owner(connection: Connection) -> Owner:
    return [dict(row) for row in connection.execute(select(node)).mappings()]


def read_token_key(connection: Connection) -> bytes:
    """Reads the key of page tokens and cursors."""
    return bytes(connection.execute(select(node.c.token_key)).scalar_one())


def add_channels(database: Database, wanted: Iterable[ChannelNames]) -> None:
    """Adds the channels of new pairings, and their seals; those that are there stay as they are."""
    with database.writer() as connection, connection.begin():
        connection.execute(select(node.c.version).with_for_update())  # another replica may be doing the same
        present = {row.origin: row.id for row in connection.execute(select(channels.c.origin, channels.c.id))}
        sealed = set(connection.scalars(select(seals.c.channel).distinct()))
        for names in wanted:
            if names.origin not in present:
                present[names.origin] = max(present.values(), default=0) + 1
                ends = (names.sender, names.recipient)
                row = _new_channel(present[names.origin], names.origin, ends, outgoing=names.outgoing)
                connection.execute(insert(channels), [row])
            if present[names.origin] not in sealed:
                connection.execute(insert(seals), seal_rows(first_seals(names.origin, *names.seals), present))


def check_channels(database: Database, parties: Parties) -> None:
    """Compares each channel with its own newest head: size, root, signature, and the last leaf; and its seals.

    The whole log is verified by ``gateway check``; this is what every start can afford.

    Args:
        database: open
        parties: this node and its peers, with the seals that their files name

    Raises:
        Corrupt: they contradict each other.
    """
    known = {origin: (sender, receiver) for origin, sender, receiver in parties.channels()}
    with database.readers.connect() as connection:
        for origin, state in read_channels(connection).items():
            _check_last_leaf(connection, state.id, origin, state.log.size)
            if origin in known:
                _check_seals(connection, state, known[origin])
            if origin in known and state.head:
                _check_note(state.head.note, state.origin, state.seals.sender)


def check_journal(database: Database, own: Seals) -> None:
    """Compares the access journal with its own newest head: root, signature, and the last leaf.

    Args:
        database: open
        own: the seals of this node

    Raises:
        Corrupt: they contradict each other.
    """
    with database.readers.connect() as connection:
        state = read_journal(connection)
        _check_last_leaf(connection, JOURNAL, state.origin, state.log.size)
        if state.head:
            _check_note(state.head.note, state.origin, own)


def _check_seals(connection: Connection, state: ChannelState, ends: tuple[Party, Party]) -> None:
    """What no envelope brought must be a seal that a file of the home names, or named."""
    for cosigner, party in enumerate(ends):
        rows = select(seals.c.ed25519_certificate, seals.c.ml_dsa_44_certificate).where(
            seals.c.channel == state.id, seals.c.cosigner.is_(bool(cosigner)), seals.c.rotated_channel.is_(None)
        )
        named = {each.certificates for each in party.seals}
        for row in connection.execute(rows):
            if (bytes(row[0]), bytes(row[1])) not in named:
                raise Corrupt(
                    f"{state.origin} began under a seal of {party.domain} that no file here names, of SHA-256 "
                    f"{sha256(bytes(row[0])).hexdigest()}: docs/certificates.md tells what to do where its file was "
                    "lost, or the seal was lost or replaced"
                )


def _check_note(note: bytes, origin: str, by: Seals) -> None:
    try:
        open_checkpoint(note, origin, by)
    except VerificationError as error:
        raise Corrupt(f"the newest checkpoint of {origin} does not verify: {error.message}") from error


def _check_last_leaf(connection: Connection, log: int, origin: str, expected: int) -> None:
    last = connection.scalar(select(func.max(leaves.c.index)).where(leaves.c.channel == log))
    size = 0 if last is None else last + 1
    if size != expected:
        raise Corrupt(f"{origin} has {size} leaves, and its head says {expected}")


def _new_channel(channel: int, origin: str, ends: tuple[str, str], *, outgoing: bool) -> dict[str, object]:
    sender, recipient = ends
    return {
        "id": channel,
        "origin": origin,
        "sender": sender,
        "recipient": recipient,
        "outgoing": outgoing,
        "size": 0,
        "edge": b"",
        "halt_reason": "",
        "halt_detail": "",
    }
