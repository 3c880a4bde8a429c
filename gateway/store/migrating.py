"""The form of the tables: that which a database has, and that of this version.

Alembic is imported where a form is changed: it takes longer than a node's start, which only compares two short names.
"""

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

MIGRATIONS = Path(__file__).parent / "migrations"

_DIGITS = 4  # of a revision, with which the name of its file begins
_VERSIONS = table("alembic_version", column("version_num"))


def newest_revision() -> str:
    """Gives the revision of this version's tables, which is that of the last migration."""
    return max(path.name for path in (MIGRATIONS / "versions").glob(f"{'[0-9]' * _DIGITS}_*.py"))[:_DIGITS]


def revision_of(connection: Connection) -> str | None:
    """Gives the revision of a database's tables; None where there are none."""
    if not inspect(connection).has_table(_VERSIONS.name):
        return None
    revision: str | None = connection.scalar(select(_VERSIONS.c.version_num))
    return revision


def upgrade(connection: Connection) -> None:
    """Runs the migrations that a database has not seen; the caller commits."""
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
