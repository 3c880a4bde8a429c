"""Tells whoever waits on the loop that something was committed."""

import asyncio

from gateway.store.backlog import Backlog
from gateway.store.commits import Commit


class Bulletin:
    """The newest commit, and a way to wait for the next one; on the loop's thread alone. ``backlog`` follows it."""

    def __init__(self, commit: Commit, backlog: Backlog) -> None:
        self.commit, self.backlog = commit, backlog
        self.closed = False
        self._next = asyncio.Event()

    def publish(self, commit: Commit) -> None:
        """Makes a commit known, and wakes all who wait."""
        self.commit = commit
        self.backlog.follow(commit.states)
        self._wake()

    def next(self) -> asyncio.Event:
        """Gives what is set by the next commit: take it before you look, then nothing is missed."""
        return self._next

    def close(self) -> None:
        """Wakes all who wait, for the last time: the node stops."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        woken, self._next = self._next, asyncio.Event()
        woken.set()
