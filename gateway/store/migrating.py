"""The form of the tables: that which a database has, and that of this version.

Alembic is imported where a form is changed: it takes longer than a node's start, which only compares two short names.
"""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from gateway.errors import LaterForm, StoreError

MIGRATIONS = Path(__file__).parent / "migrations"

_LINE = re.compile(r'^(revision|down_revision) = "([0-9]{4})"$', re.MULTILINE)
_VERSIONS = table("alembic_version", column("version_num"))


@cache
def newest_revision() -> str:
    """Gives the revision of this version's tables: that of the migration on which no other one follows."""
    (newest,) = _known_revisions() - {number for name, number in _lines() if name == "down_revision"}
    return newest


@cache
def _known_revisions() -> frozenset[str]:
    """Every revision that this version can bring to its own form."""
    return frozenset(number for name, number in _lines() if name == "revision")


def _lines() -> list[tuple[str, str]]:
    return [line for path in (MIGRATIONS / "versions").glob("*.py") for line in _LINE.findall(path.read_text())]


def revision_of(connection: Connection) -> str | None:
    """Gives the revision of a database's tables; None where there are none.

    Raises:
        LaterForm: a later version made them.
        StoreError: their names are no text.
    """
    try:
        is_there = inspect(connection).has_table(_VERSIONS.name)
    except UnicodeDecodeError as error:
        raise StoreError("the database is damaged: what it says of its own tables is no text") from error
    if not is_there:
        return None
    revision: str | None = connection.scalar(select(_VERSIONS.c.version_num))
    if revision and revision not in _known_revisions():
        raise LaterForm(
            f"the database is at revision {revision}, which this version does not know: install the version that the "
            "node had, or a later one"
        )
    return revision


def require_form(connection: Connection) -> None:
    """Passes unless a later version has changed the tables since this process began with them.

    Raises:
        StoreError: it has.
    """
    found, wanted = connection.scalar(select(_VERSIONS.c.version_num)), newest_revision()
    if found != wanted:
        raise StoreError(f"the database was brought to revision {found}; this process knows {wanted}, and ends")


def upgrade(connection: Connection) -> None:
    """Runs the migrations that a database has not seen; the caller commits."""
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
