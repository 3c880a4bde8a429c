"""What becomes of an envelope, as values: records and events, or the reason why it cannot be used."""

from enum import Enum, auto
from typing import NamedTuple

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.framework_pb2 import FrameworkVersionContent
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.supervision.attachments import Attached
from gateway.supervision.frameworks.records import (
    AssessmentRecord,
    FindAssessment,
    FindVersion,
    FrameworkVersionRecord,
)
from gateway.supervision.notices.records import ChannelEnds, Find, NoticeRecord, Place
from gateway.supervision.sharing.records import FindDossier, SharingRecord


class Outcome(Enum):
    """What became of an envelope. Whichever it is, it is stored, receipted, and blocks nothing."""

    PROJECTED = auto()  # it was used
    UNSUPPORTED = auto()  # this version does not know its content; a later one may project it in a rebuild
    INVALID = auto()  # it breaks a rule; the reason says which


class EventContent(NamedTuple):
    """An event without what the store adds: cursor, time, origin and index."""

    kind: Event.Kind.ValueType
    notice: str = ""  # id; empty if it is about none
    detail: str = ""
    notice_kind: Notice.Kind.ValueType = Notice.KIND_UNSPECIFIED
    jurisdiction: str = ""  # of an event about rules: the publisher's or assessor's, HK; empty of any other
    framework_id: str = ""  # empty of an assessment
    version: int = 0  # 0 of an assessment
    provision_id: str = ""  # empty if it is about none alone
    assessment_id: str = ""  # empty if it is about none
    sectors: tuple[Sector.ValueType, ...] = ()
    topics: tuple[str, ...] = ()
    consent: str = ""  # name of the consent, of an event about onward sharing; empty if about none
    share: str = ""  # likewise
    draft_id: str = ""  # this and what follows: of an event about a draft, for its authority alone
    authority: str = ""
    tlp: Handling.Tlp.ValueType = Handling.TLP_UNSPECIFIED


class Projection(NamedTuple):
    """What an envelope changes: records, new or in place of those of the same id, and events, in order."""

    outcome: Outcome
    reason: str = ""  # empty if projected
    records: tuple[NoticeRecord, ...] = ()
    events: tuple[EventContent, ...] = ()
    versions: tuple[FrameworkVersionRecord, ...] = ()  # always new ones
    content: FrameworkVersionContent | None = None  # of the version
    assessments: tuple[AssessmentRecord, ...] = ()
    destroyed_id: str = ""  # of the notice whose content goes, as this node's own certificate says
    destroyed: tuple[Place, ...] = ()  # of its envelopes
    sharing: tuple[SharingRecord, ...] = ()  # always a new one
    attachments: tuple[Attached, ...] = ()  # that the new notice, which is the first record, names


_NO_ENVELOPE = "bytes that are no envelope"
NO_ENVELOPE = Projection(
    Outcome.INVALID, _NO_ENVELOPE, events=(EventContent(Event.ENVELOPE_UNSUPPORTED, detail=_NO_ENVELOPE),)
)


class Context(NamedTuple):
    """An envelope where it stands, and what is known after all envelopes before it.

    Attributes:
        envelope: parsed
        place: where it stands; its origin is the channel's origin line
        channel: whose channel that is
        find: gives the records of notices
        find_version: gives the newest version of a framework in this very channel: what a node told one peer decides
            nothing about what it tells another
        find_assessment: gives the records of assessments
        find_dossier: gives what is known of a notice's onward sharing
    """

    envelope: Envelope
    place: Place
    channel: ChannelEnds
    find: Find
    find_version: FindVersion
    find_assessment: FindAssessment
    find_dossier: FindDossier


class Unusable(Exception):
    """The envelope cannot be used; ``projection.project`` tells it as an outcome."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason
