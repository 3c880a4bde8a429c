"""How far a node has seen its database, as a file of its home tells it: a store that is whole may be an earlier one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from gateway.store.reverify.report import Findings
from gateway.store.reverify.tree import Tree
from gateway.store.tables import node


@dataclass(frozen=True, slots=True)
class Seen:
    """What the file tells; read before the store is, which only grows.

    Attributes:
        version: number of commits
        logs: size and root of each log that this node signs, by origin
        fault: why the file cannot be read; empty: it was, or there is none
    """

    version: int = 0
    logs: Mapping[str, tuple[int, bytes]] = field(default_factory=dict)
    fault: str = ""


def unknown(fault: str) -> str:
    """Tells that nobody can say whether the database is an earlier one, and why."""
    return f"whether the database was put back: {fault}"


def check_commits(connection: Connection, seen: Seen, origins: Collection[str], findings: Findings) -> None:
    """The database has as many commits as this node has seen, and all of the logs (``origins``)."""
    if seen.fault:
        findings.unproven.append(unknown(seen.fault))
    version = connection.scalar(select(node.c.version)) or 0
    if version < seen.version:
        findings.lost.append(f"commits: the database is at {version}, and this node has seen it at {seen.version}")
    findings.lost += (f"the channel {origin}, which this node has seen" for origin in seen.logs.keys() - {*origins})


class SeenLog:
    """One log, which begins with what this node has seen of it.

    Args:
        origin: of the log
        seen: size and root; None: it was not seen, or may be another one by now
        findings: takes what is lost
    """

    def __init__(self, origin: str, seen: tuple[int, bytes] | None, findings: Findings) -> None:
        self._origin, self._findings = origin, findings
        self._size, self._root = seen or (0, b"")

    def at(self, tree: Tree) -> None:
        """Looks at the log as it is walked, after each leaf."""
        if tree.size == self._size and tree.root() != self._root:
            self._findings.lost.append(f"{self._origin} does not begin with the {self._size} leaves that this node saw")

    def finish(self, tree: Tree) -> None:
        """Looks at its end."""
        if tree.size < self._size:
            self._findings.lost.append(f"{self._origin} has {tree.size} leaves, and this node has seen {self._size}")
