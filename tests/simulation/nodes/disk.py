"""A node's disk: a real SQLite database in a folder of the memory's file system, and all that can go wrong with it.

A step is a statement, a commit, a signature or a message that leaves. At a step that was chosen, the database refuses,
or does it and says that it did not, or the disk fails, or the process dies before or after; or it dies amid a commit,
of which then a part is in the write-ahead log. What is there when a process dies is kept as a copy, so that closing
the files mends nothing.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pysqlite3.dbapi2 as sqlite

from gateway.errors import Unavailable
from gateway.store.database import Database
from gateway.store.engines import sqlite as engine
from gateway.store.opening import owner_of
from tests.simulation.nodes.loop import LIFE, Died, Life

DATABASE = "node.db"
SECTOR_BYTES = 512


class Step(StrEnum):
    """What a process does that counts."""

    STATEMENT = "statement"
    COMMIT = "commit"
    SIGN = "sign"
    SEND = "send"


class Fault(StrEnum):
    """What happens at a step. A signature that fails says so; a message that fails breaks its stream."""

    REFUSED = "refused"  # not done
    UNTOLD = "untold"  # done, though it is told that it was not
    BROKEN = "broken"  # not done, and the disk says that it failed
    BROKEN_UNTOLD = "broken_untold"
    DIES_BEFORE = "dies_before"
    DIES_AFTER = "dies_after"
    TORN = "torn"  # a commit dies with some sectors of it on the disk; a statement just dies


_MESSAGES = {
    Fault.REFUSED: "database or disk is full",
    Fault.UNTOLD: "database or disk is full",
    Fault.BROKEN: "disk I/O error",
    Fault.BROKEN_UNTOLD: "disk I/O error",
}


class Disk:
    """What a node keeps.

    Attributes:
        folder: the node's home; ``url``: of its database
        moving_to: another file that its database is being moved to, or another URL; empty: it is not
        steps: that the present life has taken; ``steps_ever``: all lives
        faults: what happens at which step from here on
        injected: faults that happened in the present life
    """

    def __init__(self, folder: Path, random: Random, told: Callable[..., None]) -> None:
        self.folder, self._random, self._told = folder, random, told
        self.url, self.moves = f"sqlite:///{DATABASE}", 0
        self.moving_to = ""
        self.steps = self.steps_ever = 0
        self.faults: dict[int, Fault] = {}
        self.injected = 0
        self.next_commit: Fault | None = None  # what the next commit meets
        self._connections: list[Connection] = []
        self._reader: sqlite3.Connection | None = None
        self._tear: tuple[int, int] | None = None  # bytes of the log that a commit under way had written

    @property
    def file(self) -> Path:
        return self.folder / self.url.removeprefix("sqlite:///")

    @property
    def log(self) -> Path:
        return _log_of(self.file)

    def begin_move(self) -> str:
        """Makes another file for the database, without rows; gives its URL."""
        self.moves += 1
        self.moving_to = f"moved{self.moves}.db"
        (self.folder / self.moving_to).write_bytes(_tables())
        return f"sqlite:///{self.moving_to}"

    def moved(self) -> None:
        """The configuration names that file from now on, and the one before, which is nobody's, is removed."""
        before, self.url, self.moving_to = self.file, f"sqlite:///{self.moving_to}", ""
        self._write(before, {})
        before.unlink()

    def owned_wrongly(self) -> str:
        """What is wrong with whose the databases are that it had; empty: the one that it uses is the node's alone."""
        files = sorted(path.name for path in self.folder.glob("*.db"))
        return self._but_one([f"sqlite:///{name}" for name in files])

    def _but_one(self, urls: list[str]) -> str:
        owned = [url for url in urls if owner_of(url, self.folder)]
        return "" if owned == [self.url] else f"the databases that are its own are {owned}, and it uses {self.url}"

    def arm(self, fault: Fault, steps: int) -> None:
        """Has a fault happen so many steps from now."""
        self.faults[self.steps + steps] = fault

    def disarm(self) -> None:
        self.faults.clear()
        self.next_commit = None

    def add(self, connection: "Connection") -> None:
        self._connections.append(connection)

    # --- steps --------------------------------------------------------------------------------------------------------

    def take(self, life: Life, act: Callable[[], Any], step: Step) -> Any:
        """Takes one step, or what happens in its place."""
        life.require()
        fault = self.faults.pop(self.steps, None)
        if step is Step.COMMIT and self.next_commit:
            fault, self.next_commit = self.next_commit, None
        self.steps += 1
        self.steps_ever += 1
        if fault is None:
            return act()
        self.injected += 1
        self._told("fault", self.folder.name, fault, step, self.steps)
        if fault is Fault.DIES_BEFORE or (fault is Fault.TORN and step is not Step.COMMIT):
            life.die()
        if fault in {Fault.UNTOLD, Fault.BROKEN_UNTOLD, Fault.DIES_AFTER}:
            act()
        if fault is Fault.TORN:
            before = self._log_bytes()
            act()
            self._tear = before, self._log_bytes()
        if fault in {Fault.DIES_AFTER, Fault.TORN}:
            life.die()
        if step is Step.SIGN:
            raise Unavailable("the seal does not answer")
        raise self.failed(fault, step)

    def failed(self, fault: Fault, _step: Step) -> Exception:
        """What a process is told of a fault."""
        return sqlite.OperationalError(_MESSAGES[fault])  # type: ignore[no-any-return]

    def mislead(self, _seconds: float) -> None:
        """A clock that it has is wrong, too: it has none."""

    def is_free(self, _executor: Any) -> bool:
        """Whether what is given to an executor may begin: here, nobody else is ever amid a commit."""
        return True

    def left(self, _executor: Any) -> None:
        """It has ended."""

    def _log_bytes(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    # --- between lives ------------------------------------------------------------------------------------------------

    def image(self) -> Mapping[Path, bytes]:
        """What is in the files now, under the names that they had at first."""
        named = {self.folder / DATABASE: self.file, _log_of(self.folder / DATABASE): self.log}
        return {name: path.read_bytes() for name, path in named.items() if path.exists()}

    def put_back(self, image: Mapping[Path, bytes]) -> None:
        """Puts the files there as they were then, under the names that they have now."""
        self.close()
        self._write(
            self.file, {path.with_name(path.name.replace(DATABASE, self.file.name)): image[path] for path in image}
        )

    def _write(self, file: Path, image: Mapping[Path, bytes]) -> None:
        for path in (_log_of(file), file.with_name(f"{file.name}-shm")):
            path.unlink(missing_ok=True)
        for path, data in image.items():
            path.write_bytes(data)

    def cut_off(self) -> None:
        """Ends a life: what is in the files stays, whatever SQLite would make of them as it closes."""
        files = [self.file, *([self.folder / self.moving_to] if self.moving_to else [])]
        images = {file: {path: path.read_bytes() for path in (file, _log_of(file)) if path.exists()} for file in files}
        if self._tear:
            if log := images[self.file].get(self.log):
                images[self.file][self.log] = torn(log, *self._tear, self._random)
            self._tear = None
        self.close()
        for connection in self._connections:
            connection.close_for_good()
        self._connections.clear()
        for file, image in images.items():
            self._write(file, image)
        self.steps = self.injected = 0
        self.disarm()

    def read(self, query: str, *values: Any) -> list[Any]:
        """Reads what is durable now, past the product's own code."""
        if self._reader is None:
            self._reader = sqlite.connect(f"file:{self.file}?mode=ro", uri=True)
        rows: list[Any] = self._reader.execute(query, values).fetchall()
        return rows

    def close(self) -> None:
        """Reads no more of these files, until it is asked to."""
        if self._reader:
            self._reader.close()
            self._reader = None


@cache
def _tables() -> bytes:
    """A database without rows, made once a process: the migrations take longer than a schedule."""
    with TemporaryDirectory() as home:
        lay_tables(f"sqlite:///{DATABASE}", Path(home))
        return (Path(home) / DATABASE).read_bytes()


def lay_tables(url: str, home: Path) -> None:
    """Makes a database without rows."""
    database = Database(url, home)
    database.migrate()
    database.close()


def _log_of(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")


def torn(log: bytes, before: int, after: int, random: Random) -> bytes:
    """A write-ahead log of which the bytes from ``before`` to ``after`` were not flushed: any sectors are there."""
    kept, fresh = log[:before], log[before:after]
    fresh = fresh[: random.randint(0, len(fresh))]
    sectors = [fresh[start : start + SECTOR_BYTES] for start in range(0, len(fresh), SECTOR_BYTES)]
    if random.random() < 0.5:  # in any order
        sectors = [each if random.random() < 0.7 else bytes(len(each)) for each in sectors]
    return kept + b"".join(sectors)


class Cursor(sqlite.Cursor):  # type: ignore[misc]
    """Takes a step for each statement."""

    def execute(self, *arguments: Any) -> Any:
        return self.connection.take(lambda: super(Cursor, self).execute(*arguments))

    def executemany(self, *arguments: Any) -> Any:
        return self.connection.take(lambda: super(Cursor, self).executemany(*arguments))


class Connection(sqlite.Connection):  # type: ignore[misc]
    """A connection that belongs to a life."""

    life: Life

    def take(self, act: Callable[[], Any]) -> Any:
        return self.life.disk.take(self.life, act, Step.STATEMENT)

    def cursor(self, factory: type[Cursor] = Cursor) -> Any:
        return super().cursor(factory)

    def commit(self) -> None:
        self.life.disk.take(self.life, super().commit, Step.COMMIT)

    def rollback(self) -> None:
        if not self.life.is_over:
            super().rollback()

    def close(self) -> None:
        if not self.life.is_over:
            super().close()

    def close_for_good(self) -> None:
        super().close()


def connect(*arguments: Any, **options: Any) -> Any:
    """In the place of the driver's ``connect``: what is opened in a life belongs to it."""
    life = LIFE.get()
    if life is None:
        return sqlite.connect(*arguments, **options)
    if life.is_over:
        raise Died
    connection = sqlite.connect(*arguments, factory=Connection, **options)
    connection.life = life
    life.disk.add(connection)
    return connection


@contextmanager
def virtual_disks() -> Iterator[None]:
    """Has the store open its databases through here."""
    with patch.object(engine, "sqlite", SimpleNamespace(**vars(sqlite) | {"connect": connect})):
        yield
