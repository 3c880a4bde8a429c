"""What a transaction is going to write, while it is still in memory: dropping it undoes it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar

from gateway.ledger.batch import VerifiedBatch
from gateway.ledger.checkpoint import Receipt
from gateway.store.attachments.changes import AttachmentChanges
from gateway.store.frameworks.changes import FrameworkChanges
from gateway.store.receipts import Covered
from gateway.store.seals import SealChange
from gateway.store.state import ChannelState
from gateway.supervision.attachments import NAME_PREFIX
from gateway.supervision.drafts import DraftRecord, draft_name
from gateway.supervision.event_names import event_names
from gateway.supervision.notices.records import NoticeRecord, Place
from gateway.supervision.outcomes import EventContent, Projection
from gateway.supervision.sharing.records import SharingRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A request that was carried out: what it asked for (SHA-256), and the id or name of what it acted on."""

    digest: bytes
    acted_on: str


def request_key(client: str, request_id: str) -> bytes:
    """What a client's request is found by: 8 bytes of its id, and 12 of the SHA-256 of both, which no other can meet.

    A UUID in capital letters is the same one (RFC 9562, section 4). Ids that begin with the time so come in its order,
    and a large index is written at its end (``new_id`` tells more).
    """
    request_id = request_id.lower()
    return request_id.encode()[:8] + sha256(f"{client}\0{request_id}".encode()).digest()[:12]


@dataclass(slots=True)
class Changes:
    """The writes of one unit of work, or of several that are committed together.

    Attributes:
        sealed: envelopes to be appended to our channels and signed, by origin
        batches: envelopes that come with their sender's signature, by origin
        states: channels as they will be, where that follows from no envelope
        receipts: that are kept, by origin
        anew: that take the place of those of the same size and time
        covered: what these are the first to cover
        records: notices, new or changed, by id
        new: ids of those that are new, in order
        events: what is told, and the place it follows from
        requests: by ``request_key``
        frameworks: their versions and assessments
        sharing: new acts of onward sharing, in order
        drafts: acts that wait for a second person, new or changed, by id
        draft_digest: what the access journal tells of the one of them that a call wrote or met; empty: nothing
        destroyed: places of envelopes whose content goes, by the id of their notice
        seals: new ones of the parties of a channel, in order; a first one takes the place of all that are there
        files: attachments
    """

    sealed: dict[str, list[bytes]] = field(default_factory=dict)
    batches: dict[str, list[VerifiedBatch]] = field(default_factory=dict)
    states: dict[str, ChannelState] = field(default_factory=dict)
    receipts: dict[str, list[Receipt]] = field(default_factory=dict)
    anew: dict[str, list[Receipt]] = field(default_factory=dict)
    covered: list[Covered] = field(default_factory=list)
    records: dict[str, NoticeRecord] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    events: list[tuple[EventContent, Place]] = field(default_factory=list)
    requests: dict[bytes, RequestRecord] = field(default_factory=dict)
    frameworks: FrameworkChanges = field(default_factory=FrameworkChanges)
    sharing: list[SharingRecord] = field(default_factory=list)
    drafts: dict[str, DraftRecord] = field(default_factory=dict)
    draft_digest: bytes = b""
    destroyed: dict[str, list[Place]] = field(default_factory=dict)
    seals: list[SealChange] = field(default_factory=list)
    files: AttachmentChanges = field(default_factory=AttachmentChanges)

    def apply(self, projection: Projection, place: Place) -> None:
        """Takes what an envelope changes."""
        for record in projection.records:
            if record.revision == 1:
                self.new.append(record.id)
            self.records[record.id] = record
        self.events.extend((event, place) for event in projection.events)
        self.frameworks.apply(projection)
        self.sharing += projection.sharing
        if projection.attachments:
            self.files.named[projection.records[0].id] = projection.attachments
        if projection.destroyed_id:
            self.destroyed.setdefault(projection.destroyed_id, []).extend(projection.destroyed)

    def sizes(self, states: Mapping[str, ChannelState]) -> dict[str, int]:
        """Gives the sizes of the logs, by origin, as they will be with what is sealed here."""
        return {origin: state.log.size + len(self.sealed.get(origin, ())) for origin, state in states.items()}

    def names(self) -> Iterator[str]:
        """Gives the names of what is changed or made, as the access journal tells them."""
        for event, _ in self.events:
            yield from event_names(event)
        yield from map(draft_name, self.drafts)  # no event tells that one is written
        yield from (f"{NAME_PREFIX}{each.id}" for each in self.files.records.values())  # likewise

    def absorb(self, other: "Changes") -> None:
        """Adds the writes of another unit, which came after these."""
        _extend(self.sealed, other.sealed)
        _extend(self.batches, other.batches)
        _extend(self.receipts, other.receipts)
        _extend(self.anew, other.anew)
        self.covered += other.covered
        self.states |= other.states
        self.records |= other.records
        self.new += other.new
        self.events += other.events
        self.requests |= other.requests
        self.frameworks.absorb(other.frameworks)
        self.sharing += other.sharing
        self.drafts |= other.drafts
        _extend(self.destroyed, other.destroyed)
        self.seals += other.seals
        self.files.absorb(other.files)


def _extend(mine: dict[str, list[T]], theirs: dict[str, list[T]]) -> None:
    for key, items in theirs.items():
        mine.setdefault(key, []).extend(items)
