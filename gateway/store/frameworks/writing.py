"""Writes what a group's changes hold of frameworks and assessments, after its events, whose cursors are their keys."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, update

from gateway.store import tables
from gateway.store.frameworks.changes import FrameworkChanges
from gateway.store.frameworks.rows import assessment_row, framework_event_row, provision_rows, version_row
from gateway.store.prepared import insert_rows
from gateway.supervision.notices.records import Place
from gateway.supervision.outcomes import EventContent

_CHANGE_ASSESSMENT = (
    update(tables.assessments)
    .where(tables.assessments.c.id == bindparam("changed_id"))
    .values(superseded_by=bindparam("superseded_by"))
)


def write_frameworks(
    connection: Connection, changes: FrameworkChanges, cursors: Mapping[Place, int], ids: Mapping[str, int]
) -> None:
    """Writes changes.

    Args:
        connection: inside the transaction
        changes: what is to be written
        cursors: of the event that told each new version and assessment, by the place of its envelope
        ids: of the channels, by origin
    """
    for record, content in changes.versions:
        cursor = cursors[Place(record.origin, record.index)]
        insert_rows(connection, tables.framework_versions, [version_row(record, cursor, ids)])
        insert_rows(connection, tables.provisions, provision_rows(content.provisions, cursor))
    new = [changes.assessments[each] for each in changes.new]
    rows = [assessment_row(each, cursors[Place(each.origin, each.index)], ids) for each in new]
    insert_rows(connection, tables.assessments, rows)
    for assessment_id, changed in changes.assessments.items():
        if assessment_id not in changes.new:
            values = {"changed_id": assessment_id, "superseded_by": changed.superseded_by}
            connection.execute(_CHANGE_ASSESSMENT, values)
    if changes.told_until:
        connection.execute(delete(tables.told_days))
        connection.execute(insert(tables.told_days), [{"until": changes.told_until}])


def event_rows(events: Sequence[tuple[EventContent, Place]], first: int) -> list[dict[str, Any]]:
    """Gives the rows of ``framework_events`` among events whose cursors begin with ``first``."""
    return [framework_event_row(event, cursor) for cursor, (event, _) in enumerate(events, first) if event.jurisdiction]


def telling_cursors(events: Sequence[tuple[EventContent, Place]], first: int) -> dict[Place, int]:
    """Gives the cursors of the events that tell a new version or assessment, by place."""
    return {
        place: cursor
        for cursor, (event, place) in enumerate(events, first)
        if event.jurisdiction and not event.provision_id
    }
