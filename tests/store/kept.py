"""Schemas of PostgreSQL that are kept from test to test: what a test left goes, and what was there first comes back."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from psycopg import Connection

from gateway.store.migrating import newest_revision
from gateway.store.tables import metadata
from tests.store.stores import make
from tests.support.postgresql import administrator

VERSION = "alembic_version"
MOST_BYTES = 32 * 2**20  # what is deleted stays in the files: tests of much would make the later ones slow
_FOUND = """
    SELECT count(*), coalesce(sum(pg_total_relation_size(pg_class.oid)), 0)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = %s AND relkind = 'r'
"""


def make_kept(name: str, url: str, folder: str, made: Callable[[str, Path], None] | None = None) -> None:
    """Makes a database in a new schema, and remembers its rows in another one.

    Args:
        name: of the schema, which is there and empty
        url: of it
        folder: of the server's socket
        made: makes the database, given its URL and a home; None: that of the jurisdiction of that name is made
    """
    with tempfile.TemporaryDirectory() as home:
        (made or partial(make, name.upper()))(url, Path(home))
    with administrator(folder) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {_first(name)} CASCADE")
        connection.execute(f"CREATE SCHEMA {_first(name)}")
        for table in _names():
            connection.execute(f"CREATE TABLE {_first(name)}.{table} AS SELECT * FROM {name}.{table}")


def is_put_back(folder: str, name: str) -> bool:
    """Brings the schema of that name back to how it was made; False: it must be made anew."""
    with administrator(folder) as connection:
        tables, size = connection.execute(_FOUND, [name]).fetchone() or (0, 0)
        if tables != len(metadata.tables) + 1 or size > MOST_BYTES or not _is_of_this_version(connection, name):
            return False
        tables = _names()
        deleting = [f"DELETE FROM {name}.{table}" for table in reversed(tables)]
        putting = [f"INSERT INTO {name}.{table} SELECT * FROM {_first(name)}.{table}" for table in tables]
        connection.execute("; ".join([*deleting, *putting]))  # in one turn, and one transaction
    return True


def _is_of_this_version(connection: Connection, name: str) -> bool:
    return connection.execute(f"SELECT version_num FROM {name}.{VERSION}").fetchall() == [(newest_revision(),)]


def _first(name: str) -> str:
    return f"{name}_at_first"


def _names() -> list[str]:
    """In an order in which a row comes after those that it refers to."""
    return [table.name for table in metadata.sorted_tables]
