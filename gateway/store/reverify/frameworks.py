"""Compares the rows of frameworks and assessments, and what events say of them, with the envelopes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.framework_pb2 import Provision
from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import ColumnElement, Connection, RowMapping, Table, select

from gateway.store.reverify.channels import VerifiedChannel
from gateway.store.reverify.fold import parsed
from gateway.store.reverify.frameworks_fold import FrameworksFold, Place
from gateway.store.reverify.moments import day_number, micros
from gateway.store.reverify.report import Findings
from gateway.store.scanning import rows
from gateway.store.tables import (
    assessments,
    events,
    framework_events,
    framework_versions,
    leaves,
    provisions,
    told_days,
)
from gateway.supervision.frameworks.names import assessment_id

MAX_TOPICS = 64

_TELL_VERSIONS = (Event.FRAMEWORK_VERSION_PUBLISHED, Event.FRAMEWORK_VERSION_RECEIVED)
_TELL_RULES = (*_TELL_VERSIONS, Event.FRAMEWORK_ASSESSED, Event.PROVISION_IN_FORCE)


class FrameworksCheck:
    """Verifies the rows of versions, provisions, assessments, and of events about them.

    Args:
        connection: in one snapshot
        channels: whose logs were verified
        fold: of their envelopes
        findings: what does not fit goes here
    """

    def __init__(
        self, connection: Connection, channels: Sequence[VerifiedChannel], fold: FrameworksFold, findings: Findings
    ) -> None:
        self._connection, self._fold, self._findings = connection, fold, findings
        self._channels = {channel.id: channel for channel in channels}
        self._newest_told = 0  # the newest day on which, as events tell, a provision came into force: 20260131
        self._read: tuple[Place, Envelope] = ((0, 0), Envelope())  # the envelope that was read last, and its place

    def run(self) -> Mapping[str, int]:
        """Gives the number of rows that were read of each table."""
        return {
            "framework_versions": self._check_versions(),
            "provisions": self._check_provisions(),
            "assessments": self._check_assessments(),
            "framework_events": self._check_events(),
        }

    # --- versions and provisions ----------------------------------------------------------------------------------

    def _check_versions(self) -> int:
        missing = dict(self._fold.versions)
        count = 0
        for row in self._placed(framework_versions):
            count += 1
            where = f"framework_versions {row['cursor']}"
            known = missing.pop((row["channel"], row["index"]), None)
            if known is None:
                self._findings.add(where, "does not stand where an envelope published it", "no such version")
                continue
            self._findings.compare(where, row, self._expected_version(row, *known))
        for framework, version in missing.values():
            self._findings.add(f"framework_versions {framework} {version}", "is missing", "a row for its envelope")
        return count

    def _expected_version(self, row: RowMapping, framework: str, version: int) -> Mapping[str, Any]:
        act = self._envelope(row).framework_version_published
        return {
            "framework": framework,
            "version": version,
            "base_version": act.base_version,
            "jurisdiction": self._channels[row["channel"]].sender,
            "provision_count": len(act.content.provisions),
            **self._expected_of_all(row, _TELL_VERSIONS),
        }

    def _check_provisions(self) -> int:
        """Walks versions and provisions side by side; memory: one version."""
        stored = rows(self._connection, select(provisions), provisions.c.cursor, provisions.c.ordinal)
        count, row = 0, next(stored, None)
        for version in self._placed(framework_versions):
            content = self._envelope(version).framework_version_published.content
            expected = [_provision_columns(each) for each in content.provisions]
            found = []
            while row is not None and row["cursor"] <= version["cursor"]:
                count += 1
                found.append(_stored_columns(row) if row["cursor"] == version["cursor"] else ())
                row = next(stored, None)
            if found != [(place, *each) for place, each in enumerate(expected)]:
                where = f"provisions {version['framework']} {version['version']}"
                self._findings.add(where, "are others than its envelope says", f"{len(expected)} provisions")
        while row is not None:
            count += 1
            self._findings.add(f"provisions {row['cursor']} {row['ordinal']}", "is of no version")
            row = next(stored, None)
        return count

    # --- assessments ------------------------------------------------------------------------------------------------

    def _check_assessments(self) -> int:
        missing = set(self._fold.assessments)
        count = 0
        for row in self._placed(assessments):
            count += 1
            where, facts = f"assessments {row['id']}", self._fold.assessments.get(row["id"])
            if facts is None or (row["channel"], row["index"]) != (facts.channel, facts.index):
                self._findings.add(where, "does not stand where an envelope gave it", "no such assessment")
                continue
            missing.discard(row["id"])
            self._findings.compare(where, row, self._expected_assessment(row, facts.superseded_by))
        for name in sorted(missing):
            self._findings.add(f"assessments {name}", "is missing", "a row for the envelope that gave it")
        return count

    def _expected_assessment(self, row: RowMapping, superseded_by: str) -> Mapping[str, Any]:
        content = self._envelope(row).framework_assessed.content
        pair = sorted((content.pair.first, content.pair.second))
        return {
            "assessor": self._channels[row["channel"]].sender,
            "sector": content.area.sector,
            "topic": content.area.topic,
            "first_provision": pair[0],
            "second_provision": pair[1],
            "outcome": content.outcome,
            "supersedes": assessment_id(content.supersedes),
            "superseded_by": superseded_by,
            **self._expected_of_all(row, (Event.FRAMEWORK_ASSESSED,)),
        }

    # --- events ---------------------------------------------------------------------------------------------------

    def _check_events(self) -> int:
        """Every event about rules says of which, and no other event does."""
        statement = (
            select(*_EVENT_COLUMNS)
            .join_from(events, framework_events, framework_events.c.cursor == events.c.cursor, isouter=True)
            .where(events.c.kind.in_(_TELL_RULES) | framework_events.c.cursor.is_not(None))
        )
        count, told = 0, set[tuple[int, int, str]]()
        for row in rows(self._connection, statement, events.c.cursor):
            count += row["said"] is not None
            where = f"framework_events {row['cursor']}"
            expected = self._expected_event(row)
            if expected is None or row["said"] is None:
                self._findings.add(where, "is not what its envelope says", "what an envelope says" if expected else "")
                continue
            self._findings.compare(where, row, expected)
            key = (row["channel"], row["index"], row["provision"])
            if key in told:
                self._findings.add(where, "is told twice", "once")
            told.add(key)
        self._check_days(self._newest_told)
        return count

    def _expected_event(self, row: RowMapping) -> Mapping[str, Any] | None:
        if row["kind"] == Event.FRAMEWORK_ASSESSED:
            return self._expected_judgement(row)
        known = self._fold.versions.get((row["channel"], row["index"]))
        if known is None or row["kind"] not in _TELL_RULES:
            return None
        content = self._envelope(row).framework_version_published.content
        about = list(content.provisions)
        if row["kind"] == Event.PROVISION_IN_FORCE:
            about = [each for each in about if each.id == row["provision"] and _came(each, row["detail"])]
            self._newest_told = max([self._newest_told, *(day_number(each.effective_from) for each in about)])
            if not about:
                return None
        provision = row["provision"] if row["kind"] == Event.PROVISION_IN_FORCE else ""
        topics = sorted({each.topic for each in about})[:MAX_TOPICS]
        return self._said(row, {each.sector for each in about}, topics, known, provision)

    def _expected_judgement(self, row: RowMapping) -> Mapping[str, Any] | None:
        envelope = self._envelope(row)
        name = assessment_id(envelope.framework_assessed.assessment)
        facts = self._fold.assessments.get(name)
        if facts is None or (facts.channel, facts.index) != (row["channel"], row["index"]):
            return None
        area = envelope.framework_assessed.content.area
        topics = [area.topic] if area.topic else []
        return self._said(row, {area.sector} - {0}, topics, ("", 0), "") | {"assessment": name}

    def _said(
        self, row: RowMapping, sectors: set[Any], topics: list[str], known: tuple[str, int], provision: str
    ) -> dict[str, Any]:
        return {
            "jurisdiction": self._channels[row["channel"]].sender,
            "framework": known[0],
            "version": known[1],
            "provision": provision,
            "assessment": "",
            "sectors": sum(1 << sector for sector in sectors),
            "topics": f" {' '.join(topics)} " if topics else "",
        }

    def _check_days(self, newest_told: int) -> None:
        """The day up to which events were told is one, and not before one of which they tell."""
        until = list(self._connection.scalars(select(told_days.c.until)))
        if len(until) > 1 or (newest_told and until < [newest_told]):
            self._findings.add("told_days", f"is {until}", f"one day, not before {newest_told or 'any'}")

    # --- how ------------------------------------------------------------------------------------------------------

    def _placed(self, table: Table) -> Iterator[RowMapping]:
        """The rows of a table whose envelope can be used; the others are told, and left out."""
        for row in rows(self._connection, select(table), table.c.cursor):
            if (row["channel"], row["index"]) in self._fold.places:
                yield row
            else:
                self._findings.add(f"{table.name} {row['cursor']}", "is of no envelope that is here, and can be used")

    def _envelope(self, row: RowMapping) -> Envelope:
        """The envelope of a row, empty where there is none: read alone, as a page of large versions would hold many."""
        place = (row["channel"], row["index"])
        if self._read[0] != place:
            here = (leaves.c.channel == place[0]) & (leaves.c.index == place[1])
            data = self._connection.scalar(select(leaves.c.data).where(here))
            self._read = (place, parsed(data or b"") or Envelope())
        return self._read[1]

    def _expected_of_all(self, row: RowMapping, kinds: Sequence[int]) -> Mapping[str, Any]:
        channel, sealed = self._channels[row["channel"]], self._envelope(row).sealed_at
        return {
            "cursor": self._connection.scalar(select(events.c.cursor).where(*_at(row), events.c.kind.in_(kinds))),
            "direction": Notice.OUTGOING if channel.outgoing else Notice.INCOMING,
            "recipient": channel.recipient,
            "sealed_at": micros(sealed),
            "receipt_time": channel.receipt_time(row["index"]),
        }


_SAID = ("jurisdiction", "framework", "version", "provision", "assessment", "sectors", "topics")
_EVENT_COLUMNS = (
    *(events.c[name] for name in ("cursor", "kind", "channel", "index", "detail")),
    *(framework_events.c[name] for name in _SAID),
    framework_events.c.cursor.label("said"),
)


def _at(row: RowMapping) -> tuple[ColumnElement[bool], ...]:
    return events.c.channel == row["channel"], events.c.index == row["index"]


def _came(provision: Provision, detail: str) -> bool:
    """Whether a provision comes into force on the day that an event tells."""
    day = provision.effective_from
    told = f"from {day.year:04}-{day.month:02}-{day.day:02}" == detail
    return told and provision.status == Provision.IN_FORCE


def _provision_columns(provision: Provision) -> tuple[Any, ...]:
    day = day_number(provision.effective_from)
    return provision.id, provision.sector, provision.topic, provision.status, day, provision


def _stored_columns(row: RowMapping) -> tuple[Any, ...]:
    columns = (row[name] for name in ("ordinal", "id", "sector", "topic", "status", "effective_from"))
    try:
        return *columns, Provision.FromString(row["data"])
    except DecodeError:
        return *columns, None
