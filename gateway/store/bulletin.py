"""Tells whoever waits on the loop that something was committed."""

from collections.abc import Awaitable, Callable

from gateway.news import News
from gateway.store.backlog import Backlog
from gateway.store.commits import Commit


async def _nothing_to_catch_up() -> None:
    """A node that is one process knows every commit."""


class Bulletin(News):
    """The newest commit, and a way to wait for the next one; on the loop's thread alone. ``backlog`` follows it.

    ``catch_up`` has what other replicas committed published before it returns: a caller may have come from one of them.
    It raises ``Unavailable`` if the database does not answer.
    """

    def __init__(
        self, commit: Commit, backlog: Backlog, catch_up: Callable[[], Awaitable[None]] = _nothing_to_catch_up
    ) -> None:
        super().__init__()
        self.commit, self.backlog, self.catch_up = commit, backlog, catch_up
        self.closed = False

    def publish(self, commit: Commit) -> None:
        """Makes a commit known, and wakes all who wait."""
        self.commit = commit
        self.backlog.follow(commit.states)
        self.wake()

    def close(self) -> None:
        """Wakes all who wait, for the last time: the node stops."""
        self.closed = True
        self.wake()
