"""What back offices ask about notices: one, and pages of them. Reads only, on the readers."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any

from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Sector
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, not_, or_, select, tuple_

from gateway.store import prepared
from gateway.store.page_bounds import fitting
from gateway.store.prepared import rows_by_keys
from gateway.store.rows import LATER_ACTS, notice_record
from gateway.store.state import read_origins
from gateway.store.tables import JOURNAL, channels, leaves, notice_identifiers, notices
from gateway.store.visibility import hidden_of, visible_notices
from gateway.supervision.disclosure import Scope
from gateway.supervision.notices.records import NoticeRecord, Place


@dataclass(frozen=True, slots=True)
class NoticeView:
    """A notice with the bytes of the envelopes that made it what it is.

    Attributes:
        sequence: its place among all notices of this node, growing as they are committed
        record: what is known of it
        released: the envelope that gave it
        acknowledged: the envelope that acknowledged it; empty: there is none
        withdrawn: the envelope that withdrew it; empty: there is none
        destroyed: this node's certificate that the content is destroyed; empty: there is none
        peer_destroyed: the peer's
        attached: the receiver's word that it holds all attachments; empty: there is none
    """

    sequence: int
    record: NoticeRecord
    released: bytes
    acknowledged: bytes = b""
    withdrawn: bytes = b""
    destroyed: bytes = b""
    peer_destroyed: bytes = b""
    attached: bytes = b""


@dataclass(frozen=True, slots=True)
class NoticeFilter:
    """What a list asks for; a value that is 0, empty or None is not asked for. Times are microseconds."""

    direction: Notice.Direction.ValueType = Notice.DIRECTION_UNSPECIFIED
    kind: Notice.Kind.ValueType = Notice.KIND_UNSPECIFIED
    state: Notice.State.ValueType = Notice.STATE_UNSPECIFIED
    issuing_authority: str = ""
    sector: Sector.ValueType = Sector.SECTOR_UNSPECIFIED
    identifier: str = ""
    peer: str = ""
    released_from: int | None = None
    released_before: int | None = None


_WITH_ENVELOPES = select(notices, leaves.c.data).join(
    leaves, (leaves.c.channel == notices.c.channel) & (leaves.c.index == notices.c.index)
)
"""Notices, each with the bytes of the envelope that gave it."""


def _length_at(channel: ColumnElement[Any], index: ColumnElement[Any]) -> ColumnElement[int]:
    """The bytes of an envelope; 0: there is none."""
    there = (leaves.c.channel == channel, leaves.c.index == index)
    return func.coalesce(select(func.length(leaves.c.data)).where(*there).scalar_subquery(), 0)


_SIZE = _length_at(notices.c.channel, notices.c.index)
for _act in LATER_ACTS:
    _SIZE += _length_at(notices.c[f"{_act}_channel"], notices.c[f"{_act}_index"])

SIZES: Select[tuple[int, int]] = select(notices.c.sequence, _SIZE.label("size"))
"""Notices by their sequences, each with the bytes of all its envelopes."""


def read_notice(connection: Connection, scope: Scope, notice_id: str) -> NoticeView | None:
    """Reads one notice; None: there is none of that id that may be seen."""
    found = _views_of(connection, scope, prepared.rows(connection, _by_id(scope), {"wanted": notice_id}))
    return found[0] if found else None


def read_record(connection: Connection, notice_id: str) -> NoticeRecord | None:
    """Reads what is known of a notice beside its content, whoever may see it."""
    row = connection.execute(select(notices).where(notices.c.id == notice_id)).mappings().first()
    return notice_record(row, read_origins(connection)) if row else None


def list_notices(
    connection: Connection, scope: Scope, wanted: NoticeFilter, before: int | None, limit: int, max_bytes: int
) -> tuple[list[NoticeView], bool]:
    """Reads a page, newest first, and whether more follow.

    Args:
        connection: a reader
        scope: what may be seen
        wanted: what is asked for
        before: sequence of the last notice of the page before; None for the first page
        limit: at most so many
        max_bytes: of all their envelopes together, but for one notice at least
    """
    conditions = (*_conditions(wanted), *visible_notices(scope))
    statement = SIZES.where(*conditions).order_by(notices.c.sequence.desc()).limit(limit + 1)
    if wanted.identifier:
        statement = statement.join(notice_identifiers, notice_identifiers.c.sequence == notices.c.sequence)
        statement = statement.where(notice_identifiers.c.identifier == wanted.identifier.strip().upper())
    if before is not None:
        statement = statement.where(notices.c.sequence < before)
    page, more = fitting(_newest(connection, statement, wanted, limit + 1), limit, max_bytes)
    return views_at(connection, scope, [row.sequence for row in page]), more


@cache
def _by_id(scope: Scope) -> Select[Any]:
    return _WITH_ENVELOPES.where(notices.c.id == bindparam("wanted"), *visible_notices(scope))


def _conditions(wanted: NoticeFilter) -> list[ColumnElement[bool]]:
    columns = notices.c
    found = [
        columns[name] == value
        for name in ("direction", "kind", "state", "issuing_authority")
        if (value := getattr(wanted, name))
    ]
    if wanted.sector:
        found.append(columns.sectors.op("&")(1 << wanted.sector) != 0)
    if wanted.peer:
        found.append(other_side(columns, columns.direction == Notice.OUTGOING, wanted.peer))
    if wanted.released_from is not None:
        found.append(columns.released_at >= wanted.released_from)
    if wanted.released_before is not None:
        found.append(columns.released_at < wanted.released_before)
    return found


def _newest(
    connection: Connection, statement: Select[tuple[int, int]], wanted: NoticeFilter, limit: int
) -> Iterable[Row[tuple[int, int]]]:
    """The rows of a page; where direction or peer alone could narrow it, each channel's are read by its own index.

    Else a page of the few that came in would go through all that went out.
    """
    if not (wanted.direction or wanted.peer) or wanted.state or wanted.kind or wanted.identifier:
        return connection.execute(statement)
    found = (connection.execute(statement.where(notices.c.channel == each)) for each in _channels(connection, wanted))
    return sorted((row for rows in found for row in rows), key=attrgetter("sequence"), reverse=True)[:limit]


def _channels(connection: Connection, wanted: NoticeFilter) -> Sequence[int]:
    """Those that notices of this direction, to or from this peer, stand in."""
    statement = select(channels.c.id).where(channels.c.id != JOURNAL)
    if wanted.direction:
        statement = statement.where(channels.c.outgoing.is_(wanted.direction == Notice.OUTGOING))
    if wanted.peer:
        statement = statement.where(other_side(channels.c, channels.c.outgoing.is_(True), wanted.peer))
    return connection.scalars(statement).all()


def other_side(columns: Any, outgoing: ColumnElement[bool], peer: str) -> ColumnElement[bool]:
    """That a notice, or a channel, is to or from a peer. The own jurisdiction is no peer."""
    return or_(and_(outgoing, columns.recipient == peer), and_(not_(outgoing), columns.sender == peer))


def views_at(connection: Connection, scope: Scope, sequences: Sequence[int]) -> list[NoticeView]:
    """Reads the notices of these sequences, which are there and may be seen, in the order given."""
    rows = {row["sequence"]: row for row in rows_by_keys(connection, _WITH_ENVELOPES, notices.c.sequence, sequences)}
    return _views_of(connection, scope, [rows[each] for each in sequences])


def _views_of(connection: Connection, scope: Scope, rows: Sequence[prepared.Row]) -> list[NoticeView]:
    """Reads the notices of rows of ``_WITH_ENVELOPES``, each with all its envelopes."""
    origins = read_origins(connection)
    whole = [notice_record(row, origins) for row in rows]
    hidden = hidden_of(connection, scope, [name for each in whole for name in (each.superseded_by, each.withdrawn_by)])
    records = [_without(record, hidden) for record in whole]
    places = [place for each in records for place in _later_acts(each) if place]
    data = _envelopes_at(connection, places, {origin: channel for channel, origin in origins.items()})
    return [
        NoticeView(
            row["sequence"],
            record,
            bytes(row["data"]),
            *(data[place] if place else b"" for place in _later_acts(record)),
        )
        for row, record in zip(rows, records, strict=True)
    ]


def _later_acts(record: NoticeRecord) -> tuple[Place | None, ...]:
    """Where the envelopes stand beside the one that gave it, in the order of ``NoticeView``."""
    return tuple(getattr(record, f"{act}_at") for act in LATER_ACTS)


def _without(record: NoticeRecord, hidden: Collection[str]) -> NoticeRecord:
    """The state of a notice is its own; which other one brought it there is left out where that is hidden."""
    if record.superseded_by in hidden:
        record = record._replace(superseded_by="")
    if record.withdrawn_by in hidden:
        record = record._replace(withdrawn_by="", withdrawn_at=None)
    return record


def _envelopes_at(connection: Connection, places: Sequence[Place], ids: Mapping[str, int]) -> dict[Place, bytes]:
    if not places:
        return {}
    wanted = {(ids[place.origin], place.index): place for place in places}
    statement = select(leaves).where(tuple_(leaves.c.channel, leaves.c.index).in_(list(wanted)))
    rows = connection.execute(statement).mappings()
    return {wanted[row["channel"], row["index"]]: bytes(row["data"]) for row in rows}
