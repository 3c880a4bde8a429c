"""Finds out that SQLite's files were removed, or others put in their place, under a node that runs.

SQLite goes on writing into a file that no name leads to any more, and says nothing: what is committed from then on is
gone when the process ends. So each commit looks, before anybody is told that it is durable.
"""

import os
from pathlib import Path

from gateway.errors import BrokenStorage, StoreError


class InPlace:
    """The files of one database, as this process has them open.

    Args:
        database: SQLite's file
    """

    def __init__(self, database: Path) -> None:
        self._database, self._log = database, database.with_name(f"{database.name}-wal")
        self._known_database: os.stat_result | None = None
        self._known_log: os.stat_result | None = None

    def keep(self) -> None:
        """Remembers the files that are there; call it once SQLite has them open, again where it opens them anew."""
        if self._known_database is None:
            self._known_database = _stat(self._database)
        self._known_log = _stat(self._log)  # which is another one where nobody had the one before open

    def require(self) -> None:
        """Passes if the files are those that SQLite writes.

        Raises:
            BrokenStorage: the database is not; closing it would touch what has its name now.
            StoreError: its write-ahead log is not; closing the database writes all of it into the database.
        """
        if not _same(self._known_database, self._database):
            raise BrokenStorage(
                f"{self._database} was moved, removed or replaced while the node ran, which stops: put that very file"
                " back beside its node.db-wal; if it is lost, see gateway doctor"
            )
        if not _same(self._known_log, self._log):
            raise StoreError(
                f"{self._log} was removed while the node ran, which stops, and writes all that it held into the"
                " database: start it again, and never remove this file"
            )


def _same(known: os.stat_result | None, path: Path) -> bool:
    if known is None:
        return True
    found = _stat(path)
    return found is not None and os.path.samestat(known, found)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
