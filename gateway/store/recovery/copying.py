"""Copies a node's whole database into another one, of the same kind or the other: for backups, restores and moves.

What is copied is one snapshot, so the node may run meanwhile. It is copied in pages, table by table, and whose database
it is comes last: a copy that was cut short is nobody's, and no node starts with it.
"""

from collections.abc import Callable

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import AlreadyExists, StoreError
from gateway.logs import kind_of
from gateway.store.database import Database
from gateway.store.engines.failing import being_opened
from gateway.store.scanning import PAGE_ROWS, pages
from gateway.store.tables import OF_PROCESSES, attachment_chunks, metadata, node

CHUNKS_AT_ONCE = 8  # of attachments: memory stays flat, whatever else a page has


def make_room(target: Database, *, is_again: bool = False) -> None:
    """Makes the tables of a database, and sees that nothing is in them.

    Args:
        target: open
        is_again: what is in them was left by a copy that was cut short, and goes

    Raises:
        AlreadyExists: there is something; or it is a node's already.
        StoreError: its tables are of a later version.
        Unavailable: its server is away, or its disk is full.
    """
    with being_opened(target.home):
        target.migrate()
        with target.writer() as connection:
            if is_again:
                _clear(target, connection)
            require_empty(connection)


def _clear(target: Database, connection: Connection) -> None:
    with connection.begin():
        if connection.execute(select(node)).first():
            return
        deleted = sum(connection.execute(delete(table)).rowcount for table in reversed(metadata.sorted_tables))
    if deleted:
        target.scrub(connection)  # what the source has destroyed since is not to stay here


def copy_store(
    source: Connection,
    target: Database,
    token_key: bytes | None = None,
    prepare: Callable[[], None] = lambda: None,
    room: Callable[[Database], None] = make_room,
) -> int:
    """Copies every row, but for those that tell of what runs; gives how many.

    Args:
        source: in one snapshot, of this version's form
        target: open
        token_key: 32 random bytes for the copy's page tokens and cursors; None: those of the source stay good
        prepare: what else must be done with the copy before a node may start with it
        room: makes its tables

    Raises:
        AlreadyExists: there is something in the target.
        StoreError: it was not taken, and what was copied is nobody's.
        Unavailable: the target's server is away, or its disk is full.
    """
    room(target)
    copied = 0
    try:
        with target.writer() as connection:
            for table in metadata.sorted_tables:
                if table is not node and table.name not in OF_PROCESSES:
                    page_rows = CHUNKS_AT_ONCE if table is attachment_chunks else PAGE_ROWS
                    for page in pages(source, select(table), *table.primary_key.columns, page_rows=page_rows):
                        with connection.begin():
                            connection.execute(insert(table), [dict(row) for row in page])
                        copied += len(page)
            prepare()
            owner = dict(source.execute(select(node)).mappings().one()) | {"server": ""}  # it is on none yet
            with connection.begin():
                connection.execute(insert(node), [owner if token_key is None else {**owner, "token_key": token_key}])
    except SQLAlchemyError as error:
        raise StoreError(f"the copy was not taken, and is nobody's: {kind_of(error)}") from error
    return copied + 1


def require_empty(connection: Connection) -> None:
    """Passes if a database has its tables, and nothing in them; raises AlreadyExists."""
    for table in metadata.sorted_tables:
        if connection.execute(select(table).limit(1)).first() is not None:
            raise AlreadyExists(f"there are rows in {table.name} of the database: it must be empty")
