"""What a node knows of a notice beside its content: the columns of the store, and nothing it would add.

What is made anew for every notice, and has many fields, is a ``NamedTuple`` here and in ``outcomes``: a frozen
dataclass sets its fields one by one, which takes twice to three times as long.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.supervision.notices.assistance import AssistanceRecord


@dataclass(frozen=True, slots=True)
class Place:
    """Where an envelope stands: the channel's origin line, and the index of its leaf, from 0."""

    origin: str
    index: int


NOWHERE = Place("", 0)
"""The place of what belongs to the node itself, and to no channel."""


@dataclass(frozen=True, slots=True)
class ChannelEnds:
    """Whose channel it is: ISO 3166-1 alpha-2 codes (``HK``), and whether it leads away from this node."""

    sender: str
    recipient: str
    outgoing: bool

    @property
    def peer(self) -> str:
        """The end that is not this node."""
        return self.recipient if self.outgoing else self.sender


class NoticeRecord(NamedTuple):
    """One notice as one node knows it. ``states`` alone makes changed ones."""

    id: str  # hk-2025-001
    direction: Notice.Direction.ValueType
    state: Notice.State.ValueType
    kind: Notice.Kind.ValueType
    sender: str  # jurisdiction, HK
    recipient: str  # jurisdiction, KR
    issuing_authority: str  # HKMA
    sectors: tuple[Sector.ValueType, ...]
    urgency: NoticeContent.Urgency.ValueType
    tlp: Handling.Tlp.ValueType
    origin: str  # with index, the place of the envelope that released it
    index: int  # type: ignore[assignment]  # not the method of a tuple
    released_at: int  # microseconds since 1970, by the sender's clock
    receipt_time: int | None  # seconds since 1970, by the receiver's clock: of the first receipt that covers it
    acknowledged_at: Place | None  # where the envelope stands that acknowledged it
    withdrawn_at: Place | None  # where the envelope stands that withdrew it
    superseded_by: str  # id of the notice that took its place; empty: none did
    withdrawn_by: str  # id of the notice that withdrew it; empty: none did, or a plain withdrawal
    revision: int  # 1 when it is new, one more with every fact that is added
    identifiers: tuple[str, ...]  # upper case, each once
    retain_until: int = 0  # the last day on which the content may be kept, 20260131; 0: no limit
    destroyed_at: Place | None = None  # where this node's certificate of destruction stands
    peer_destroyed_at: Place | None = None  # where the peer's stands
    onward_sharing: Handling.OnwardSharing.ValueType = Handling.ONWARD_SHARING_UNSPECIFIED
    permitted_uses: tuple[Handling.Use.ValueType, ...] = ()
    attachment_count: int = 0
    attached_at: Place | None = None  # where the receiver's envelope stands that says that it holds them all
    assistance: AssistanceRecord | None = None  # of a request for assistance, or an answer, that is new


Find = Callable[[str], NoticeRecord | None]
"""Gives what is known of a notice by its id, as of now in the caller's transaction; None: nothing is."""


def etag_of(record: NoticeRecord) -> str:
    """The opaque text by which a caller shows which version it saw (AIP-154)."""
    return f'"{record.revision}"'
