"""Which server of PostgreSQL a database is on: its system identifier, and the timeline on which it writes.

Each restore to a point in time and each promotion of a standby begins another timeline, whether it lost anything or
not; another server has another identifier. Files of a server that are put back have neither: those the node finds out
by what it knew (``continuity``). Any role may ask; where a service does not tell it, nothing is known of it.
"""

from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import DBAPIError

from gateway.errors import LostCommits
from gateway.store.tables import node

_SYSTEM = text("SELECT system_identifier::text FROM pg_control_system()")
_TIMELINES = (
    text("SELECT ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int::text"),
    text("SELECT timeline_id::text FROM pg_control_checkpoint()"),  # until its first checkpoint, the one before
)
_NOT_TOLD = ("42", "0A", "55000")  # SQLSTATE: no right to ask, or nothing to ask; not served; not by a standby


def server_of(connection: Connection) -> str:
    """Gives ``system/timeline``, each empty where it is not told; empty with SQLite.

    Raises:
        SQLAlchemyError: it failed for another reason: that must not be taken for a server of which nothing is known.
    """
    if connection.dialect.name == "sqlite":
        return ""
    timeline = next(filter(None, (_told(connection, each) for each in _TIMELINES)), "")
    return f"{_told(connection, _SYSTEM)}/{timeline}"


def is_other(known: str, found: str) -> bool:
    """Tells whether two servers differ in what is known of both."""
    return any(one and other and one != other for one, other in zip(known.split("/"), found.split("/"), strict=False))


def recorded(connection: Connection) -> str:
    """Reads on which server the node last found all that it knew; empty: it is not known."""
    return connection.scalar(select(node.c.server)) or ""


def is_recorded(connection: Connection) -> bool:
    """Tells whether all that is known of the server now is recorded."""
    known = recorded(connection)
    return _with(known, server_of(connection)) == known


def record(connection: Connection, server: str) -> None:
    """Keeps that; whatever another server may have lost is dealt with. What is not told now stays known."""
    connection.execute(update(node).values(server=_with(recorded(connection), server)))


def require_same(connection: Connection) -> None:
    """Passes unless the database is on another server since the node last found all that it knew.

    Args:
        connection: in a transaction that has written

    Raises:
        LostCommits: it is, and that one may lack what was durable.
    """
    known, found = recorded(connection), server_of(connection)
    if is_other(known, found):
        raise LostCommits(f"the database was on the server {known}, and is on {found}: that one may have lost commits")


def _with(known: str, found: str) -> str:
    """What is found, and what was known where nothing is told of it."""
    if not found:
        return ""  # SQLite's is no server's
    system, _, timeline = known.partition("/")
    found_system, _, found_timeline = found.partition("/")
    return f"{found_system or system}/{found_timeline or timeline}"


def _told(connection: Connection, statement: object) -> str:
    try:
        with connection.begin_nested():
            return str(connection.scalar(statement) or "")  # type: ignore[call-overload]
    except DBAPIError as error:
        if not str(getattr(error.orig, "sqlstate", "")).startswith(_NOT_TOLD):
            raise
        return ""
