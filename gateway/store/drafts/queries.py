"""What back offices ask of drafts. Reads only, on the readers."""

from dataclasses import dataclass

from regulator.exchange.v1.draft_service_pb2 import Draft
from sqlalchemy import ColumnElement, Connection, func, select

from gateway.store.drafts.rows import draft_record
from gateway.store.page_bounds import fitting
from gateway.store.tables import drafts
from gateway.store.visibility import visible_drafts
from gateway.supervision.disclosure import Scope
from gateway.supervision.drafts import DraftRecord


@dataclass(frozen=True, slots=True)
class DraftView:
    """A draft, and its place among all of this node, growing as they are made."""

    sequence: int
    record: DraftRecord


@dataclass(frozen=True, slots=True)
class DraftFilter:
    """What is asked for: drafts of an authority, of which ``scope`` may be seen, in a state (0: any)."""

    authority: str
    scope: Scope
    state: Draft.State.ValueType = Draft.STATE_UNSPECIFIED


def read_draft(connection: Connection, draft_id: str, wanted: DraftFilter) -> DraftRecord | None:
    """Reads a draft; None: there is none of that id for who asks."""
    found = select(drafts).where(drafts.c.id == draft_id, *_conditions(wanted))
    row = connection.execute(found).mappings().first()
    return draft_record(row) if row else None


def list_drafts(
    connection: Connection, wanted: DraftFilter, before: int | None, limit: int, max_bytes: int
) -> tuple[list[DraftView], bool]:
    """Reads a page, newest first, and whether more follow.

    Args:
        connection: a reader
        wanted: what is asked for
        before: sequence of the last draft of the page before; None for the first page
        limit: at most so many
        max_bytes: of all their acts together, but for one draft at least
    """
    size = func.coalesce(func.length(drafts.c.request), 0).label("size")
    sizes = select(drafts.c.sequence, size).where(*_conditions(wanted))
    if before is not None:
        sizes = sizes.where(drafts.c.sequence < before)
    newest = sizes.order_by(drafts.c.sequence.desc()).limit(limit + 1)
    page, more = fitting(connection.execute(newest), limit, max_bytes)
    sequences = [each.sequence for each in page]
    found = select(drafts).where(drafts.c.sequence.in_(sequences)).order_by(drafts.c.sequence.desc())
    rows = connection.execute(found).mappings()
    return [DraftView(row["sequence"], draft_record(row)) for row in rows], more


def _conditions(wanted: DraftFilter) -> list[ColumnElement[bool]]:
    found = visible_drafts(drafts, wanted.authority, wanted.scope)
    return [*found, drafts.c.state == wanted.state] if wanted.state else found
