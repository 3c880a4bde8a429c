"""A database on a server of PostgreSQL, which replicas of a node share, and all that can go wrong on the way to it.

The server is a real one, and does what it does. Its clock is the simulation's, and so is what becomes of connections.
Whatever a process gives to an executor begins only while nobody else is amid a commit: so whoever would wait for the
other's lock waits on the simulation's clock, and never on the server.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from unittest.mock import patch

import psycopg

from gateway import replicas
from gateway.store.engines import patience, postgresql
from tests.simulation.nodes.disk import Disk, Fault, Step, lay_tables
from tests.simulation.nodes.loop import LIFE, Life, VirtualLoop
from tests.store.kept import is_put_back, make_kept
from tests.support.postgresql import administrator
from tests.support.postgresql import server as started

IDLE_SECONDS = postgresql.TIMEOUTS["idle_in_transaction_session_timeout"] / 1000
LONGEST_NEWS_SECONDS, LOST_NEWS = 0.5, 0.2  # how long it takes until others are told of a commit, and how likely never
CHANNELS = ("gateway_commits", "gateway_leases")


class Server:
    """One database.

    Args:
        url: of it
        loop: whose time its clock shows
        epoch: microseconds since 1970 as the loop's time begins

    Attributes:
        url: of it, wherever its node was moved; ``urls``: of all that the node had, or was to have
        disks: of the replicas
    """

    def __init__(self, url: str, loop: VirtualLoop, random: Random, epoch: int) -> None:
        self.url, self.loop, self._random, self._epoch = url, loop, random, epoch
        self.urls, self.disks = [url], list[ServerDisk]()
        self.offset_seconds = 0.0  # of its clock
        self.connections: list[ServerConnection] = []
        self.listening: list[Listening] = []
        self._holder: tuple[Any, float] | None = None  # the executor whose work is amid a commit, and since when
        self._reader = psycopg.connect(url, autocommit=True)
        self._listener = psycopg.connect(url, autocommit=True)
        for name in CHANNELS:
            self._listener.execute(f"LISTEN {name}")

    def clock(self) -> str:
        """What it says instead of ``clock_timestamp()``."""
        micros = self._epoch + round((self.loop.time() + self.offset_seconds) * 1_000_000)
        at = datetime.fromtimestamp(micros // 1_000_000, UTC)
        return f"timestamptz '{at:%Y-%m-%d %H:%M:%S}.{micros % 1_000_000:06}+00'"

    def read(self, query: str, values: tuple[Any, ...]) -> list[Any]:
        """Reads what is durable now."""
        return self._reader.execute(query.replace("?", "%s"), values).fetchall()

    def is_free(self, executor: Any) -> bool:
        """Whether work of an executor may begin; who is amid a commit for too long is cut off."""
        if self._holder and self.loop.time() - self._holder[1] > IDLE_SECONDS:
            for each in self._open():
                each.close_for_good()
            self._holder = None
        return self._holder is None or self._holder[0] is executor or not self._open()

    def left(self, executor: Any) -> None:
        """Work of an executor has ended."""
        if not self._open():
            self._holder = None
        elif self._holder is None or self._holder[0] is not executor:
            self._holder = executor, self.loop.time()

    def _open(self) -> "list[ServerConnection]":
        self.connections = [each for each in self.connections if not each.closed]
        idle = psycopg.pq.TransactionStatus.IDLE
        return [each for each in self.connections if each.has_written and each.info.transaction_status != idle]

    def tell(self) -> None:
        """Something was committed that others are to be told of; some hear of it, in their own time."""
        for told in self._listener.notifies(timeout=5, stop_after=1):
            for each in self.listening:
                if self._random.random() >= LOST_NEWS:
                    self.loop.call_later(self._random.uniform(0, LONGEST_NEWS_SECONDS), each.hear, told)

    def begin_move(self) -> str:
        """Makes another database, without rows; gives its URL."""
        self.urls.append(Servers.current[-1].url(f"simulation_moved_{len(self.urls)}", lay_tables))
        return self.urls[-1]

    def moved(self) -> None:
        """The configurations of all replicas name that database from now on."""
        self.url = self.urls[-1]
        self._reader.close()
        self._reader = psycopg.connect(self.url, autocommit=True)
        for disk in self.disks:
            disk.url, disk.moving_to = self.url, ""

    def close(self) -> None:
        for each in (*self.connections, self._reader, self._listener):
            each.close()


class ServerDisk(Disk):
    """What a replica keeps: its home, and its connections to the server."""

    def __init__(self, folder: Path, random: Random, told: Callable[..., None], server: Server) -> None:
        super().__init__(folder, random, told)
        self.server, self.url = server, server.url
        server.disks.append(self)
        self.away_until = 0.0  # when it reaches the server again

    def failed(self, fault: Fault, step: Step) -> Exception:
        if step is Step.SEND:
            return super().failed(fault, step)
        return psycopg.OperationalError("server closed the connection unexpectedly")

    def take(self, life: Life, act: Callable[[], Any], step: Step) -> Any:
        if step in {Step.STATEMENT, Step.COMMIT}:
            life.require()
            self.require_server()
        return super().take(life, act, step)

    def require_server(self) -> None:
        """Raises as the driver does where nobody answers."""
        if self.server.loop.time() < self.away_until:
            self.injected += 1
            raise psycopg.OperationalError("connection refused")

    def mislead(self, seconds: float) -> None:
        """The server's clock is wrong, too."""
        self.server.offset_seconds = seconds

    def is_free(self, executor: Any) -> bool:
        return self.server.is_free(executor)

    def left(self, executor: Any) -> None:
        self.server.left(executor)

    def add(self, connection: Any) -> None:
        super().add(connection)
        self.server.connections.append(connection)

    def cut_off(self) -> None:
        """Ends a life; the server rolls back what it was amid."""
        for connection in self._connections:
            connection.close_for_good()
        self._connections.clear()
        self.steps = self.injected = 0
        self.disarm()

    def begin_move(self) -> str:
        self.moving_to = self.server.begin_move()
        return self.moving_to

    def moved(self) -> None:
        self.server.moved()

    def owned_wrongly(self) -> str:
        return self._but_one(self.server.urls)

    def read(self, query: str, *values: Any) -> list[Any]:
        return self.server.read(query, values)

    def close(self) -> None:
        """Nothing is kept open here."""


class ServerCursor(psycopg.Cursor[Any]):
    """Takes a step for each statement."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        connection: Any = self.connection
        return connection.take(query, lambda said: super(ServerCursor, self).execute(said, params, **options))

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> Any:
        connection: Any = self.connection
        return connection.take(query, lambda said: super(ServerCursor, self).executemany(said, params_seq, **options))


class ServerConnection(patience.PatientConnection):
    """A connection that belongs to a life; none, outside of any.

    Attributes:
        has_written: in the transaction under way
    """

    life: Life | None = None
    has_written = is_telling = False

    @classmethod
    def connect(cls, *arguments: Any, **options: Any) -> Any:
        life = LIFE.get()
        if life is None:
            return super().connect(*arguments, **options)
        life.require()
        life.disk.require_server()
        made = super().connect(*arguments, cursor_factory=ServerCursor, **options)
        made.life = life
        life.disk.add(made)
        return made

    def take(self, query: Any, act: Callable[[Any], Any]) -> Any:
        """Carries out a statement."""
        life = self.life
        assert life
        said = query.replace("clock_timestamp()", life.disk.server.clock()) if isinstance(query, str) else query
        try:
            found = life.disk.take(life, lambda: act(said), Step.STATEMENT)
        except psycopg.OperationalError:
            self.close_for_good()
            raise
        if isinstance(query, str) and not self.autocommit:
            self.has_written |= not query.startswith(("SELECT", "SET", "SHOW", "select")) or "FOR " in query
            self.is_telling |= "pg_notify" in query
        return found

    def commit(self) -> None:
        life = self.life
        if life is None:
            super().commit()
            return
        if not self.has_written:
            super().commit()
            return
        try:
            life.disk.take(life, self._commit_and_tell, Step.COMMIT)
        except psycopg.OperationalError:
            self.close_for_good()
            raise

    def _commit_and_tell(self) -> None:
        super().commit()
        self.has_written = False
        if self.is_telling:
            self.is_telling = False
            assert self.life
            self.life.disk.server.tell()

    def rollback(self) -> None:
        if self.life and self.life.is_over:
            return
        self.has_written = self.is_telling = False
        super().rollback()

    def close(self) -> None:
        if not (self.life and self.life.is_over):
            super().close()

    def close_for_good(self) -> None:
        super().close()


class Listening:
    """In the place of ``following.Listening``: hears what the server tells, without a thread of its own."""

    def __init__(self, database: Any, domain: str, on_told: Callable[[str, int], None]) -> None:
        life = LIFE.get()
        assert life
        self._life, self._domain, self._on_told = life, domain, on_told
        self._server: Server = life.disk.server
        self.name = "following"

    def start(self) -> None:
        self._server.listening.append(self)

    def stop(self) -> None:
        if self in self._server.listening:
            self._server.listening.remove(self)

    def look(self) -> None:
        """It never fails for long."""

    def hear(self, told: Any) -> None:
        if self._life.is_over:
            self.stop()
        elif self in self._server.listening:
            domain, _, number = told.payload.partition(" ")
            if domain == self._domain:
                self._on_told(told.channel, int(number))


@contextmanager
def serving(folder: str) -> Iterator[None]:
    """Has schedules find a server, if they ask for one."""
    Servers.current.append(made := Servers(folder))
    try:
        yield
    finally:
        Servers.current.remove(made)
        made.close()


@contextmanager
def virtual_servers() -> Iterator[None]:
    """Has the store reach its server through here."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(patience, "PatientConnection", ServerConnection))
        stack.enter_context(patch.object(replicas, "Listening", Listening))
        for name in postgresql.TIMEOUTS:  # the machine's time counts for nothing
            stack.enter_context(patch.dict(postgresql.TIMEOUTS, {name: 0}))
        yield


class Servers:
    """A server of PostgreSQL, if a schedule asks for one: it is started then, or the one of a test that is there.

    Args:
        folder: of the socket of one that runs; empty: none does
    """

    current: ClassVar[list["Servers"]] = []

    def __init__(self, folder: str = "") -> None:
        self._folder, self._stack = folder, ExitStack()

    def url(self, name: str, make: Callable[[str, Path], None]) -> str:
        """Gives the URL of a schema of that name as it is made: made once, and put back each time."""
        if not self._folder:
            shared = Path(self._stack.enter_context(TemporaryDirectory(prefix="simulation-")))
            self._folder = self._stack.enter_context(started(shared)).folder
        url = f"postgresql://postgres@/postgres?host={self._folder}&options=-csearch_path%3D{name}"
        if not is_put_back(self._folder, name):
            with administrator(self._folder) as connection:
                connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
                connection.execute(f"CREATE SCHEMA {name}")
            make_kept(name, url, self._folder, make)
        return url

    def close(self) -> None:
        self._stack.close()
