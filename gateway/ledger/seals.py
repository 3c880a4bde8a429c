"""The seals that a party had in one channel, one after the other, and which of them may sign what.

A party rotates its seal by an envelope, ``SealRotated``, in each channel that leads away from it. That envelope ends
its checkpoint, which is the last one that the old seal signs there. In the other direction, where the party cosigns,
the envelope says how far its receipts under the old seal reach.

So of each seal it is known up to which size it may sign, and nothing beyond that verifies under it, for ever. A later
seal may sign a smaller size too: a receiver that lost receipts makes them anew, with the seal that it has.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from google.protobuf.message import DecodeError
from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.errors import RemoteProtocolError, UnknownSeal, Untrusted
from gateway.ledger.checkpoint import MAX_TIME, Receipt, SealPublic, SignatureType, SignedCheckpoint
from gateway.ledger.merkle import MAX_SIZE
from gateway.ledger.note import Note, key_id
from gateway.ledger.origins import domains_of

Certificates = tuple[bytes, bytes]
"""X.509 in DER: of the Ed25519 key, then of the ML-DSA-44 key."""


@dataclass(frozen=True, slots=True)
class CertifiedSeal:
    """A seal, and what its certificates say.

    Attributes:
        public: the keys
        certificates: that bind them to their node; empty bytes where none are at hand
        not_before: of both certificates, seconds since 1970
        not_after: likewise
    """

    public: SealPublic
    certificates: Certificates = (b"", b"")
    not_before: int = 0
    not_after: int = MAX_TIME

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the Ed25519 certificate, in hexadecimal digits: by it operators tell one seal from another."""
        return sha256(self.certificates[0]).hexdigest()

    def shares_a_key(self, other: "CertifiedSeal") -> bool:
        """Whether one of its keys is that of another seal: by its ML-DSA-44 key a signature is led to its seal."""
        one, two = self.public, other.public
        return one.ed25519 == two.ed25519 or one.ml_dsa_44 == two.ml_dsa_44

    def require_time(self, time: int) -> None:
        """Passes if something was signed while the certificates were valid; seconds since 1970.

        Raises:
            Untrusted: it was not, and so proves nothing to a third person.
        """
        if not self.not_before <= time <= self.not_after:
            raise Untrusted("it was signed outside of the time of the seal's certificates")


@dataclass(frozen=True, slots=True)
class SealSpan:
    """A seal, and the size above which it alone may sign; 0 for the first one."""

    above: int
    seal: CertifiedSeal


@dataclass(frozen=True, slots=True)
class SealHistory:
    """The seals of one party in one channel, in order; at least one, and the last is in force.

    Attributes:
        spans: in the order in which they came into force
        coming: further seals that the log may turn out to hold after a restore: files of the home name them
    """

    spans: tuple[SealSpan, ...]
    coming: tuple[CertifiedSeal, ...] = ()

    @classmethod
    def of(cls, seal: SealPublic | CertifiedSeal) -> "SealHistory":
        """A history that begins."""
        return cls((SealSpan(0, seal if isinstance(seal, CertifiedSeal) else CertifiedSeal(seal)),))

    @property
    def newest(self) -> CertifiedSeal:
        """The seal in force."""
        return self.spans[-1].seal

    def knows(self, seal: SealPublic) -> bool:
        """Whether a seal is, or was, one of these."""
        return any(span.seal.public == seal for span in self.spans)

    def has_a_key_of(self, seal: CertifiedSeal) -> bool:
        """Whether a key of a seal is, or was, one of these."""
        return any(span.seal.shares_a_key(seal) for span in self.spans)

    def rotated(self, above: int, seal: CertifiedSeal) -> "SealHistory":
        """The history with one more seal, which alone may sign what is larger than ``above``.

        A size that the seals before have passed already stays theirs: it was signed while they were in force.
        """
        span = SealSpan(max(above, self.spans[-1].above), seal)
        return replace(self, spans=(*self.spans, span))

    def learnt(self, above: int, seal: CertifiedSeal, *, is_first: bool) -> "SealHistory":
        """The history with a seal that the log turned out to have, as it came back.

        Args:
            above: the size that the seals before it signed up to, as far as is known
            seal: of which no envelope tells: it is the first one there, or an operator had put it in its place
            is_first: nothing is signed in the log yet, as far as it is here
        """
        if not is_first or seal.not_before > self.spans[0].seal.not_before:
            return self.rotated(above, seal)
        first = SealHistory.of(seal)  # what passed for it was a guess, as the channel was made anew
        return first.expecting((*self.coming, *(span.seal for span in self.spans))) if self.coming else first

    def turn_beyond(self, size: int) -> int:
        """The first size above this one at which the seal changed; 0: there is none."""
        return min((span.above for span in self.spans[1:] if span.above > size), default=0)

    def has_signed(self, note: bytes, name: str) -> bool:
        """Whether one of these seals signed a note, of whatever size."""
        try:
            self.regardless().signing(Note.parse(note), name, 0)
        except UnknownSeal:
            return False
        return True

    def turn_after(self, note: bytes, name: str) -> int:
        """The size at which the seal that signed a note, one of these, was given up here; 0: it is in force."""
        signer = self.regardless().signing(Note.parse(note), name, 0)
        ended = zip((span.seal for span in self.spans), (span.above for span in self.spans[1:]), strict=False)
        return next((end for seal, end in ended if seal == signer), 0)

    def expecting(self, seals: Sequence[CertifiedSeal]) -> "SealHistory":
        """The history of one whose end a restored log may have lost."""
        return replace(self, coming=tuple(each for each in seals if not self.knows(each.public)))

    def regardless(self) -> "SealHistory":
        """The same keys for whatever size: what is held against who has them, and not in favour of a note.

        Where a party turned its seal in one of two histories, the seal before it signed the other one beyond that size.
        """
        *earlier, newest = self.spans
        return replace(self, spans=(replace(newest, above=0),), coming=(*self.coming, *(span.seal for span in earlier)))

    def unknown_signer(self, note: bytes, name: str, size: int) -> CertifiedSeal | None:
        """Of those that may come, gives the one that signed a note; None: it is none of those, or known by now."""
        if not self.coming:
            return None
        seal = self.signing(Note.parse(note), name, size)
        return None if self.knows(seal.public) else seal

    def signing(self, note: Note, name: str, size: int) -> CertifiedSeal:
        """Finds the seal whose keys signed a note, newest first, if it may sign that size.

        Raises:
            UnknownSeal: none of these did.
            Untrusted: one did that had been given up for a size as large.
        """
        names = {(line.name, line.key_id) for line in note.signatures}
        ends = [span.above for span in self.spans[1:]]
        known = zip((span.seal for span in self.spans), (*ends, None), strict=True)
        for seal, last in [*((each, None) for each in self.coming), *reversed(list(known))]:
            if (name, key_id(name, SignatureType.ML_DSA_44_COSIGNATURE, seal.public.ml_dsa_44)) not in names:
                continue
            if last is not None and size > last:
                raise Untrusted(f"{name} gave up the keys of this signature at size {last}, and it is for {size}")
            return seal
        raise UnknownSeal(f"there is no signature of {name} by keys that are known here")


def is_void(receipt: Receipt, receiver: SealHistory, domain: str) -> bool:
    """Whether the keys that countersigned were given up for so much: one that was put back may have learnt that since.

    Args:
        receipt: that the receiver made itself
        receiver: its seals in the channel
        domain: of it
    """
    if len(receiver.spans) == 1:
        return False
    try:
        receiver.signing(Note.parse(receipt.note), domain, receipt.checkpoint.size)
    except UnknownSeal:
        return False
    except Untrusted:
        return True
    return False


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a ``SealRotated`` envelope says, once its certificates are trusted.

    Attributes:
        seal: from here on
        above: size of the sender's log with the envelope: the last that the old seal signs
        receipted: in the other direction, size of the newest receipt under the old seal
    """

    seal: CertifiedSeal
    above: int
    receipted: int


Certify = Callable[[str, Certificates, int], CertifiedSeal]
"""``certify(domain, certificates, at)``: the seal of a node, if its pinned roots certify it at that time (seconds).

Raises ``Untrusted`` or ``Malformed``.
"""


def nobody_certified(*_: object) -> CertifiedSeal:
    """Certifies nothing: of a channel in which no seal can change."""
    raise Untrusted("no root is pinned here that could certify another seal")


@dataclass(frozen=True, slots=True)
class ChannelSeals:
    """Who stands at the ends of a channel, and the seals that they had there.

    Attributes:
        origin: the channel, ``<sender domain>/to/<recipient domain>``
        sender: the sender's seals
        receiver: the receiver's seals
        certify: decides about the next seal of the sender
    """

    origin: str
    sender: SealHistory
    receiver: SealHistory
    certify: Certify = nobody_certified

    @property
    def sender_domain(self) -> str:
        """Name of the sender."""
        return domains_of(self.origin)[0]

    @property
    def receiver_domain(self) -> str:
        """Name of the receiver in its cosignatures."""
        return domains_of(self.origin)[1]

    def learning(self, seal: CertifiedSeal | None, size: int) -> "ChannelSeals":
        """The same once a seal of the sender is known that signed on from a size of the log; None: none was found."""
        if seal is None:
            return self
        return replace(self, sender=self.sender.learnt(size, seal, is_first=size == 0))

    def learning_cosigner(self, seal: CertifiedSeal | None, receipted: int) -> "ChannelSeals":
        """The same once a seal of the receiver is known that countersigned more than that; None: none was found."""
        if seal is None:
            return self
        return replace(self, receiver=self.receiver.learnt(receipted, seal, is_first=False))

    def after(self, rotation: Rotation | None) -> "ChannelSeals":
        """The same once the sender has rotated its seal; None: it has not."""
        if rotation is None:
            return self
        return replace(self, sender=self.sender.rotated(rotation.above, rotation.seal))


def rotation_in(envelopes: Sequence[bytes], first: int, seals: ChannelSeals, head: SignedCheckpoint) -> Rotation | None:
    """Finds the rotation that a run of envelopes from index ``first`` on ends with; None: none that is not known.

    One that was sealed before the seal was there that signed its checkpoint is overtaken, and passed over: what it
    brings was lost, and an operator put another one in its place before this was sent.

    Raises:
        RemoteProtocolError: there is one that does not end the run, is for another channel, or tells of impossible
            receipts.
        Untrusted, Malformed: its certificates do not certify a seal that was never used here.
    """
    for place, data in enumerate(envelopes, 1):
        envelope = rotating(data)
        if envelope is None or is_overtaken(envelope, seals.sender, head):
            continue
        if place != len(envelopes) or envelope.origin != seals.origin:
            raise RemoteProtocolError("a rotation of the seal ends its checkpoint, in the channel that it is for")
        said = envelope.seal_rotated
        if said.receipted_size > MAX_SIZE:
            raise RemoteProtocolError("a rotation of the seal tells of more receipts than a log can have")
        certificates = said.ed25519_certificate, said.ml_dsa_44_certificate
        if any(span.seal.certificates == certificates for span in seals.sender.spans):
            return None
        seal = seals.certify(seals.sender_domain, certificates, envelope.sealed_at.seconds)
        if seals.sender.has_a_key_of(seal):
            raise Untrusted("the sender rotates to a key that it has had before")
        return Rotation(seal, first + place, said.receipted_size)
    return None


def is_overtaken(envelope: Envelope, sender: SealHistory, head: SignedCheckpoint) -> bool:
    """Whether a rotation was sealed before the seal was certified that signed its checkpoint."""
    signer = sender.signing(Note.parse(head.note), head.checkpoint.origin, head.checkpoint.size)
    return envelope.sealed_at.seconds < signer.not_before


# Field 30 of Envelope, length-delimited; the second also with needless bytes after it: what has neither is no rotation.
_TAGS = b"\xf2\x01", b"\xf2\x81"


def rotating(data: bytes) -> Envelope | None:
    """The envelope, if it brings a seal."""
    if not any(tag in data for tag in _TAGS):
        return None
    try:
        envelope = Envelope.FromString(data)
    except DecodeError:
        return None
    return envelope if envelope.HasField("seal_rotated") else None
