"""Verifies an evidence file as a third person does: with the file and the two jurisdictions' roots, and nothing else.

The file is a C2SP tlog-proof (``gateway.ledger.evidence``). No byte of it is without a check: what no signature
covers, such as the outer form of a certificate, must be in its one canonical form.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from google.protobuf.message import DecodeError, Message
from regulator.exchange.v1.envelope_pb2 import Envelope, EvidenceMaterial
from regulator.exchange.v1.sharing_pb2 import SharingDecided

from gateway.errors import BadProof, Malformed
from gateway.identity.certificates.revocation import NOTHING_REVOKED, Revocation
from gateway.identity.certificates.x509 import Cause, untrusted
from gateway.identity.evidence.verification import Step, passing
from gateway.identity.names import NodeId
from gateway.identity.seals.sealers import Sealer, certified
from gateway.ledger.checkpoint import open_checkpoint
from gateway.ledger.evidence import Evidence, open_evidence_checkpoint, open_evidence_receipt, verify_leaf_in
from gateway.ledger.merkle import HASH_BYTES, leaf_hash
from gateway.ledger.origins import domains_of
from gateway.words import envelopes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS_OF_MICRO = 1000
MAX_SHOWN_CHARACTERS = 256  # of a name that is none
_WORD = re.compile(r"[!#-~]{1,512}")  # ASCII without spaces and quotation marks: longer than any name


@dataclass(frozen=True, slots=True)
class Proven:
    """What a verified evidence file proves.

    Attributes:
        envelope: as the sender sealed it; its content may be of a kind that this version does not know. None: its
            content is destroyed, and the file holds its leaf hash alone
        leaf_hash: of the envelope, 32 bytes
        origin: of the channel
        index: of the envelope in the channel's log
        size: of the log under the verified signatures
        sender: who sealed it
        receiver: who it was sent to
        seals: those of the sender and of the receiver whose certificates are in the file
        sealed_at: by the sender's clock; None with the envelope
        signed_at: when the sender signed the log's head, by its clock, in whole seconds
        received_at: when the receiver cosigned it, by its clock, in whole seconds; None: only the sending is proven
        destruction: what the certificate proves by which a node destroyed the content; None: the file holds none
        hash_alone: the receipt is one for the hash alone, since the sender had destroyed the content without one
        steps: every check, in order
    """

    envelope: Envelope | None
    leaf_hash: bytes
    origin: str
    index: int
    size: int
    sender: NodeId
    receiver: NodeId
    seals: tuple[Sealer, Sealer]
    sealed_at: datetime | None
    signed_at: datetime
    received_at: datetime | None
    destruction: "Proven | None"
    hash_alone: bool
    steps: tuple[Step, ...]


def verify_evidence(data: bytes, roots: Sequence[x509.Certificate], revocation: Revocation = NOTHING_REVOKED) -> Proven:
    """Verifies an evidence file, and gives what it proves; arguments and errors are those of ``EvidenceCheck``."""
    check = EvidenceCheck(data, roots, revocation)
    steps = tuple(check.steps())
    return check.proven(steps)


class EvidenceCheck:
    """The verification of one evidence file, step by step, for those who want to show each.

    Read ``steps`` to its end, then ask for what is ``proven``; ``verify_evidence`` does both. The caller trusts the
    roots: each must be the node authority of a jurisdiction that it knows. One authority must not be able to make the
    other side's part: so the two sides come from two roots, and a root that names a domain speaks for no other.
    Dates are compared with the times at which heads were signed, never with today: evidence holds after its
    certificates have expired. A seal that was revoked signed well what it signed before, by its own clock.

    Args:
        data: the file's bytes
        roots: certificates of node authorities; each side must be certified by one of them
        revocation: what is known of revoked certificates
    """

    def __init__(
        self, data: bytes, roots: Sequence[x509.Certificate], revocation: Revocation = NOTHING_REVOKED
    ) -> None:
        self._data, self._roots, self._revocation = data, roots, revocation
        self._sealed: Envelope | None = None
        self._sealed_at: datetime | None = None
        self._received_at: datetime | None = None
        self._destruction: Proven | None = None
        self._hash_alone = False

    def steps(self) -> Iterator[Step]:
        """Gives each step as it passes.

        Raises:
            Malformed: it is not in the format, or not in its canonical form.
            Untrusted: a sealing certificate does not lead to a root, names another node, or was not valid then; or it
                was revoked.
            BadSignature: a signature does not verify.
            BadProof: the envelope is not in the log that was signed.
                In all of them ``metadata["step"]`` is the name of the first step that failed.
        """
        return passing(
            ("file", self._file),
            ("envelope", self._envelope),
            ("sender certificates", self._sender_certificates),
            ("sender signatures", self._sender_signatures),
            ("inclusion", self._inclusion),
            ("receiver certificates", self._receiver_certificates),
            ("receiver cosignatures", self._receiver_cosignatures),
            ("destruction", self._certificate_of_destruction),
        )

    def proven(self, steps: tuple[Step, ...]) -> Proven:
        """Gives what the steps have proven; all of them must have passed."""
        return Proven(
            envelope=self._sealed,
            leaf_hash=self._leaf,
            origin=self._origin,
            index=self._evidence.index,
            size=self._head.checkpoint.size,
            sender=self._sender.node,
            receiver=self._receiver.node,
            seals=(self._sender, self._receiver),
            sealed_at=self._sealed_at,
            signed_at=self._signed_at,
            received_at=self._received_at,
            destruction=self._destruction,
            hash_alone=self._hash_alone,
            steps=steps,
        )

    # --- the steps ------------------------------------------------------------------------------------------------

    def _file(self) -> str:
        """Nothing in the ``extra`` line is signed as it stands there: so it must be as it is written, to the byte."""
        self._evidence = Evidence.parse(self._data)
        self._material = EvidenceMaterial()
        _parse(self._material, self._evidence.extra)
        self._material.DiscardUnknownFields()
        if self._material.SerializeToString(deterministic=True) != self._evidence.extra:
            raise Malformed("the extra line holds more than the envelope and the certificates, or in another order")
        hash_bytes, expected = len(self._material.leaf_hash), 0 if self._material.envelope else HASH_BYTES
        if hash_bytes != expected or (self._material.envelope and self._material.destruction):
            raise Malformed("the extra line holds an envelope, or the hash of one whose content is destroyed")
        return f"a C2SP tlog-proof of {len(self._data)} bytes, in its one canonical form"

    def _envelope(self) -> str:
        """The envelope's bytes count as they are: their hash must lead to the signed root."""
        self._origin, self._leaf = self._evidence.origin(), self._material.leaf_hash
        if self._leaf:
            return f"content destroyed: of an envelope in the channel {self._origin}, the leaf hash {self._leaf.hex()}"
        sealed, self._leaf = Envelope(), leaf_hash(self._material.envelope)
        _parse(sealed, self._material.envelope)
        if sealed.origin != self._origin:
            raise Malformed("the envelope was sealed for another channel than that of the checkpoint")
        self._sealed, self._sealed_at = sealed, moment(sealed.sealed_at.seconds, sealed.sealed_at.nanos)
        return f"{act_of(sealed)} in the channel {self._origin}, sealed at {time_text(self._sealed_at)}"

    def _sender_certificates(self) -> str:
        domain, _ = domains_of(self._origin)
        self._sender = certified(tuple(self._material.sender_certificates), domain, tuple(self._roots))
        return self._sender.told()

    def _sender_signatures(self) -> str:
        """Evidence without a receipt may bear no line beside the sender's two; of a receipt, all four are checked.

        The seal signs the log's head, and that is when it must be certified. The envelope may be older than the seal:
        if the sender rotated before there was a receipt, a later head, by the next seal, is the one that holds it.
        """
        opened = open_checkpoint(self._evidence.note, self._origin, self._sender.seal)
        if not self._evidence.is_receipted():
            opened = open_evidence_checkpoint(self._evidence, self._sender.seal)
        self._head, self._signed_at = opened, moment(opened.time)
        self._sender.require_good(self._signed_at, self._revocation)
        if self._sealed_at:  # its sender's word alone, but it must not contradict the signature
            self._sender.window.require(max(self._sealed_at, self._signed_at))
        size = opened.checkpoint.size
        return f"Ed25519 and ML-DSA-44 over the log of {envelopes(size)}, signed at {time_text(self._signed_at)}"

    def _inclusion(self) -> str:
        verify_leaf_in(self._evidence, self._leaf, self._head)
        return f"the envelope has the index {self._evidence.index} in that log, by a proof to its signed root"

    def _receiver_certificates(self) -> str:
        _, domain = domains_of(self._origin)
        self._receiver = certified(tuple(self._material.receiver_certificates), domain, tuple(self._roots))
        if self._receiver.root.public_key() == self._sender.root.public_key():
            raise untrusted(Cause.UNKNOWN_ISSUER, "one root certifies both sides: it could have made all of this alone")
        return self._receiver.told()

    def _receiver_cosignatures(self) -> str:
        if not self._evidence.is_receipted():
            return ""
        domain, seal = self._receiver.node.domain, self._receiver.seal
        receipt = open_evidence_receipt(self._evidence, self._sender.seal, domain, seal)
        self._received_at = moment(receipt.time)
        self._receiver.require_good(self._received_at, self._revocation)
        return f"Ed25519 and ML-DSA-44 over the same log, cosigned at {time_text(self._received_at)}"

    def _certificate_of_destruction(self) -> str:
        """It is evidence itself, of an envelope that is there whole and names this one.

        A receiver gives no receipt for content that it never had before it has the sender's word that it had none for
        it either; so a receipt for both is one for the hash alone. Only one and the same shows that both are of one
        log: whoever signed two histories could else have it either way.
        """
        if not self._material.destruction:
            return ""
        proven = verify_evidence(self._material.destruction, self._roots, self._revocation)
        named = proven.envelope.content_destroyed.envelopes if proven.envelope else ()
        here = (self._origin, self._evidence.index, self._leaf)
        this = [each for each in named if (each.origin, each.index, each.leaf_hash) == here]
        if not this:
            raise BadProof("the certificate of destruction does not name this envelope")
        if {*domains_of(proven.origin)} != {*domains_of(self._origin)}:
            raise BadProof("the certificate of destruction is of another pair of nodes")
        self._destruction = proven
        is_covered = proven.origin == self._origin and proven.index < self._head.checkpoint.size
        self._hash_alone = this[0].without_receipt and is_covered and self._received_at is not None
        if self._hash_alone and Evidence.parse(self._material.destruction).note != self._evidence.note:
            raise BadProof("the receipt covers what says that there was none before, and that is under another note")
        return f"{proven.sender} certified that the content is destroyed, {_when(proven)}"


def as_written(name: str) -> str:
    """A name in an envelope, for people: in quotation marks unless it is one word.

    Its sender may have written there whatever it likes, a sentence that reads as if it were proven, too.
    """
    return name if _WORD.fullmatch(name) else json.dumps(name[:MAX_SHOWN_CHARACTERS])


def act_of(envelope: Envelope) -> str:
    """Says what an envelope does, in a few words: ``release of notices/hk-2025-001``."""
    name = envelope.WhichOneof("content") or ""
    told = _TOLD.get(name)
    return told(getattr(envelope, name)) if told else "an act of a kind that this version does not know"


_TOLD: Mapping[str, Callable[[Any], str]] = {
    "notice_released": lambda act: f"release of {as_written(act.notice)}",
    "notice_acknowledged": lambda act: f"acknowledgement of {as_written(act.notice)}",
    "notice_withdrawn": lambda act: f"withdrawal of {as_written(act.notice)}",
    "framework_version_published": lambda act: f"version {act.version} of {as_written(act.framework)}",
    "framework_assessed": lambda act: f"publication of {as_written(act.assessment)}",
    "seal_rotated": lambda _: "rotation of the sender's seal",
    "sharing_requested": lambda act: f"request for {as_written(act.consent)}",
    "sharing_decided": lambda act: (
        f"{'grant' if act.decision == SharingDecided.GRANTED else 'refusal'} of {as_written(act.consent)}, "
        f"decision {act.number}"
    ),
    "content_shared": lambda act: f"onward sharing, {as_written(act.share)}",
    "attachments_received": lambda act: f"receipt of all attachments of {as_written(act.notice)}",
    "content_destroyed": lambda act: f"destruction of the content of {as_written(act.notice)}",
}


def _when(proven: Proven) -> str:
    assert proven.sealed_at is not None, "a certificate is there whole"
    return f"at {time_text(proven.sealed_at)}"


def time_text(moment: datetime) -> str:
    """Writes a moment for people: ``2026-05-08 09:00:00 UTC``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _parse(message: Message, data: bytes) -> None:
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise Malformed(f"this is not a message of the type {message.DESCRIPTOR.name}") from error


def moment(seconds: int, nanos: int = 0) -> datetime:
    """Gives a moment from seconds since 1970.

    Raises:
        Malformed: it is none that a clock could have shown.
    """
    try:
        return _EPOCH + timedelta(seconds=seconds, microseconds=nanos // _NANOS_OF_MICRO)
    except OverflowError as error:
        raise Malformed("a time lies before the year 1, or after the year 9999") from error
