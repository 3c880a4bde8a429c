"""Which replica of a node moves which channel: leases, which last for seconds by the clock of PostgreSQL's server.

A lease is a row of ``leases``, and its ``epoch`` grows with each new holder. What a holder writes for a channel is
written only if the row still names it and its epoch, in the same transaction (``require``): so one that was paused, and
wakes when another has taken its place, writes nothing. That the row's time is over is no reason to refuse: as long as
nobody took it, nobody else moves the channel.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    RowMapping,
    String,
    bindparam,
    cast,
    delete,
    func,
    inspect,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from gateway.errors import StoreError, Unavailable
from gateway.moments import MICROS
from gateway.store.tables import leases, node, replicas

LEASE_SECONDS = 3.0  # that it lasts if nobody renews it
LONGEST_SECONDS = 2 * LEASE_SECONDS  # that one can last: a later end was written before the clock was set back
FORGOTTEN_SECONDS = 3600.0  # after which a replica that was not seen is not told of any more
MAX_ERROR_CHARACTERS = 500
LEASES = "gateway_leases"
"""The channel of NOTIFY on which replicas tell each other that a lease was taken or given back: domain and channel."""


SERVER_CLOCK = cast(func.extract("epoch", func.clock_timestamp()) * MICROS, BigInteger)
"""Microseconds since 1970 by the clock of PostgreSQL's server."""


@dataclass(frozen=True, slots=True)
class Lease:
    """That a replica, by its id, moves a channel, by its id: as long as the row says the same."""

    channel: int
    holder: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Holding:
    """A lease as it is stored. Times are microseconds by the server's clock; an empty holder has given it back."""

    lease: Lease
    expires_at: int
    connected: bool = False
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Replica:
    """A process of the node. Times are microseconds by the server's clock.

    Attributes:
        id: of this start of it
        name: for people
        outgoing: number of channels that it can dial
        started_at: when it began
        seen_at: when it last said that it runs
    """

    id: str
    name: str
    outgoing: int
    started_at: int = 0
    seen_at: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of all replicas. ``now``: by the server's clock; ``version``: of the node's newest commit."""

    now: int = 0
    version: int = 0
    replicas: Mapping[str, Replica] = field(default_factory=dict)
    holdings: Mapping[int, Holding] = field(default_factory=dict)

    def runs(self, replica: Replica) -> bool:
        """Tells whether a replica said in time that it runs; what it said by a clock since set back is of no use."""
        return abs(self.now - replica.seen_at) < LEASE_SECONDS * MICROS

    def running(self) -> list[Replica]:
        """Gives those that run, by name."""
        return sorted(filter(self.runs, self.replicas.values()), key=lambda each: (each.name, each.id))

    def missing(self) -> list[Replica]:
        """Gives those that did lately, do not now, and were not started again since, by name."""
        names = {each.name for each in self.running()}
        gone = (each for each in self.replicas.values() if each.name not in names)
        return sorted(gone, key=lambda each: (each.name, each.id))

    def holder(self, channel: int) -> Replica | None:
        """Gives who moves a channel now; None: nobody does."""
        holding = self.holding(channel)
        return self.replicas.get(holding.lease.holder) if holding else None

    def holding(self, channel: int) -> Holding | None:
        """Gives the lease of a channel, if its time is not over."""
        found = self.holdings.get(channel)
        lasts = found and self.now < found.expires_at <= self.now + LONGEST_SECONDS * MICROS
        return found if lasts else None


def read_picture(connection: Connection) -> Picture:
    """Reads what is known of all replicas."""
    now = connection.execute(_NOW).scalar_one()
    version = connection.scalar(select(node.c.version)) or 0
    running = {row["id"]: Replica(**row) for row in connection.execute(select(replicas)).mappings()}
    holdings = {row["channel"]: _holding(row) for row in connection.execute(select(leases)).mappings()}
    return Picture(now, version, running, holdings)


def require_stopped(connection: Connection) -> None:
    """Passes unless a replica of the node runs on a database; SQLite's is held by the lock of its home.

    Raises:
        StoreError: names those that do.
    """
    if connection.dialect.name == "sqlite" or not inspect(connection).has_table(replicas.name):
        return
    if names := ", ".join(each.name for each in read_picture(connection).running()):
        raise StoreError(f"replicas of the node run, or did three seconds ago: {names}; stop all of them")


def beat(connection: Connection, me: Replica, held: Iterable[Holding]) -> Picture:
    """Says that a replica runs, and renews what it holds; gives what is true then.

    It need not survive a power cut, so it waits for no disk.
    """
    connection.execute(_NO_WAIT)
    connection.execute(_BEAT, {"id": me.id, "name": me.name, "outgoing": me.outgoing})
    connection.execute(_FORGET)
    renewed = [{**_named(each.lease), "is_connected": each.connected, "error": _kept(each.last_error)} for each in held]
    if renewed:
        connection.execute(_RENEW, renewed)
    return read_picture(connection)


def _kept(words: str) -> str:
    """The words of a peer, perhaps, as far as they are kept; PostgreSQL takes no NUL in a text."""
    return words[:MAX_ERROR_CHARACTERS].replace("\0", "\ufffd")


def take(connection: Connection, channel: int, holder: str, *, by_force: bool = False) -> Lease | None:
    """Takes a lease that nobody has now; ``by_force``: whoever has it. None: somebody has it."""
    epoch = connection.execute(_TAKE, {"channel": channel, "holder": holder, "by_force": by_force}).scalar()
    if epoch is None:
        return None
    _tell(connection, channel)
    return Lease(channel, holder, epoch)


def give_back(connection: Connection, lease: Lease) -> None:
    """Ends a lease, if it is still what it was."""
    if connection.execute(_GIVE_BACK, _named(lease)).rowcount:
        _tell(connection, lease.channel)


def leave(connection: Connection, me: Replica) -> None:
    """Takes a replica off the list: it stops."""
    connection.execute(_LEAVE, {"id": me.id})


def require(connection: Connection, lease: Lease) -> None:
    """Passes if a lease is still what it was, and keeps it so until the transaction ends.

    Raises:
        Unavailable: another replica moves the channel now.
    """
    if connection.execute(_REQUIRE, _named(lease)).first() is None:
        raise Unavailable("another replica of this node moves the channel now")


def _named(lease: Lease) -> dict[str, str | int]:
    return {"of_channel": lease.channel, "of_holder": lease.holder, "of_epoch": lease.epoch}


def _holding(row: RowMapping) -> Holding:
    lease = Lease(row["channel"], row["holder"], row["epoch"])
    return Holding(lease, row["expires_at"], row["connected"], row["last_error"])


def _tell(connection: Connection, channel: int) -> None:
    connection.execute(_TELL, {"channel": channel})


_UNTIL = SERVER_CLOCK + int(LEASE_SECONDS * MICROS)
_NOW = select(SERVER_CLOCK)
_NO_WAIT = text("SET LOCAL synchronous_commit = off")

_BEAT = (
    insert(replicas)
    .values(
        id=bindparam("id"),
        name=bindparam("name"),
        outgoing=bindparam("outgoing"),
        started_at=SERVER_CLOCK,
        seen_at=SERVER_CLOCK,
    )
    .on_conflict_do_update(index_elements=[replicas.c.id], set_={"seen_at": SERVER_CLOCK})
)
_FORGET = delete(replicas).where(replicas.c.seen_at < SERVER_CLOCK - int(FORGOTTEN_SECONDS * MICROS))
_LEAVE = delete(replicas).where(replicas.c.id == bindparam("id"))

_THIS = (
    leases.c.channel == bindparam("of_channel"),
    leases.c.holder == bindparam("of_holder"),
    leases.c.epoch == bindparam("of_epoch"),
)
_RENEW = (
    update(leases)
    .where(*_THIS)
    .values(expires_at=_UNTIL, connected=bindparam("is_connected"), last_error=bindparam("error"))
)
_GIVE_BACK = update(leases).where(*_THIS).values(holder="", expires_at=SERVER_CLOCK, connected=False)
_REQUIRE = select(leases.c.epoch).where(*_THIS).with_for_update(read=True)
_ANEW = {
    "holder": bindparam("holder"),
    "expires_at": _UNTIL,
    "connected": literal(False),
    "last_error": literal(""),
}
_TAKE = (
    insert(leases)
    .values(channel=bindparam("channel"), epoch=1, **_ANEW)
    .on_conflict_do_update(
        index_elements=[leases.c.channel],
        set_={"epoch": leases.c.epoch + 1, **_ANEW},
        where=or_(
            bindparam("by_force", type_=Boolean),
            leases.c.expires_at <= SERVER_CLOCK,
            leases.c.expires_at > SERVER_CLOCK + int(LONGEST_SECONDS * MICROS),
        ),
    )
    .returning(leases.c.epoch)
)
_TELL = select(
    func.pg_notify(LEASES, node.c.domain + " " + cast(bindparam("channel", type_=BigInteger), String))
).select_from(node)
