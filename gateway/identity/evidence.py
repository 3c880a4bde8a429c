"""Verifies an evidence file as a third person does: with the file and the two jurisdictions' roots, and nothing else.

The file is a C2SP tlog-proof (``gateway.ledger.evidence``). No byte of it is without a check: what no signature
covers, such as the outer form of a certificate, must be in its one canonical form.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from google.protobuf.message import DecodeError, Message
from regulator.exchange.v1.envelope_pb2 import Envelope, EvidenceMaterial

from gateway.errors import Malformed, VerificationError
from gateway.identity.certificates import Cause, untrusted
from gateway.identity.names import NodeId
from gateway.identity.sealers import certified
from gateway.ledger.checkpoint import domains_of, open_checkpoint
from gateway.ledger.evidence import Evidence, open_evidence_checkpoint, open_evidence_receipt, verify_inclusion_in

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS_OF_MICRO = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """One check that passed: its name, and what was found, for people."""

    name: str
    found: str


@dataclass(frozen=True, slots=True)
class Proven:
    """What a verified evidence file proves.

    Attributes:
        envelope: as the sender sealed it; its content may be of a kind that this version does not know
        origin: of the channel
        index: of the envelope in the channel's log
        size: of the log under the verified signatures
        sender: who sealed it
        receiver: who it was sent to
        sealed_at: by the sender's clock
        signed_at: when the sender signed the log's head, by its clock, in whole seconds
        received_at: when the receiver cosigned it, by its clock, in whole seconds; None: only the sending is proven
        steps: every check, in order
    """

    envelope: Envelope
    origin: str
    index: int
    size: int
    sender: NodeId
    receiver: NodeId
    sealed_at: datetime
    signed_at: datetime
    received_at: datetime | None
    steps: tuple[Step, ...]


def verify_evidence(data: bytes, roots: Sequence[x509.Certificate]) -> Proven:
    """Verifies an evidence file, and gives what it proves; arguments and errors are those of ``EvidenceCheck``."""
    check = EvidenceCheck(data, roots)
    steps = tuple(check.steps())
    return check.proven(steps)


class EvidenceCheck:
    """The verification of one evidence file, step by step, for those who want to show each.

    Read ``steps`` to its end, then ask for what is ``proven``; ``verify_evidence`` does both. The caller trusts the
    roots: each must be the node authority of a jurisdiction that it knows. One authority must not be able to make the
    other side's part: so the two sides come from two roots, and a root that names a domain speaks for no other.
    Dates are compared with the times of signing, never with today: evidence holds after its certificates have
    expired. Nothing here tells whether a certificate was revoked before it sealed.

    Args:
        data: the file's bytes
        roots: certificates of node authorities; each side must be certified by one of them
    """

    def __init__(self, data: bytes, roots: Sequence[x509.Certificate]) -> None:
        self._data, self._roots = data, roots
        self._received_at: datetime | None = None

    def steps(self) -> Iterator[Step]:
        """Gives each step as it passes.

        Raises:
            Malformed: it is not in the format, or not in its canonical form.
            Untrusted: a sealing certificate does not lead to a root, names another node, or was not valid then.
            BadSignature: a signature does not verify.
            BadProof: the envelope is not in the log that was signed.
                In all of them ``metadata["step"]`` is the name of the first step that failed.
        """
        checks = (
            ("file", self._file),
            ("envelope", self._envelope),
            ("sender certificates", self._sender_certificates),
            ("sender signatures", self._sender_signatures),
            ("inclusion", self._inclusion),
            ("receiver certificates", self._receiver_certificates),
            ("receiver cosignatures", self._receiver_cosignatures),
        )
        for name, check in checks:
            try:
                found = check()
            except VerificationError as error:
                raise type(error)(error.message, **{**error.metadata, "step": name}) from error
            if found:
                yield Step(name, found)

    def proven(self, steps: tuple[Step, ...]) -> Proven:
        """Gives what the steps have proven; all of them must have passed."""
        return Proven(
            envelope=self._sealed,
            origin=self._sealed.origin,
            index=self._evidence.index,
            size=self._head.checkpoint.size,
            sender=self._sender.node,
            receiver=self._receiver.node,
            sealed_at=self._sealed_at,
            signed_at=self._signed_at,
            received_at=self._received_at,
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
        return f"a C2SP tlog-proof of {len(self._data)} bytes, in its one canonical form"

    def _envelope(self) -> str:
        """The envelope's bytes count as they are: their hash must lead to the signed root."""
        self._sealed = Envelope()
        _parse(self._sealed, self._material.envelope)
        if self._sealed.origin != self._evidence.origin():
            raise Malformed("the envelope was sealed for another channel than that of the checkpoint")
        self._sealed_at = moment(self._sealed.sealed_at.seconds, self._sealed.sealed_at.nanos)
        return f"{act_of(self._sealed)} in the channel {self._sealed.origin}, sealed at {clock(self._sealed_at)}"

    def _sender_certificates(self) -> str:
        domain, _ = domains_of(self._sealed.origin)
        self._sender = certified(tuple(self._material.sender_certificates), domain, tuple(self._roots))
        self._sender.window.require(self._sealed_at)
        return f"{self._sender.told()}, valid when it was sealed"

    def _sender_signatures(self) -> str:
        """Evidence without a receipt may bear no line beside the sender's two; of a receipt, all four are checked."""
        opened = open_checkpoint(self._evidence.note, self._sealed.origin, self._sender.seal)
        if not self._evidence.is_receipted():
            opened = open_evidence_checkpoint(self._evidence, self._sender.seal)
        self._head, self._signed_at = opened, moment(opened.time)
        self._sender.window.require(self._signed_at)
        size = opened.checkpoint.size
        return f"Ed25519 and ML-DSA-44 over the log of {size} envelopes, signed at {clock(self._signed_at)}"

    def _inclusion(self) -> str:
        verify_inclusion_in(self._evidence, self._material.envelope, self._head)
        return f"the envelope has the index {self._evidence.index} in that log, by a proof to its signed root"

    def _receiver_certificates(self) -> str:
        _, domain = domains_of(self._sealed.origin)
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
        self._receiver.window.require(self._received_at)
        return f"Ed25519 and ML-DSA-44 over the same log, cosigned at {clock(self._received_at)}"


def act_of(envelope: Envelope) -> str:
    """Says what an envelope does, in a few words: ``release of notices/hk-2025-001``."""
    match envelope.WhichOneof("content"):
        case "notice_released":
            return f"release of {envelope.notice_released.notice}"
        case "notice_acknowledged":
            return f"acknowledgement of {envelope.notice_acknowledged.notice}"
        case "notice_withdrawn":
            return f"withdrawal of {envelope.notice_withdrawn.notice}"
        case "framework_version_published":
            published = envelope.framework_version_published
            return f"version {published.version} of {published.framework}"
        case "framework_assessed":
            return f"publication of {envelope.framework_assessed.assessment}"
    return "an act of a kind that this version does not know"


def clock(moment: datetime) -> str:
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
