"""How far a node has seen its own database, kept beside it: so that one that was put back is found before it is used.

A file of the home tells it (``Home.high_water``), written at most once a second, and when the node stops. A running
replica finds out by what it has in memory (``store.commits``), ends, and is started anew: here.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gateway.errors import ConfigError, LostCommits, Malformed
from gateway.identity.certificates.keyfiles import PRIVATE_MODE, write_file
from gateway.identity.pairing.parties import Parties
from gateway.identity.seals.signers import Keyring
from gateway.logs import Log
from gateway.moments import MICROS
from gateway.store.clocks import Clock
from gateway.store.commits import Commit, read_commit
from gateway.store.database import Database
from gateway.store.engines.servers import is_recorded
from gateway.store.opening import TOKEN_KEY_BYTES, add_channels, channel_names
from gateway.store.recovery.awaiting import commit_alone
from gateway.store.recovery.high_water import HighWater, put_back, read_mark, what_is_lost
from gateway.store.state import read_channels, signed_seconds

LOST_COMMIT = "the last commit in the write-ahead log cannot be read, and may have been answered"
INTERVAL_SECONDS = 1.0  # from one time that the file is written to the next, at least
TRIES = 8  # that replicas which start together may need
TIME_INTERVAL_MICROS = 60 * MICROS  # after which it is written for the time alone

_log = Log(__name__)


def restored(path: Path) -> None:
    """Leaves the mark of a database that is made anew: of the one before, if there is one, the time alone counts.

    So the node knows that it is not new, and believes its clock once that goes on from there, or a peer's agrees.

    Raises:
        ConfigError: it cannot be written.
    """
    time = 0
    with suppress(OSError, Malformed):
        time = HighWater.parse(path.read_bytes()).time
    write_file(path, HighWater(time=time).encode(), mode=PRIVATE_MODE, replace=True)


class Continuity:
    """Compares a database with how far the node saw it, and keeps that up to date.

    Args:
        path: of the file
        database: open, with the home's lock
        clock: whose time is kept, too: after a long time without anybody who confirms it, it is not believed
        random: gives so many random bytes
    """

    def __init__(
        self, path: Path, database: Database, clock: Clock, random: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._path, self._database, self._clock, self._random = path, database, clock, random
        self._kept: HighWater | None = None

    def require(self, parties: Parties, keyring: Keyring, *, trusts_clock: bool = False) -> None:
        """Passes if the database goes on from there; else halts each channel of ours until its peer was heard.

        Before a committer is made; not on the loop's thread.

        Args:
            parties: who exchanges
            keyring: of the node
            trusts_clock: an operator has looked at the machine's clock

        Raises:
            ConfigError: the file cannot be read.
            StoreError, Unavailable: the database did not take it.
        """
        found = read_mark(self._path)
        mark = found or HighWater()
        known = mark.time or self._signed_time()
        if not trusts_clock and (known or found):  # a home without a mark, where nothing is signed, is new
            self._clock.go_on_from(known)
        for left in reversed(range(TRIES)):
            try:
                self._deal_with_loss(mark, parties, keyring)
                break
            except LostCommits:  # another replica did in the same moment: what it left is looked at
                if not left:
                    raise
        with self._database.readers.connect() as connection:
            self.keep(read_commit(connection))

    def is_put_back(self) -> bool:
        """Whether the database does not go on from there, as a start would find; raises ``ConfigError``."""
        with self._database.readers.connect() as connection:
            return bool(what_is_lost(connection, read_mark(self._path) or HighWater())) or self._database.lost_commit

    def _signed_time(self) -> int:
        """Of what this node signed last; 0: nothing. It stands in for a time that a restore did not find."""
        with self._database.readers.connect() as connection:
            return signed_seconds(read_channels(connection)) * MICROS

    def _deal_with_loss(self, mark: HighWater, parties: Parties, keyring: Keyring) -> None:
        with self._database.readers.connect() as connection:
            lost, is_known = what_is_lost(connection, mark), is_recorded(connection)
        damaged = LOST_COMMIT if self._database.lost_commit else ""
        if lost := lost or damaged:
            _log.critical("store_put_back", found=lost)
            add_channels(self._database, channel_names(parties, lost=True))
        if lost or not is_known:
            unit = put_back(mark, damaged, self._random(TOKEN_KEY_BYTES))
            commit_alone(self._database, keyring, [unit], "", clock=self._clock.now, random=self._random)

    async def run(self, latest: Callable[[], Commit]) -> None:
        """Keeps how far the database was seen, until it is cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            await asyncio.to_thread(self.keep, latest())

    def keep(self, commit: Commit) -> None:
        """Writes the file, if that is news and there is room: an older one tells less, and nothing wrong."""
        self._clock.now()
        mark, kept = HighWater.of(commit, self._clock.believed), self._kept
        if kept and replace(kept, time=mark.time) == mark and mark.time < kept.time + TIME_INTERVAL_MICROS:
            return
        try:
            write_file(self._path, mark.encode(), mode=PRIVATE_MODE, replace=True)
        except ConfigError as error:  # the disk has its own alarm
            _log.warning("high_water_not_kept", error=error.message)
        else:
            self._kept = mark
