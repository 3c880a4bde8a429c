"""Compares drafts with what the access journal tells of them, and with what became of them: envelopes, and events.

A released draft must have its envelope, with the same author and approver. The other way round does not hold: a node
that lost its database and had its envelopes back from the peer has lost the drafts they came from.
"""

from collections.abc import Iterator, Mapping

from google.protobuf.message import DecodeError
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.envelope_pb2 import Author, Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from sqlalchemy import Connection, RowMapping, and_, func, select

from gateway.store.reverify.drafts_fold import DraftHistory, digest_of
from gateway.store.reverify.fold import Fold, Place, parsed
from gateway.store.reverify.report import MAX_FINDINGS, Findings
from gateway.store.scanning import rows
from gateway.store.tables import draft_events, drafts, events, leaves
from gateway.supervision.frameworks.names import assessment_id, version_name
from gateway.supervision.notices.content import notice_id

KINDS = (
    Event.DRAFT_SUBMITTED,
    Event.DRAFT_APPROVED,
    Event.DRAFT_REJECTED,
    Event.DRAFT_RECALLED,
    Event.DRAFT_EXPIRED,
)

# What the newest event of a draft told, and the states that it then may be in; 0: there is none.
_STATES: Mapping[int, tuple[int, ...]] = {
    0: (Draft.DRAFT,),
    Event.DRAFT_SUBMITTED: (Draft.PENDING_APPROVAL,),
    Event.DRAFT_APPROVED: (Draft.RELEASED,),
    Event.DRAFT_REJECTED: (Draft.REJECTED, Draft.DRAFT),
    Event.DRAFT_RECALLED: (Draft.RECALLED, Draft.DRAFT),
    Event.DRAFT_EXPIRED: (Draft.EXPIRED,),
}


def is_approved_by_its_author(envelope: Envelope) -> bool:
    """Whether who approved an envelope is not known to be another one than its author, of the same authority."""
    if not envelope.HasField("approver"):
        return False
    one, other = envelope.author, envelope.approver
    if one.authority != other.authority:
        return True
    return one.officer == other.officer if one.officer and other.officer else one.client == other.client


class DraftCheck:
    """The comparison.

    Args:
        connection: in one snapshot
        fold: what the envelopes amount to
        histories: what the access journal tells of each draft, by its id
        findings: takes what does not fit
    """

    def __init__(
        self, connection: Connection, fold: Fold, histories: Mapping[str, DraftHistory], findings: Findings
    ) -> None:
        self._connection, self._fold, self._findings = connection, fold, findings
        self._histories = histories
        self.names: set[str] = set()  # of all drafts, once it has run
        self._versions: dict[str, list[Place]] = {}
        for place, (framework, number) in fold.frameworks.versions.items():
            self._versions.setdefault(version_name(framework, number), []).append(place)

    def run(self) -> Mapping[str, int]:
        """Reads all drafts and their events; gives the numbers of rows."""
        newest = self._newest_events()
        last = 0
        for row in rows(self._connection, select(drafts), drafts.c.sequence):
            if row["sequence"] != (last := last + 1):
                self._findings.add(f"drafts {row['sequence']}", "is out of sequence", str(last))
                last = row["sequence"]
            self.names.add(f"drafts/{row['id']}")
            self._check(row, newest.get(row["id"], 0))
            self._compare_history(row)
        for lost in sorted(each for each in self._histories if f"drafts/{each}" not in self.names):
            self._findings.add(f"drafts {lost}", "is not here", "what the access journal tells of")
        return {"drafts": len(self.names), "draft_events": self._check_events()}

    def _newest_events(self) -> dict[str, int]:
        told = select(draft_events.c.cursor, draft_events.c.draft, events.c.kind).join(
            events, events.c.cursor == draft_events.c.cursor
        )
        return {row["draft"]: row["kind"] for row in rows(self._connection, told, draft_events.c.cursor)}

    def _check(self, row: RowMapping, told: int) -> None:
        where = f"drafts {row['id']}"
        if row["state"] not in _STATES.get(told, ()):
            self._findings.add(where, f"is {_state(row)}", f"what event {told} told")
        final = row["state"] in (Draft.RELEASED, Draft.EXPIRED)
        if final != (row["request"] is None) or not _is_act(row):
            self._findings.add(where, f"has an act that does not fit the state {_state(row)}")
        if (row["state"] == Draft.RELEASED) != bool(row["released"]):
            self._findings.add(where, f"is {_state(row)}, and became {row['released'] or 'nothing'}")
        elif row["released"]:
            self._check_released(where, row)

    def _compare_history(self, row: RowMapping) -> None:
        where, history = f"drafts {row['id']}", self._histories.get(row["id"])
        if history is None or "authority" not in history.columns:
            self._findings.add(where, "was written by nobody, as the access journal tells it")
            return
        self._findings.compare(where, row, history.expected(row["state"]))
        if history.changed:
            self._findings.add(where, "said something else to who acted on it than its author wrote")
        if row["request"] is not None and digest_of(row) != history.digest:
            self._findings.add(where, "says something else than its author wrote, or has another label or author")
        if row["released"] and history.became is not None and row["released"] not in history.became:
            self._findings.add(
                where, f"became {row['released']}, which its approval in the access journal does not name"
            )

    def _check_released(self, where: str, row: RowMapping) -> None:
        sealed = [self._envelope(place) for place in self._places(row)]
        authors = _signed_by(row, "author"), _signed_by(row, "reviewer")
        if not any(each is None or (each.author, each.approver) == authors for each in sealed):
            what = f"became {row['released']}, which no envelope with its author and approver made"
            self._findings.add(where, what)

    def _places(self, row: RowMapping) -> Iterator[Place]:
        """Where the envelopes stand that a draft may have become."""
        name: str = row["released"]
        if name.startswith("notices/"):
            facts = self._fold.facts.get(notice_id(name))
            taken = row["act"] == "withdraw_notice"
            if facts and taken and facts.withdrawn:
                yield facts.withdrawn
            elif facts and not taken:
                yield facts.channel, facts.index
        elif facts_of := self._fold.frameworks.assessments.get(assessment_id(name)):
            yield facts_of.channel, facts_of.index
        else:
            yield from self._versions.get(name, ())

    def _envelope(self, place: Place) -> Envelope | None:
        """An envelope; None: what it said is not here any more, and cannot be compared."""
        here = and_(leaves.c.channel == place[0], leaves.c.index == place[1])
        return parsed(self._connection.execute(select(leaves.c.data).where(here)).scalar_one())

    def _check_events(self) -> int:
        """Each event about drafts says of which one, and is of one that is here."""
        joined = events.join(draft_events, draft_events.c.cursor == events.c.cursor, isouter=True)
        unfit = events.c.kind.in_(KINDS) != draft_events.c.draft.is_not(None)
        for cursor in self._connection.scalars(
            select(events.c.cursor).select_from(joined).where(unfit).limit(MAX_FINDINGS)
        ):
            self._findings.add(f"events {cursor}", "is about a draft and names none, or the other way round")
        owned = select(draft_events.c.cursor).join(
            drafts,
            and_(drafts.c.id == draft_events.c.draft, drafts.c.authority == draft_events.c.authority),
            isouter=True,
        )
        for cursor in self._connection.scalars(owned.where(drafts.c.id.is_(None)).limit(MAX_FINDINGS)):
            self._findings.add(f"draft_events {cursor}", "is of a draft that is not here, or of another authority")
        return self._connection.scalar(select(func.count()).select_from(draft_events)) or 0


def _state(row: RowMapping) -> str:
    names: dict[int, str] = {number: name for name, number in Draft.State.items()}
    return names.get(row["state"], str(row["state"]))


def _signed_by(row: RowMapping, side: str) -> Author:
    return Author(authority=row["authority"], client=row[f"{side}_client"], officer=row[f"{side}_officer"])


def _is_act(row: RowMapping) -> bool:
    field = Draft.DESCRIPTOR.fields_by_name.get(row["act"])
    if field is None or field.containing_oneof is None:
        return False
    try:
        getattr(Draft(), row["act"]).MergeFromString(bytes(row["request"] or b""))
    except DecodeError:
        return False
    return True
