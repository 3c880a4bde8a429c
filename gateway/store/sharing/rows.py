"""Between what is known of onward sharing and its rows, which are read with their envelopes."""

from collections.abc import Mapping, Sequence
from typing import Any

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from sqlalchemy import Connection, RowMapping, bindparam, select

from gateway.store.tables import leaves, sharing_acts
from gateway.supervision.notices.records import Place
from gateway.supervision.outcomes import EventContent
from gateway.supervision.projections.sharing import consent_in, decision_in, share_in
from gateway.supervision.sharing.records import (
    NO_DOSSIER,
    ConsentRecord,
    Dossier,
    ShareRecord,
    SharingRecord,
)

SHARING_EVENTS = (Event.SHARING_REQUESTED, Event.SHARING_DECIDED, Event.CONTENT_SHARED)

WITH_ENVELOPES = select(sharing_acts, leaves.c.data).join(
    leaves, (leaves.c.channel == sharing_acts.c.channel) & (leaves.c.index == sharing_acts.c.index)
)
_OF_NOTICE = WITH_ENVELOPES.where(sharing_acts.c.notice == bindparam("notice")).order_by(sharing_acts.c.cursor)


def sharing_row(record: SharingRecord, cursor: int, ids: Mapping[str, int]) -> dict[str, Any]:
    """Gives the columns of ``sharing_acts``; ``ids`` has the id of each channel by origin."""
    row = {
        "cursor": cursor,
        "notice": record.notice,
        "channel": ids[record.place.origin],
        "index": record.place.index,
        "share": "",
        "decision": 0,
        "is_granted": False,
        "valid_until": 0,
        "is_covered": False,
    }
    if isinstance(record, ConsentRecord):
        return row | {"kind": Event.SHARING_REQUESTED, "consent": record.id}
    if isinstance(record, ShareRecord):
        told = {"consent": record.consent, "share": record.id, "decision": record.decision}
        return row | told | {"kind": Event.CONTENT_SHARED, "is_covered": record.is_covered}
    terms = {"is_granted": record.is_granted, "valid_until": record.valid_until, "decision": record.number}
    return row | terms | {"kind": Event.SHARING_DECIDED, "consent": record.consent}


def sharing_record(row: RowMapping, envelope: Envelope, origins: Mapping[int, str]) -> SharingRecord:
    """Reads a row of ``sharing_acts``, with its envelope or what is left of it."""
    place = Place(origins[row["channel"]], row["index"])
    if row["kind"] == Event.SHARING_REQUESTED:
        return consent_in(envelope, place)
    if row["kind"] == Event.SHARING_DECIDED:
        return decision_in(envelope, place)[0]
    return share_in(envelope, place, is_covered=row["is_covered"])


def read_dossier(connection: Connection, of_notice: str, origins: Mapping[int, str]) -> Dossier:
    """Reads what is known of the onward sharing of a notice."""
    rows = connection.execute(_OF_NOTICE, {"notice": of_notice}).mappings()
    return adding(NO_DOSSIER, [sharing_record(row, Envelope.FromString(row["data"]), origins) for row in rows])


def adding(dossier: Dossier, records: Sequence[SharingRecord]) -> Dossier:
    """A dossier with more records."""
    for record in records:
        dossier = dossier.adding(record)
    return dossier


def sharing_rows(
    records: Sequence[SharingRecord],
    events: Sequence[tuple[EventContent, Place]],
    first: int,
    ids: Mapping[str, int],
) -> list[dict[str, Any]]:
    """Gives the rows of new records, among the events of their envelopes, whose cursors begin with ``first``."""
    cursors = {place: cursor for cursor, (event, place) in enumerate(events, first) if event.kind in SHARING_EVENTS}
    return [sharing_row(record, cursors[record.place], ids) for record in records]
