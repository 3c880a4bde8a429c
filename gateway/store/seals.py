"""Reads and writes the seals that the ends of a channel had in it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from regulator.exchange.v1.envelope_pb2 import Envelope
from sqlalchemy import Connection, RowMapping, ScalarSelect, delete, func, insert, select

from gateway.errors import Corrupt, VerificationError
from gateway.identity.seals.certificates import seal_of
from gateway.ledger.origins import reverse_of
from gateway.ledger.seals import CertifiedSeal, ChannelSeals, SealHistory, SealSpan
from gateway.store.prepared import insert_rows
from gateway.store.tables import seals
from gateway.supervision.notices.records import Place


@dataclass(frozen=True, slots=True)
class SealChange:
    """One more seal of a party of a channel.

    Attributes:
        origin: of the channel
        cosigner: of the recipient; else of the sender
        ordinal: its place among that party's seals there, from 0
        span: the seal, and from where it holds
        place: of the envelope that brought it; None: no envelope did
    """

    origin: str
    cosigner: bool
    ordinal: int
    span: SealSpan
    place: Place | None = None


def read_seals(connection: Connection, channel: int, origin: str) -> ChannelSeals:
    """Reads the seals of both ends of a channel.

    Raises:
        Corrupt: one of them has none, or one cannot be read.
    """
    rows = connection.execute(select(seals).where(seals.c.channel == channel).order_by(seals.c.ordinal)).mappings()
    found: dict[bool, list[SealSpan]] = {False: [], True: []}
    for row in rows:
        found[bool(row["cosigner"])].append(SealSpan(row["above"], seal_in(row)))
    if not all(found.values()):
        raise Corrupt(f"no seals are stored of {origin}: run gateway upgrade")
    return ChannelSeals(origin, SealHistory(tuple(found[False])), SealHistory(tuple(found[True])))


def seal_in(row: RowMapping) -> CertifiedSeal:
    """Reads the seal of a row.

    Raises:
        Corrupt: it cannot be read.
    """
    try:
        return seal_of((bytes(row["ed25519_certificate"]), bytes(row["ml_dsa_44_certificate"])))
    except VerificationError as error:
        raise Corrupt(f"a stored seal cannot be read: {error.message}") from error


def first_seals(origin: str, sender: CertifiedSeal, receiver: CertifiedSeal) -> list[SealChange]:
    """The seals with which a channel begins."""
    return [
        SealChange(origin, cosigner, 0, SealSpan(0, seal)) for cosigner, seal in ((False, sender), (True, receiver))
    ]


def seal_rows(changes: Iterable[SealChange], ids: Mapping[str, int]) -> list[dict[str, Any]]:
    """Gives the rows of seals; ``ids`` has the id of each channel by origin."""
    return [
        {
            "channel": ids[each.origin],
            "cosigner": each.cosigner,
            "ordinal": each.ordinal,
            "above": each.span.above,
            "ed25519_certificate": each.span.seal.certificates[0],
            "ml_dsa_44_certificate": each.span.seal.certificates[1],
            "rotated_channel": ids[each.place.origin] if each.place else None,
            "rotated_index": each.place.index if each.place else None,
        }
        for each in changes
    ]


def write_seals(connection: Connection, changes: Sequence[SealChange], ids: Mapping[str, int]) -> None:
    """Writes seals that are new; one that turned out to be the first takes the place of those that passed for it."""
    for each in changes:
        if each.ordinal == 0:
            mine = seals.c.channel == ids[each.origin], seals.c.cosigner.is_(each.cosigner)
            connection.execute(delete(seals).where(*mine))
    insert_rows(connection, seals, seal_rows(changes, ids))


def rebuild_seals(connection: Connection, origins: Mapping[str, int], rotations: Mapping[Place, Envelope]) -> None:
    """Makes the rows anew that envelopes brought; those of pairing documents, and of operators, stay.

    Those are passed over that were overtaken when they came (``ledger.seals.rotation_in``).

    Args:
        connection: inside the transaction that rebuilds
        origins: the id of each channel
        rotations: every envelope that brings a seal, in the order of its channel's log
    """
    order: dict[str, list[CertifiedSeal]] = {}  # of the seals of each channel's sender, which the channel itself tells
    overtaken = set[Place]()
    for cosigner in (False, True):
        for origin, channel in origins.items():
            source = reverse_of(origin) if cosigner else origin
            mine = (seals.c.channel == channel, seals.c.cosigner.is_(cosigner))
            found = select(seals).where(*mine, seals.c.rotated_channel.is_(None)).order_by(seals.c.ordinal)
            changes = [
                SealChange(origin, cosigner, 0, SealSpan(row["above"], seal_in(row)))
                for row in connection.execute(found).mappings()
            ]
            if not cosigner:
                overtaken |= {
                    place
                    for place, envelope in rotations.items()
                    if place.origin == origin and any(_overtakes(each.span, place.index, envelope) for each in changes)
                }
            for place, envelope in rotations.items():
                if place.origin == source and place not in overtaken:
                    said = envelope.seal_rotated
                    above = said.receipted_size if cosigner else place.index + 1
                    seal = seal_of((said.ed25519_certificate, said.ml_dsa_44_certificate))
                    changes.append(SealChange(origin, cosigner, 0, SealSpan(above, seal), place))
            connection.execute(delete(seals).where(*mine))
            made = list(_in_order(changes, order.get(source, ())))
            if not cosigner:
                order[origin] = [each.span.seal for each in made]
            connection.execute(insert(seals), seal_rows(made, origins))


def _overtakes(span: SealSpan, index: int, rotation: Envelope) -> bool:
    """Whether an operator put a seal in force before a rotation came, and that was sealed before the seal was there."""
    return span.above <= index and rotation.sealed_at.seconds < span.seal.not_before


def _in_order(changes: Iterable[SealChange], known: Sequence[CertifiedSeal]) -> Iterator[SealChange]:
    """Numbers the seals of one party, in the order of the sizes above which they hold.

    What an operator put in force at the size of a rotation came after it: the rotation's envelope was there. Of
    receipts, whose number may not have changed between two changes, the order is that of the other channel.
    """

    def place(each: SealChange) -> tuple[int, int, bool]:
        seal, above = each.span.seal, each.span.above
        return (known.index(seal) if seal in known else len(known), above, each.place is None)

    above = 0
    for ordinal, change in enumerate(sorted(changes, key=place)):
        above = max(above, change.span.above)
        yield replace(change, ordinal=ordinal, span=SealSpan(above, change.span.seal))


def next_turn(channel: int, size: int) -> ScalarSelect[int]:
    """The smallest size above another one at which a channel's sender changed its seal: a batch does not pass it."""
    turns = seals.c.channel == channel, seals.c.cosigner.is_(False), seals.c.above > size
    return select(func.min(seals.c.above)).where(*turns).scalar_subquery()
