"""Stores for tests: made, opened, written to through their committer, and connected by carriers without a socket."""

import itertools
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.framework_pb2 import AssessmentContent, FrameworkVersionContent
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.values_pb2 import LocalizedText
from sqlalchemy import Connection, Table, delete, event, insert, select

from gateway.commands.days import tell_days
from gateway.commands.retention import Retention
from gateway.errors import GatewayError, Untrusted
from gateway.identity.pairing.parties import Parties, Party
from gateway.identity.seals.signers import Keyring
from gateway.ledger.checkpoint import Receipt, countersign
from gateway.ledger.origins import origin_of
from gateway.ledger.seals import CertifiedSeal
from gateway.questions.filters import Filters
from gateway.store.commits import Commit
from gateway.store.committer import Committer
from gateway.store.database import Database, snapshot
from gateway.store.migrating import MIGRATIONS
from gateway.store.opening import add_channels, channel_names, create
from gateway.store.readers import Readers
from gateway.store.recovery.rebuild import Rebuilt, rebuild
from gateway.store.reverify import Report, Seen, verify_store
from gateway.store.state import ChannelState
from gateway.store.tables import metadata
from gateway.store.transaction import Sealed, Transaction
from gateway.store.writer_session import WriterSession
from gateway.supervision.envelopes import envelopes
from gateway.supervision.envelopes import frameworks as framework_envelopes
from tests.ledger.samples import HK_SEAL, KR_SEAL, FixedSeal
from tests.supervision import sharing_samples as sharing
from tests.supervision.samples import content as sample_content
from tests.support.seals import certified

T = TypeVar("T")

DOMAINS = {"HK": "gateway.hk.example", "KR": "gateway.kr.example", "SG": "gateway.sg.example"}
AUTHORITIES = {"HK": ("HKMA", "SFC", "FSTB"), "KR": ("FSC", "FSS", "BOK", "KoFIU"), "SG": ("MAS",)}
SEALS = {"HK": HK_SEAL, "KR": KR_SEAL, "SG": FixedSeal("sg")}
CERTIFIED = {each: certified(seal, DOMAINS[each]) for each, seal in SEALS.items()}
NEXT = {"HK": FixedSeal("hk next"), "KR": FixedSeal("kr next")}
NEXT_CERTIFIED = {each: certified(seal, DOMAINS[each]) for each, seal in NEXT.items()}
HK_TO_KR, KR_TO_HK = origin_of(DOMAINS["HK"], DOMAINS["KR"]), origin_of(DOMAINS["KR"], DOMAINS["HK"])
RANDOM = random.Random(1)  # never twice the same salt
NOTHING_SEEN = Seen()
NOW = 1_767_225_600_000_000  # microseconds: 2026-01-01


def parties_of(jurisdiction: str) -> Parties:
    other = "KR" if jurisdiction == "HK" else "HK"
    return Parties(_party(jurisdiction), {other: _party(other)})


def _party(jurisdiction: str) -> Party:
    named = frozenset(AUTHORITIES[jurisdiction])
    return Party(jurisdiction, DOMAINS[jurisdiction], jurisdiction, (), CERTIFIED[jurisdiction], "", authorities=named)


AS_MADE: set[str] = set()  # databases that are as ``make`` leaves them, and of which nobody has made a store yet


def make(jurisdiction: str, url: str, home: Path) -> None:
    """Makes a database, with the channels of the pair."""
    database = Database(url, home)
    create(database, jurisdiction, DOMAINS[jurisdiction], bytes(32))
    add_channels(database, channel_names(parties_of(jurisdiction)))
    database.close()


@cache
def _new_file(jurisdiction: str) -> bytes:
    """A SQLite database, made once a run: the migrations take longer than most tests."""
    with tempfile.TemporaryDirectory() as home:
        make(jurisdiction, "sqlite:///node.db", Path(home))
        return (Path(home) / "node.db").read_bytes()


@dataclass
class Opened:
    """A store that is open, and what its committer told.

    ``damaged``: a test has made it what no writer would; it is not verified at the end. ``revoked``: since when the
    seals of a peer are, by its domain, in seconds since 1970.
    """

    jurisdiction: str
    url: str
    home: Path
    keyring: Keyring
    commits: list[Commit] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    damaged: bool = False
    revoked: dict[str, int] = field(default_factory=dict)
    earlier_seals: tuple[CertifiedSeal, ...] = ()
    more_peers: list[str] = field(default_factory=list)
    dials: Iterator[int] = field(default_factory=itertools.count)
    clock: Iterator[int] = field(default_factory=lambda: itertools.count(NOW, 250_000))
    database: Database = field(init=False)
    readers: Readers = field(init=False)
    committer: Committer = field(init=False)

    @classmethod
    def create(cls, jurisdiction: str, url: str, home: Path) -> "Opened":
        """Makes the database, with the channels of the pair, and opens it; call it on the loop."""
        home.mkdir()
        if url.startswith("sqlite"):
            (home / "node.db").write_bytes(_new_file(jurisdiction))
        elif url in AS_MADE:
            AS_MADE.remove(url)
        else:
            make(jurisdiction, url, home)
        return cls.open(jurisdiction, url, home)

    @classmethod
    def open(cls, jurisdiction: str, url: str, home: Path) -> "Opened":
        opened = cls(jurisdiction, url, home, keyring(jurisdiction))
        opened.start()
        return opened

    def start(self) -> None:
        """Opens the database as a new process would."""
        self.database = Database(self.url, self.home)
        self.readers = Readers(self.database)
        self.write_on()

    async def close(self) -> None:
        await self.committer.stop()
        self.readers.close()
        self.database.close()

    async def restart(self) -> None:
        await self.close()
        self.start()

    def write_on(self) -> None:
        """Has a new writer on this database, after the one before was stopped."""
        self.committer = self.new_committer()
        self.committer.start()

    def new_committer(self) -> Committer:
        """A writer on this database; one more than there should be, if it is not the first."""
        session = WriterSession(self.database, self.keyring, lambda: next(self.clock), RANDOM.randbytes)
        return Committer(session, on_commit=self.commits.append, on_fatal=self.failures.append)

    def require_unrevoked(self, domain: str, at: int) -> None:
        if self.revoked.get(domain, at + 1) <= at:
            raise Untrusted("revoked")

    # --- what stands in it ------------------------------------------------------------------------------------------

    @property
    def parties(self) -> Parties:
        found = parties_of(self.jurisdiction)
        own = replace(found.own, earlier_seals=self.earlier_seals)
        return Parties(own, {**found.peers, **{each: _party(each) for each in self.more_peers}})

    @property
    def filters(self) -> Filters:
        return Filters(self.parties, self.readers)

    async def pair_with(self, jurisdiction: str) -> None:
        """One more peer, which the node knows from its next start on."""
        self.more_peers.append(jurisdiction)
        await self.committer.stop()
        add_channels(self.database, channel_names(self.parties))
        self.write_on()

    @property
    def outgoing(self) -> str:
        return HK_TO_KR if self.jurisdiction == "HK" else KR_TO_HK

    def state(self, origin: str = "") -> ChannelState:
        return self.committer.latest().states[origin or self.outgoing]

    async def read(self, read: Callable[..., T], *arguments: Any) -> T:
        return await self.readers.run(read, *arguments)

    async def rows(self, table: Table) -> list[dict[str, Any]]:
        def read(connection: Connection) -> list[dict[str, Any]]:
            statement = select(table).order_by(*table.primary_key)
            return [dict(row) for row in connection.execute(statement).mappings()]

        return await self.readers.run(read)

    def execute(self, *statements: str) -> None:
        """Edits the database behind the writer's back."""
        self.damaged = True
        with self.database.writer() as connection, connection.begin():
            for statement in statements:
                connection.exec_driver_sql(statement)

    def verify(self, seen: Seen = NOTHING_SEEN) -> Report:
        with snapshot(self.url, self.home) as connection:
            return verify_store(connection, self.parties, seen)

    # --- backups and repairs ------------------------------------------------------------------------------------

    def backup(self) -> dict[Table, list[dict[str, Any]]]:
        """Every row, as it stands now."""
        with snapshot(self.url, self.home) as connection:
            return {
                table: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
                for table in metadata.sorted_tables
            }

    async def restore(self, backup: dict[Table, list[dict[str, Any]]]) -> None:
        """Puts an earlier state back, as an operator does, while the node is stopped."""
        await self.committer.stop()
        with self.database.writer() as connection, connection.begin():
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))
            for table, rows in backup.items():
                if rows:
                    connection.execute(insert(table), rows)
        self.write_on()

    async def rebuilt(self) -> Rebuilt:
        """Rebuilds the notices while the node is stopped."""
        await self.committer.stop()
        done = rebuild(self.database, NOW)
        self.write_on()
        return done

    # --- acts -------------------------------------------------------------------------------------------------------

    async def release(self, *ids: str, request_id: str = "", **changes: Any) -> list[Sealed]:
        """Gives notices, all in one unit."""
        return await self.committer.submit(
            lambda tx: [self.seal_notice(tx, each, **changes) for each in ids], weight=len(ids)
        )

    def seal_notice(self, tx: Transaction, notice_id: str, **changes: Any) -> Sealed:
        made: NoticeContent = sample_content(**changes)
        return tx.seal(self.outgoing, AUTHOR, lambda seal: envelopes.released(seal, notice_id, made))

    async def publish(self, framework_id: str, number: int, content: FrameworkVersionContent) -> Sealed:
        """Publishes a version of a framework, made from the one before."""
        return await self.committer.submit(
            lambda tx: tx.seal(
                self.outgoing,
                AUTHOR,
                lambda seal: framework_envelopes.published(seal, framework_id, number, number - 1, content),
            )
        )

    async def assess(self, assessment_id: str, content: AssessmentContent) -> Sealed:
        return await self.committer.submit(
            lambda tx: tx.seal(
                self.outgoing,
                AUTHOR,
                lambda seal: framework_envelopes.assessed(seal, assessment_id, content),
            )
        )

    async def tell_days(self, day: date) -> None:
        """Tells what comes into force, as the node does on that day."""
        micros = int(datetime.combine(day, datetime.min.time(), UTC).timestamp()) * 1_000_000
        await tell_days(self.committer, self.readers, lambda: micros)

    async def destroy(self, day: date) -> None:
        """Destroys what may not be kept any more on that day, as the node does."""
        micros = int(datetime.combine(day, datetime.min.time(), UTC).timestamp()) * 1_000_000
        await Retention(self.parties, self.committer, self.readers, lambda: micros).destroy_past()

    async def acknowledge(self, notice_id: str) -> Sealed:
        return await self.committer.submit(
            lambda tx: tx.seal(
                self.outgoing, RECIPIENT, lambda seal: envelopes.acknowledged(seal, notice_id, (), "F-1")
            )
        )

    async def withdraw(self, notice_id: str) -> Sealed:
        why = [LocalizedText(language_tag="en", text="It was wrong.")]
        return await self.committer.submit(
            lambda tx: tx.seal(self.outgoing, AUTHOR, lambda seal: envelopes.withdrawn(seal, notice_id, why))
        )

    async def ask_consent(self, notice_id: str, consent_id: str = "c0000001", **changes: Any) -> Sealed:
        made = sharing.asking(notice_id, consent_id, **changes)
        return await self.committer.submit(lambda tx: tx.seal(self.outgoing, RECIPIENT, made))

    async def decide(self, notice_id: str, consent_id: str = "c0000001", number: int = 1, **terms: Any) -> Sealed:
        made = sharing.deciding(notice_id, consent_id, number, **terms)
        return await self.committer.submit(lambda tx: tx.seal(self.outgoing, AUTHOR, made))

    async def share(self, notice_id: str, share_id: str = "s0000001", **changes: Any) -> Sealed:
        made = sharing.sharing(notice_id, share_id, **changes)
        return await self.committer.submit(lambda tx: tx.seal(self.outgoing, RECIPIENT, made))

    async def keep_receipt(self, time: int = NOW // 1_000_000) -> Receipt:
        """Keeps the peer's receipt for all that is sealed, made here with the peer's keys."""
        head = self.state().head
        assert head is not None
        peer = "KR" if self.jurisdiction == "HK" else "HK"
        receipt = countersign(head, DOMAINS[peer], SEALS[peer], time)
        await self.committer.submit(lambda tx: tx.keep_receipt(self.outgoing, receipt))
        return receipt


CLIENT = "spiffe://gateway.example/SFC/office"
AUTHOR = Author(authority="SFC", client=CLIENT)
RECIPIENT = Author(authority="FSC", client="spiffe://gateway.kr.example/FSC/office")


@contextmanager
def each_statement(connection: Connection, look: Callable[[str], None]) -> Iterator[None]:
    """Shows each statement of the block on a connection of the writer."""
    if connection.dialect.name == "sqlite":  # which sees those that SQLAlchemy does not
        driver: Any = connection.connection.driver_connection
        driver.set_trace_callback(look)
        yield
        driver.set_trace_callback(None)
        return

    def listen(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        look(statement)

    event.listen(connection.engine, "before_cursor_execute", listen)
    yield
    event.remove(connection.engine, "before_cursor_execute", listen)


def downgrade(database: Database, revision: str) -> None:
    """Brings the tables back to an earlier version's form."""
    with database.writer() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        connection.commit()


def check_verified(store: Opened) -> None:
    """Convention of this suite: after each test the whole store verifies."""
    if not store.damaged:
        findings = store.verify().findings
        assert not findings, "\n".join(map(str, findings))


def keyring(jurisdiction: str) -> Keyring:
    """A node's seal, and the one that it will rotate to."""
    return Keyring(
        [
            (CERTIFIED[jurisdiction], SEALS[jurisdiction]),
            (NEXT_CERTIFIED[jurisdiction], NEXT[jurisdiction]),
        ]
    )


async def refused(work: Any) -> GatewayError:
    try:
        await work
    except GatewayError as error:
        return error
    raise AssertionError("it was not refused")
