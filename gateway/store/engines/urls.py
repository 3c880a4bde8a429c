"""Where a database is: SQLAlchemy's URLs, as an operator writes them."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from gateway.errors import ConfigError

WANTED = "sqlite:///FILE in the home, or postgresql://USER@HOST/DATABASE"


def absolute(url: str, home: Path) -> URL:
    """Reads a URL; a relative SQLite path is one in the node's home.

    Raises:
        ConfigError: it is none, or of another database.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # the latter of a port
        raise ConfigError(f"the URL of the database is not one such as {WANTED}") from error
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite+pysqlite", database=str(home / (parsed.database or "node.db")))
        case "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise ConfigError(f"a database of {other} is not supported; give {WANTED}")
