"""Whether a database goes on from what its node knew to be durable; and what a node does with one that does not.

Such a database was put back: to a snapshot, to a point in time, by a standby that lagged and was promoted, by a copy of
its files. To seal on from there would be to sign a second history. So each channel of ours is halted as a restored
node's are (``awaiting``), and opens once its peer has told, and handed back, what is missing here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.journal_pb2 import JournalEntry
from sqlalchemy import Connection, func, select, update

from gateway.errors import ConfigError, Malformed
from gateway.journal.entries import Entry, Requester
from gateway.ledger import tiles
from gateway.store.commits import Commit
from gateway.store.engines import servers
from gateway.store.logs import reader
from gateway.store.recovery.awaiting import StateUnit, halt_outgoing
from gateway.store.state import ChannelState
from gateway.store.tables import channels, node
from gateway.store.transaction import Transaction

ACT = "gateway serve"


@dataclass(frozen=True, slots=True)
class HighWater:
    """How far a node has seen its database: the number of commits, and of each log that it signs size and root.

    ``time``: when its clock was last believed (``clocks``), in microseconds since 1970; 0: that is not known.
    """

    version: int = 0
    time: int = 0
    logs: Mapping[str, tuple[int, bytes]] = field(default_factory=dict)

    @classmethod
    def of(cls, commit: Commit, time: int = 0) -> "HighWater":
        """That of a commit."""
        logs = {origin: state.log for origin, state in commit.states.items() if state.ends.outgoing}
        logs[commit.journal.origin] = commit.journal.log
        return cls(commit.version, time, {origin: (log.size, log.root()) for origin, log in logs.items()})

    def encode(self) -> bytes:
        """As JSON."""
        logs = {origin: [size, root.hex()] for origin, (size, root) in self.logs.items()}
        return json.dumps({"version": self.version, "time": self.time, "logs": logs}, indent=0).encode()

    @classmethod
    def parse(cls, data: bytes) -> "HighWater":
        """Reads what ``encode`` gave.

        Raises:
            Malformed: it is something else.
        """
        try:
            read = json.loads(data)
            logs = {str(origin): (int(size), bytes.fromhex(root)) for origin, (size, root) in read["logs"].items()}
            return cls(int(read["version"]), int(read.get("time", 0)), logs)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
            raise Malformed("it is no high-water mark") from error


def read_mark(path: Path) -> HighWater | None:
    """Reads the file of a home; None: there is none, as in one that is new.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return HighWater.parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except Malformed as error:
        raise ConfigError(
            f"{path} is damaged: it tells whether the database was put back. Remove it if it was not"
        ) from error


def mark_or_fault(path: Path) -> tuple[HighWater, str]:
    """How far a home saw its database, and why that cannot be read; empty: it was, or there is none."""
    try:
        return read_mark(path) or HighWater(), ""
    except ConfigError as error:
        return HighWater(), error.message


def what_is_lost(connection: Connection, mark: HighWater) -> str:
    """Tells, for people, in what a database does not go on from where it was; empty: it does.

    Args:
        connection: in a transaction
        mark: how far the node saw it

    Raises:
        Corrupt: hashes of a log are missing.
    """
    if lost := lost_commits(connection, mark):
        return lost
    known, found = servers.recorded(connection), servers.server_of(connection)
    if servers.is_other(known, found):
        return f"the database was on the server {known}, and is on {found}, which may lack commits"
    return ""


def lost_commits(connection: Connection, mark: HighWater) -> str:
    """Tells, for people, what a database lacks for certain, on whichever server it is; empty: nothing.

    Raises:
        Corrupt: hashes of a log are missing.
    """
    version = connection.scalar(select(node.c.version)) or 0
    if version < mark.version:
        return f"the database has lost commits: it is at {version}, and was at {mark.version}"
    for origin, (size, root) in mark.logs.items():
        if not _holds(connection, origin, size, root):
            return f"the database has lost commits: {origin} does not hold the {size} leaves that it had"
    return ""


def put_back(mark: HighWater, damaged: str, token_key: bytes) -> StateUnit:
    """Gives the unit of work that deals with what is lost, if something is; and keeps on which server that was found.

    All replicas start anew once they meet the other token key, and cursors of before, which may go beyond what is here,
    are refused.

    Args:
        mark: how far the node saw the database
        damaged: what may be lost without leaving a trace in the database, for people; empty: nothing
        token_key: 32 random bytes
    """

    def unit(tx: Transaction, states: Mapping[str, ChannelState]) -> None:
        connection = tx.connection
        if lost := what_is_lost(connection, mark) or damaged:
            tx.tell_node(Event.ALARM, lost)
            halt_outgoing(tx, states, lost)
            tx.journal(Entry(Requester(), ACT, JournalEntry.COMMITTED))
            at_least = func.greatest if connection.dialect.name == "postgresql" else func.max
            connection.execute(
                update(node).values(token_key=token_key, version=at_least(node.c.version, mark.version + 1))
            )
        servers.record(connection, servers.server_of(connection))

    return unit


def _holds(connection: Connection, origin: str, size: int, root: bytes) -> bool:
    """Whether a log begins with what was seen of it; one that is halted seals nothing, and may have given that up."""
    row = connection.execute(
        select(channels.c.id, channels.c.size, channels.c.halt_reason).where(channels.c.origin == origin)
    ).first()
    if row is None:
        return False
    return bool(row.halt_reason) or (row.size >= size and tiles.root_of(reader(connection, row.id), size) == root)
