"""The one writer's session with its database: what a commit is made of, over one connection.

All of it blocks. Whether it may block the loop, and what becomes of callers where it fails, is the committer's matter.
"""

from collections.abc import Callable, Sequence

from gateway.identity.seals.signers import Keyring
from gateway.ledger.checkpoint import Signer
from gateway.store.clocks import NO_WITNESSES, Witnesses, next_time
from gateway.store.commits import Commit, end_turn, take_turn
from gateway.store.database import Database
from gateway.store.journal.log import JournalState, write_journal
from gateway.store.rejoining import load, rejoin
from gateway.store.signing import Signing
from gateway.store.state import ChannelState, signed_seconds
from gateway.store.transaction import Transaction
from gateway.store.waiting import Waiting
from gateway.store.writing import Writing


class WriterSession:
    """Writes groups of units, one after another.

    Args:
        database: open and migrated
        keyring: this node's seals; a channel tells which of them is in force
        clock: microseconds since 1970
        random: gives so many random bytes
        witnesses: of the time; without any the clock is believed

    Attributes:
        database: as given; whether it is away, the committer finds out
        witnesses: as given
        latest: the state as of the last commit; set by whoever made it durable, or found a newer one
        signing: with this node's seals
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        clock: Callable[[], int],
        random: Callable[[int], bytes],
        witnesses: Witnesses = NO_WITNESSES,
    ) -> None:
        self.database, self.witnesses, self._clock, self._random = database, witnesses, clock, random
        self.signing = Signing(keyring, lambda: self.latest.states)
        self._connection = database.committing()
        self._now = 0
        self.latest = load(database)

    def write(self, group: Sequence[Waiting]) -> Commit:
        """Runs the units and all statements; what is missing is the commit.

        Raises:
            StoreError: another writer uses the database.
            GatewayError: of the seal.
            SQLAlchemyError: the database failed.
        """
        self._now = next_time(self._now, signed_seconds(self.latest.states), self._clock())
        if not self.database.is_local:
            self._take_turn()
        states, counters = self.latest.states, self.latest.counters
        transaction = Transaction(
            self._connection, states, self._now, self._random, self._require_sealing, self._cosigner
        )
        transaction.read_ahead([waiting.needs for waiting in group])
        for waiting in group:
            waiting.run(transaction, states)
        writing = Writing(transaction.group, states, counters, self.signing.begin, self._now)
        writing.execute(self._connection)
        journal, destroyed = self._write_journal(transaction), bool(transaction.group.destroyed)
        commit = Commit(writing.states, writing.counters, journal, writing.runs, destroyed)
        return commit if self.database.is_local else end_turn(self._connection, self.latest, commit)

    def commit(self) -> None:
        """Makes durable what was written; raises ``SQLAlchemyError``."""
        self.database.commit(self._connection)

    def scrub(self) -> bool:
        """Leaves what was destroyed in no place (``Database.scrub``)."""
        return self.database.scrub(self._connection)

    def reopen(self) -> None:
        """Connects anew, and reads what is stored.

        Raises:
            LostCommits, StoreError: it is not the database that was known.
            SQLAlchemyError: it does not answer, or takes no writes.
        """
        self._connection.close()
        self._connection = self.database.committing()
        if not self.database.is_local:
            rejoin(self._connection, self.latest, self._now)
        self.latest = load(self.database, self.latest)

    def close(self) -> None:
        """Ends it."""
        self.signing.close()
        self._connection.close()

    def _take_turn(self) -> None:
        turn = take_turn(self._connection, self.latest, self._now)
        self.latest, self._now = turn.before, turn.time
        self.witnesses.server(turn.server_time)

    def _write_journal(self, transaction: Transaction) -> JournalState:
        entries, sign, signer = transaction.entries, transaction.signs_journal, self.signing.of_journal
        return write_journal(self._connection, self.latest.journal, entries, signer, self._now, sign=sign)

    def _require_sealing(self, domain: str) -> None:
        self.witnesses.require(domain)
        self.signing.require_able(domain, self._now)

    def _cosigner(self, state: ChannelState, time: int) -> Signer:
        self.witnesses.require_known()
        return self.signing.of_receipts(state, time)
