"""Verifies the seals that the parties of channels had: a file of the home names each, or an envelope brought it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from regulator.exchange.v1.envelope_pb2 import Envelope
from sqlalchemy import Connection, RowMapping, select

from gateway.identity.pairing.parties import Party
from gateway.store.reverify.notes import Keys, Turns
from gateway.store.reverify.report import Findings
from gateway.store.tables import seals

Place = tuple[int, int]  # channel id, index


def read_turns(connection: Connection, channel: int, party: Party, *, cosigner: bool, findings: Findings) -> Turns:
    """Reads the seals of one party of a channel, for the notes that they signed; what cannot be read signs nothing."""
    found: list[tuple[int, Keys]] = []
    for row in _rows(connection, channel, cosigner=cosigner):
        try:
            certificates = bytes(row["ed25519_certificate"]), bytes(row["ml_dsa_44_certificate"])
            found.append((row["above"], keys_in(certificates, party.domain)))
        except (ValueError, AttributeError):
            findings.add(_where(row), "holds no certificates of a seal")
    return Turns(found)


def of_any_history(turns: Turns, party: Party) -> Turns:
    """The same, and those that files of the home name, for whatever size: each of two histories has others."""
    named = [(0, keys_in(each.certificates, party.domain)) for each in (party.seal, *party.earlier_seals)]
    return Turns([*named, *turns.turns], of_one_history=False)


def keys_in(certificates: tuple[bytes, bytes], domain: str) -> Keys:
    """Reads the keys of two certificates; raises ``ValueError`` or ``AttributeError`` if they hold none."""
    ed25519, ml_dsa_44 = (x509.load_der_x509_certificate(each).public_key() for each in certificates)
    return Keys(domain, ed25519.public_bytes_raw(), ml_dsa_44.public_bytes_raw())  # type: ignore[union-attr]


@dataclass(frozen=True, slots=True)
class SealedChannel:
    """A channel as far as its seals go: id, origin, the parties, and the id of the channel the other way."""

    id: int
    origin: str
    sender: Party
    recipient: Party
    reverse: int | None


class SealCheck:
    """Compares the rows of one channel's seals with what the envelopes and the files of the home say.

    Args:
        connection: in one snapshot
        channel: whose rows are looked at
        rotations: every envelope of the node's channels that brings a seal, by its place
        findings: what does not fit goes here
    """

    def __init__(
        self,
        connection: Connection,
        channel: SealedChannel,
        rotations: Mapping[Place, Envelope],
        findings: Findings,
    ) -> None:
        self._connection, self._channel = connection, channel
        self._rotations, self._findings = rotations, findings

    def run(self) -> int:
        """Gives the number of rows."""
        channel = self._channel
        return sum(
            self._check(party, source, cosigner=cosigner)
            for party, source, cosigner in (
                (channel.sender, channel.id, False),
                (channel.recipient, channel.reverse, True),
            )
        )

    def _check(self, party: Party, source: int | None, *, cosigner: bool) -> int:
        """Of one party, whose rotations stand in the channel ``source``."""
        stored = list(_rows(self._connection, self._channel.id, cosigner=cosigner))
        named = {seal.certificates for seal in (party.seal, *party.earlier_seals)}
        owed = {place for place in self._rotations if place[0] == source and not self._is_overtaken(place)}
        above = 0
        for ordinal, row in enumerate(stored):
            self._check_row(row, ordinal, above, named, owed, cosigner=cosigner)
            above = row["above"]
        role = f"seals {self._channel.origin} {'recipient' if cosigner else 'sender'}"
        if not stored:
            self._findings.add(role, "are missing", "at least one")
        for _, index in sorted(owed):
            self._findings.add(role, f"lack the one that envelope {index} brought")
        return len(stored)

    def _is_overtaken(self, place: Place) -> bool:
        """Whether a rotation came after an operator's seal that was certified after it was sealed: it counts not."""
        channel, index = place
        sealed_at = self._rotations[place].sealed_at.seconds
        return any(
            row["rotated_channel"] is None and row["above"] <= index and sealed_at < _certified_at(row)
            for row in _rows(self._connection, channel, cosigner=False)
        )

    def _check_row(
        self,
        row: RowMapping,
        ordinal: int,
        above: int,
        named: set[tuple[bytes, bytes]],
        owed: set[Place],
        *,
        cosigner: bool,
    ) -> None:
        certificates = bytes(row["ed25519_certificate"]), bytes(row["ml_dsa_44_certificate"])
        place = row["rotated_channel"], row["rotated_index"]
        if row["ordinal"] != ordinal or row["above"] < above or (ordinal == 0 and row["above"]):
            self._findings.add(_where(row), f"holds above size {row['above']}", f"{ordinal}, {above} or more")
        if place == (None, None):
            if certificates not in named:
                self._findings.add(_where(row), "is named by no pairing document and no file of the home")
            return
        said = self._rotations[place].seal_rotated if place in owed else None
        owed.discard(place)
        if said is None or certificates != (said.ed25519_certificate, said.ml_dsa_44_certificate):
            self._findings.add(_where(row), "is not what an envelope brought")
            return
        expected = max(above, said.receipted_size) if cosigner else place[1] + 1
        if row["above"] != expected:
            self._findings.add(_where(row), f"holds above size {row['above']}", str(expected))


def _certified_at(row: RowMapping) -> float:
    """From when on both certificates of a row are valid; 0: they cannot be read, as is told elsewhere."""
    try:
        both = (x509.load_der_x509_certificate(bytes(row[f"{name}_certificate"])) for name in ("ed25519", "ml_dsa_44"))
        return max(each.not_valid_before_utc.timestamp() for each in both)
    except ValueError:
        return 0


def _rows(connection: Connection, channel: int, *, cosigner: bool) -> Iterator[RowMapping]:
    mine = select(seals).where(seals.c.channel == channel, seals.c.cosigner.is_(cosigner))
    found: Sequence[RowMapping] = connection.execute(mine.order_by(seals.c.ordinal)).mappings().all()
    yield from found


def _where(row: RowMapping) -> str:
    return f"seals {row['channel']} {'recipient' if row['cosigner'] else 'sender'} {row['ordinal']}"
