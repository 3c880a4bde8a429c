"""Writes drafts: new ones with the next numbers, changed ones in their place."""

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, func, insert, select, update

from gateway.store.drafts.rows import draft_row
from gateway.store.tables import drafts
from gateway.supervision.drafts import DraftRecord

_LAST = select(func.coalesce(func.max(drafts.c.sequence), 0))
_KNOWN = select(drafts.c.id).where(drafts.c.id.in_(bindparam("ids", expanding=True)))


def write_drafts(connection: Connection, changed: Mapping[str, DraftRecord]) -> None:
    """Writes what a group changed; the one writer alone gives out numbers."""
    if not changed:
        return
    known = set(connection.scalars(_KNOWN, {"ids": list(changed)}))
    new = [record for record in changed.values() if record.id not in known]
    if new:
        first = connection.execute(_LAST).scalar_one() + 1
        rows = [{"sequence": sequence, **draft_row(record)} for sequence, record in enumerate(new, first)]
        connection.execute(insert(drafts), rows)
    for draft_id in known:
        connection.execute(update(drafts).where(drafts.c.id == draft_id).values(draft_row(changed[draft_id])))
