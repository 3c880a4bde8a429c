"""Every error the node knows, in one tree.

Each has a ``reason`` (the ``ErrorInfo.reason`` of AIP-193, stable for programs) and a message (for
people). ``gateway.rpc.status`` is the one table that maps them to gRPC codes::

    GatewayError
    ├── BadInput                 the caller's request breaks a rule; names the fields
    ├── Unauthenticated          no acceptable identity stands behind the call
    ├── NotAllowed               this identity may not do this, or the thing is not there for it
    │   └── PersonRequired       this system may not do this by itself, but for an officer
    ├── NotFound                 nothing of that name
    ├── NotServed                the method is not one of this listener
    ├── AlreadyExists            the name is taken by something else
    │   └── RequestIdReused      the request_id was used for another request
    ├── WrongState               the thing exists, and its state does not allow the act
    │   ├── Halted               the channel seals nothing until an operator has decided
    │   ├── PairingEnded         the two nodes are not paired any more
    │   ├── ApprovalRequired     a rule asks for four eyes: only an approved draft may do it
    │   ├── ConsentRequired      no consent in force covers what would be passed on
    │   ├── SharingProhibited    the notice may never be passed on
    │   ├── ContentDestroyed     the content is gone, as its retain_until asked
    │   ├── AssistanceClosed     the request for assistance takes no more answers
    │   ├── AttachmentMissing    a file that a notice names is not whole here
    │   └── AttachmentNamed      a notice or a draft names the file, and keeps it
    ├── Stale                    another writer came first
    ├── Overloaded               a bound is reached; try later
    │   ├── RateLimited          the caller's calls come too fast
    │   └── NoRoom               a quota of attachments is used up, or the disk
    ├── Unavailable              a part that is needed cannot serve now
    │   └── SealUnavailable      the seal cannot sign: its token is away, or its certificates are not valid
    ├── VerificationError        bytes from elsewhere prove nothing
    │   ├── Malformed            they are not in the format at all
    │   ├── BadSignature         a signature of a known key does not verify
    │   ├── BadProof             a Merkle proof or root does not verify
    │   └── Untrusted            the signer, key or certificate is not one we trust
    │       └── UnknownSeal      signed with keys that are not known here, or not yet
    ├── ChannelError             the channel protocol was broken
    │   ├── LocalProtocolError   by us: a defect here
    │   └── RemoteProtocolError  by the peer: its stream is ended
    ├── ConfigError              a file that an operator wrote, or the home, does not fit
    └── StoreError               the database is wrong or does not answer
        ├── BrokenStorage        what it is stored on fails: nothing more may be written
        ├── LostCommits          it was put back, and lacks what was durable: the node starts anew
        ├── WrongForm            its tables have an earlier version's form
        ├── LaterForm            its tables have a later version's form, which this one does not know
        └── Corrupt              what is stored does not verify
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Violation:
    """One broken rule of a request: ``field`` as a path (``notice.title[0].text``), and what would be right."""

    field: str
    description: str


class GatewayError(Exception):
    """The root. ``metadata`` goes into ``ErrorInfo.metadata``: names and numbers, never content."""

    reason: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, **metadata: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.metadata: Mapping[str, str] = {key: str(value) for key, value in metadata.items()}


class BadInput(GatewayError):
    """A request breaks field rules; every violation found is named."""

    reason = "BAD_INPUT"

    def __init__(self, violations: Iterable[Violation], **metadata: str | int) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{v.field}: {v.description}" for v in self.violations), **metadata)

    @classmethod
    def of(cls, field: str, description: str) -> "BadInput":
        """One violation of one field."""
        return cls([Violation(field, description)])


class Unauthenticated(GatewayError):
    """No acceptable identity stands behind the call."""

    reason = "UNAUTHENTICATED"


class NotAllowed(GatewayError):
    """The identity may not do this; the words are the same whether the thing exists or not (AIP-211)."""

    reason = "NOT_ALLOWED"


class PersonRequired(NotAllowed):
    """The system may do this only for an officer, whose token it must send."""

    reason = "PERSON_REQUIRED"


class NotFound(GatewayError):
    """Nothing of that name."""

    reason = "NOT_FOUND"


class NotServed(GatewayError):
    """The listener has no such method."""

    reason = "NOT_SERVED"


class AlreadyExists(GatewayError):
    """The name already stands for something else."""

    reason = "ALREADY_EXISTS"


class RequestIdReused(AlreadyExists):
    """The request_id was used by this client for another request (AIP-155)."""

    reason = "REQUEST_ID_REUSED"


class WrongState(GatewayError):
    """The thing's state does not allow the act; metadata names ``state`` and what would be allowed."""

    reason = "WRONG_STATE"


class ContentDestroyed(WrongState):
    """The day is past up to which the content might be kept, and it is destroyed."""

    reason = "CONTENT_DESTROYED"


class AssistanceClosed(WrongState):
    """A request for assistance is declined, or answered in full: it takes no more answers."""

    reason = "ASSISTANCE_CLOSED"


class AttachmentMissing(WrongState):
    """A file that a notice names is not whole here; metadata ``field`` names it, where a request does."""

    reason = "ATTACHMENT_MISSING"


class AttachmentNamed(WrongState):
    """A notice or a draft names the file; metadata ``notice`` or ``draft`` names that, where it may be seen."""

    reason = "ATTACHMENT_NAMED"


class ConsentRequired(WrongState):
    """A notice may be passed on with its originator's consent, and none that is in force covers what is asked for."""

    reason = "CONSENT_REQUIRED"


class SharingProhibited(WrongState):
    """The handling of a notice prohibits that it is ever passed on."""

    reason = "SHARING_PROHIBITED"


class Halted(WrongState):
    """The channel has halted: it seals nothing until an operator has decided."""

    reason = "CHANNEL_HALTED"


class PairingEnded(WrongState):
    """An operator ended the pairing: neither node takes anything from the other; metadata ``peer`` names the other."""

    reason = "PAIRING_ENDED"


class ApprovalRequired(WrongState):
    """A rule of the node asks for four eyes; metadata ``rule`` names it."""

    reason = "APPROVAL_REQUIRED"


class Stale(GatewayError):
    """Another writer came first (AIP-154)."""

    reason = "STALE"


class Overloaded(GatewayError):
    """A bound is reached; the call may be tried again after ``retry_after_seconds``, here a guess.

    Metadata ``limit`` names the bound, by its key in ``config.toml`` where it has one.
    """

    reason = "OVERLOADED"
    retry_after_seconds: float = 1.0


class RateLimited(Overloaded):
    """The caller's calls come too fast; after ``retry_after_seconds`` the next one is taken."""

    reason = "RATE_LIMITED"

    def __init__(self, message: str, retry_after_seconds: float = 1.0, **metadata: str | int) -> None:
        super().__init__(message, **metadata)
        self.retry_after_seconds = retry_after_seconds


class NoRoom(Overloaded):
    """There is no room for an attachment: its owner's quota, or the free space, does not suffice."""

    reason = "NO_ROOM"
    retry_after_seconds = 60.0


class Unavailable(GatewayError):
    """A part that is needed cannot serve now."""

    reason = "UNAVAILABLE"


class SealUnavailable(Unavailable):
    """The seal cannot sign: its token is away, its certificates are not valid; nothing was stored of what needed it."""

    reason = "SEAL_UNAVAILABLE"


class VerificationError(GatewayError):
    """Bytes from elsewhere do not prove what they claim."""

    reason = "VERIFICATION_FAILED"


class Malformed(VerificationError):
    """The bytes are not in the format; the one error of every parser."""

    reason = "MALFORMED"


class BadSignature(VerificationError):
    """A signature of a known key does not verify."""

    reason = "BAD_SIGNATURE"


class BadProof(VerificationError):
    """A Merkle proof, or a recomputed root, does not fit the checkpoint."""

    reason = "BAD_PROOF"


class Untrusted(VerificationError):
    """The signer, key or certificate is not one that is trusted here."""

    reason = "UNTRUSTED"


class UnknownSeal(Untrusted):
    """A note is signed with keys that are not known here, or not yet: its signer may just have rotated its seal."""

    reason = "UNKNOWN_SEAL"


class ChannelError(GatewayError):
    """The channel protocol was broken (docs/protocol.md)."""

    reason = "CHANNEL_ERROR"


class LocalProtocolError(ChannelError):
    """We were about to break the protocol: a defect in this node."""

    reason = "LOCAL_PROTOCOL_ERROR"


class RemoteProtocolError(ChannelError):
    """The peer broke the protocol; its stream ends, the channel stays as it is."""

    reason = "REMOTE_PROTOCOL_ERROR"


class ConfigError(GatewayError):
    """A file that an operator wrote, or the node's home, does not fit."""

    reason = "CONFIGURATION"


class StoreError(GatewayError):
    """The database is wrong, or does not answer."""

    reason = "STORE"


class BrokenStorage(StoreError):
    """What the database is stored on fails; nothing may be written before it is mended, not even by closing it."""

    reason = "BROKEN_STORAGE"


class LostCommits(StoreError):
    """The database was put back: it lacks what this node knew to be durable, or another replica found that it does."""

    reason = "LOST_COMMITS"


class WrongForm(StoreError):
    """The tables have an earlier version's form."""

    reason = "WRONG_FORM"


class LaterForm(StoreError):
    """The tables have a later version's form, which this one does not know."""

    reason = "LATER_FORM"


class Corrupt(StoreError):
    """What is stored does not verify."""

    reason = "CORRUPT"
