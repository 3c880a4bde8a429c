"""Builds the envelopes that are sealed. Salt, time and author come from outside; nothing is checked here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from regulator.exchange.v1.envelope_pb2 import Author, Envelope
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.values_pb2 import LocalizedText

from gateway.moments import micros_of, timestamp_of
from gateway.supervision.notices.content import notice_name


class Actor(Protocol):
    """Who acts: a caller of this node, or the author of a draft as it was kept."""

    @property
    def authority(self) -> str:
        """Code of the authority, HKMA."""

    @property
    def client(self) -> str:
        """SPIFFE ID of its system."""

    @property
    def officer(self) -> str:
        """The officer that the system acts for, ``<issuer>#<subject>``; empty: the system alone."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What every envelope carries beside its content."""

    salt: bytes  # 16 random bytes, never used before
    origin: str  # the channel's origin line
    sealed_at: int  # microseconds since 1970, by the sender's clock
    author: Actor
    approver: Actor | None = None  # who released it, where four eyes were asked for


def released(seal: Seal, notice_id: str, content: NoticeContent) -> Envelope:
    """A notice is given."""
    envelope = envelope_of(seal)
    envelope.notice_released.notice = notice_name(notice_id)
    envelope.notice_released.content.CopyFrom(content)
    return envelope


def acknowledged(
    seal: Seal, notice_id: str, comment: Iterable[LocalizedText] = (), case_reference: str = ""
) -> Envelope:
    """A notice is acknowledged by the side that received it."""
    envelope = envelope_of(seal)
    envelope.notice_acknowledged.notice = notice_name(notice_id)
    envelope.notice_acknowledged.comment.extend(comment)
    envelope.notice_acknowledged.case_reference = case_reference
    return envelope


def attachments_received(seal: Seal, notice_id: str) -> Envelope:
    """The node that received a notice holds all its attachments."""
    envelope = envelope_of(seal)
    envelope.attachments_received.notice = notice_name(notice_id)
    return envelope


def withdrawn(seal: Seal, notice_id: str, explanation: Iterable[LocalizedText]) -> Envelope:
    """A notice is taken back by the side that gave it."""
    envelope = envelope_of(seal)
    envelope.notice_withdrawn.notice = notice_name(notice_id)
    envelope.notice_withdrawn.explanation.extend(explanation)
    return envelope


def author_message(actor: Actor) -> Author:
    """Who acts, as the contract tells it."""
    return Author(authority=actor.authority, client=actor.client, officer=actor.officer)


def approver_of(envelope: Envelope) -> Author | None:
    """Who released it; None: no four eyes were asked for."""
    return envelope.approver if envelope.HasField("approver") else None


def seal_rotated(seal: Seal, certificates: tuple[bytes, bytes], receipted: int) -> Envelope:
    """The sender has new sealing keys; its receipts up to a size bear those before."""
    envelope = envelope_of(seal)
    envelope.seal_rotated.ed25519_certificate, envelope.seal_rotated.ml_dsa_44_certificate = certificates
    envelope.seal_rotated.receipted_size = receipted
    return envelope


def sealed_at(envelope: Envelope) -> int:
    """When it was sealed, in microseconds since 1970; what is finer is cut off."""
    return micros_of(envelope.sealed_at)


def envelope_of(seal: Seal) -> Envelope:
    """An envelope that has no content yet."""
    return Envelope(
        salt=seal.salt,
        origin=seal.origin,
        sealed_at=timestamp_of(seal.sealed_at),
        author=author_message(seal.author),
        approver=author_message(seal.approver) if seal.approver else None,
    )
