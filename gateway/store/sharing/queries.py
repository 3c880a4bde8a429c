"""What back offices ask of consents and shares. Reads only, on the readers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.sharing_service_pb2 import Consent
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, select

from gateway.store.page_bounds import fitting
from gateway.store.sharing.rows import WITH_ENVELOPES, sharing_record
from gateway.store.state import read_origins
from gateway.store.tables import leaves, notices, sharing_acts
from gateway.store.visibility import visible_notices
from gateway.supervision.disclosure import Scope
from gateway.supervision.messages.sharing import ConsentView, ShareView
from gateway.supervision.sharing.records import ConsentRecord, DecisionRecord, ShareRecord

_VISIBLE = WITH_ENVELOPES.join(notices, notices.c.id == sharing_acts.c.notice)
_asked, _newest, _other = (sharing_acts.alias(name) for name in ("asked", "newest", "other"))
_said, _answered = leaves.alias("said"), leaves.alias("answered")


@dataclass(frozen=True, slots=True)
class ConsentFilter:
    """What a list asks for; what is empty or 0 is not asked for. ``today``: UTC, 20260131."""

    scope: Scope
    today: int
    notice: str = ""  # id
    state: Consent.State.ValueType = Consent.STATE_UNSPECIFIED


def read_consent(connection: Connection, scope: Scope, of_notice: str, consent_id: str) -> ConsentView | None:
    """Reads a consent with all decisions on it; None: there is none of that id that may be seen."""
    found = _VISIBLE.where(
        sharing_acts.c.notice == of_notice,
        sharing_acts.c.consent == consent_id,
        sharing_acts.c.kind != Event.CONTENT_SHARED,
        *visible_notices(scope),
    )
    rows = connection.execute(found.order_by(sharing_acts.c.cursor)).mappings().all()
    return _consent_view(rows, read_origins(connection)) if rows else None


def list_consents(
    connection: Connection, wanted: ConsentFilter, before: int | None, limit: int, max_bytes: int
) -> tuple[list[tuple[int, ConsentView]], bool]:
    """Reads a page, newest first, each with its place in the list and its newest decision; and whether more follow.

    Args:
        connection: a reader
        wanted: what is asked for
        before: place of the last consent of the page before; None for the first page
        limit: at most so many
        max_bytes: of all their envelopes together, but for one consent at least
    """
    statement = _CONSENTS.where(*visible_notices(wanted.scope), *_conditions(wanted))
    if before is not None:
        statement = statement.where(_asked.c.cursor < before)
    newest = statement.order_by(_asked.c.cursor.desc()).limit(limit + 1)
    page, more = fitting(connection.execute(newest), limit, max_bytes)
    cursors = [each for row in page for each in (row.asked, row.decided) if each is not None]
    rows = connection.execute(WITH_ENVELOPES.where(sharing_acts.c.cursor.in_(cursors))).mappings()
    known, origins = {row["cursor"]: row for row in rows}, read_origins(connection)
    pairs = ((row.asked, [known[each] for each in (row.asked, row.decided) if each is not None]) for row in page)
    return [(asked, _consent_view(found, origins)) for asked, found in pairs], more


def read_share(connection: Connection, scope: Scope, of_notice: str, share_id: str) -> ShareView | None:
    """Reads a share; None: there is none of that id that may be seen."""
    here = (sharing_acts.c.notice == of_notice, sharing_acts.c.share == share_id)
    found = _VISIBLE.where(*here, *_shares(scope))
    row = connection.execute(found).mappings().first()
    return _share_view(row, read_origins(connection)) if row else None


def list_shares(
    connection: Connection, scope: Scope, of_notice: str, before: int | None, limit: int, max_bytes: int
) -> tuple[list[tuple[int, ShareView]], bool]:
    """Reads a page, newest first, each with its place in the list, and whether more follow; as ``list_consents``.

    An empty id: of all notices.
    """
    found = _SHARES.where(*_shares(scope))
    if of_notice:
        found = found.where(sharing_acts.c.notice == of_notice)
    if before is not None:
        found = found.where(sharing_acts.c.cursor < before)
    newest = found.order_by(sharing_acts.c.cursor.desc()).limit(limit + 1)
    page, more = fitting(connection.execute(newest), limit, max_bytes)
    chosen = WITH_ENVELOPES.where(sharing_acts.c.cursor.in_([row.cursor for row in page]))
    rows = connection.execute(chosen.order_by(sharing_acts.c.cursor.desc())).mappings()
    origins = read_origins(connection)
    return [(row["cursor"], _share_view(row, origins)) for row in rows], more


def _shares(scope: Scope) -> Sequence[ColumnElement[bool]]:
    return (sharing_acts.c.kind == Event.CONTENT_SHARED, *visible_notices(scope))


def _conditions(wanted: ConsentFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [_asked.c.notice == wanted.notice] if wanted.notice else []
    over = and_(_newest.c.valid_until > 0, _newest.c.valid_until < wanted.today)
    states: Mapping[int, ColumnElement[bool]] = {
        Consent.REQUESTED: _newest.c.cursor.is_(None),
        Consent.GRANTED: and_(_newest.c.is_granted.is_(True), ~over),
        Consent.REFUSED: _newest.c.is_granted.is_(False),
        Consent.EXPIRED: and_(_newest.c.is_granted.is_(True), over),
    }
    return [*found, states[wanted.state]] if wanted.state else found


def _consent_view(rows: Sequence[RowMapping], origins: Mapping[int, str]) -> ConsentView:
    """Of the row of the request, and those of decisions."""
    envelopes = [Envelope.FromString(row["data"]) for row in rows]
    records = [sharing_record(row, envelope, origins) for row, envelope in zip(rows, envelopes, strict=True)]
    decisions = [(cast("DecisionRecord", each), data) for each, data in zip(records[1:], envelopes[1:], strict=True)]
    return ConsentView(cast("ConsentRecord", records[0]), envelopes[0], decisions)


def _share_view(row: RowMapping, origins: Mapping[int, str]) -> ShareView:
    envelope = Envelope.FromString(row["data"])
    return ShareView(cast("ShareRecord", sharing_record(row, envelope, origins)), envelope)


def _newest_number() -> ColumnElement[int]:
    same = (_other.c.notice == _asked.c.notice, _other.c.consent == _asked.c.consent)
    decided = _other.c.kind == Event.SHARING_DECIDED
    return select(func.max(_other.c.decision)).where(*same, decided).scalar_subquery()


# Shares by their cursors, each with the bytes of its envelope.
_SHARES = _VISIBLE.with_only_columns(sharing_acts.c.cursor, func.length(leaves.c.data).label("size"))

# Requests by their cursors, each with the cursor of the newest decision, and the bytes of both envelopes.
_CONSENTS: Select[tuple[int, int | None, int]] = (
    select(
        _asked.c.cursor.label("asked"),
        _newest.c.cursor.label("decided"),
        (func.length(_said.c.data) + func.coalesce(func.length(_answered.c.data), 0)).label("size"),
    )
    .select_from(_asked)
    .join(notices, notices.c.id == _asked.c.notice)
    .join(_said, (_said.c.channel == _asked.c.channel) & (_said.c.index == _asked.c.index))
    .join(
        _newest,
        (_newest.c.notice == _asked.c.notice)
        & (_newest.c.consent == _asked.c.consent)
        & (_newest.c.kind == Event.SHARING_DECIDED)
        & (_newest.c.decision == _newest_number()),
        isouter=True,
    )
    .join(
        _answered,
        (_answered.c.channel == _newest.c.channel) & (_answered.c.index == _newest.c.index),
        isouter=True,
    )
    .where(_asked.c.kind == Event.SHARING_REQUESTED)
)
