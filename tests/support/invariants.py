"""What must hold of a pair whatever was done to it (docs/reliability.md), read past the product's own code.

G1 nothing answered or receipted is lost; G2 a log only grows, and a size has one root; G3 what is receipted is stored;
G4 each envelope is told once, in order; G5 nothing is shown that the proofs do not support; G6 both come to rest alike.
"""

import base64
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import pysqlite3.dbapi2 as sqlite
from regulator.exchange import ExchangeError
from regulator.exchange.v1.admin_service_pb2 import Channel
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from tests.cli.transcripts import run
from tests.ledger.oracle import mth
from tests.support.nodes import Site, eventually

RECEIVED, DELIVERED = 3, 2  # kinds of events, as the contract numbers them
REST_SECONDS = 90  # for both to come to rest, whatever else the machine does

Root = tuple[str, int, str]
"""Of a signed head: origin, size, root in base64."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What one node's database holds."""

    logs: Mapping[str, list[bytes]]  # by origin
    heads: Collection[Root]
    receipted: Mapping[str, int]  # the largest size, by origin
    told: Collection[tuple[int, str]]  # kind and notice of its events, in order of their cursors
    cursors: Collection[int]

    @classmethod
    def by(cls, site: Site) -> "Stored":
        """Reads it, while the node runs or not."""
        with _snapshot(site) as connection:

            def rows(query: str) -> list[tuple]:
                return [tuple(row) for row in connection.execute(text(query))]

            origins = rows("SELECT id, origin FROM channels WHERE id > 0")
            leaves = {
                origin: [
                    bytes(data) for (data,) in rows(f'SELECT data FROM leaves WHERE channel = {each} ORDER BY "index"')
                ]
                for each, origin in origins
            }
            notes = rows(
                "SELECT origin, heads.size, note, receipt_time FROM heads JOIN channels ON id = channel WHERE id > 0"
            )
            notes = [(origin, size, bytes(note), at) for origin, size, note, at in notes]
            events = rows("SELECT kind, notice, cursor FROM events ORDER BY cursor")
        receipts = [(origin, size) for origin, size, _, at in notes if at is not None]
        return cls(
            leaves,
            {(origin, *_size_and_root(note)) for origin, _, note, _ in notes},
            {origin: max((size for each, size in receipts if each == origin), default=0) for origin in leaves},
            [(kind, notice) for kind, notice, _ in events],
            [cursor for _, _, cursor in events],
        )


@contextmanager
def _snapshot(site: Site) -> Iterator[Connection]:
    """Reads one state, and leaves alone what a killed node left beside its database."""
    url = make_url(site.home.config.database.url)
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
        engine = create_engine(url, isolation_level="REPEATABLE READ", poolclass=NullPool)
    else:
        name = f"file:{site.home.path / (url.database or '')}?mode=ro"
        connect = partial(sqlite.connect, name, uri=True, isolation_level=None)
        engine = create_engine("sqlite://", module=sqlite, creator=connect, poolclass=NullPool)
    with engine.connect() as connection:
        if url.get_backend_name() == "sqlite":
            connection.exec_driver_sql("BEGIN")
        yield connection


def _size_and_root(note: bytes) -> tuple[int, str]:
    _, size, root, *_ = note.decode().split("\n")
    return int(size), root


@dataclass
class Witness:
    """Remembers what both nodes had signed and receipted at any time it looked, and holds them to it."""

    one: Site
    other: Site
    heads: set[Root] = field(default_factory=set)
    receipted: dict[str, int] = field(default_factory=dict)

    @property
    def sites(self) -> tuple[Site, Site]:
        return self.one, self.other

    def look(self) -> dict[str, Stored]:
        """Remembers what is stored now, and passes if nothing contradicts itself or what was seen before."""
        for stored in map(Stored.by, self.sites):
            self.heads |= set(stored.heads)
            for origin, size in stored.receipted.items():
                self.receipted[origin] = max(size, self.receipted.get(origin, 0))
        found = {site.jurisdiction: Stored.by(site) for site in self.sites}  # later than any receipt that was seen
        for origin, size in self.receipted.items():
            for stored in found.values():
                assert size <= len(stored.logs[origin]), f"{origin}: a receipt for {size}, which are not there (G1, G3)"
        for origin in self.receipted:
            one, other = (stored.logs[origin] for stored in found.values())
            common = min(len(one), len(other))
            assert one[:common] == other[:common], f"{origin}: two histories (G2)"
        return found

    def settle(self, answered: Mapping[str, Collection[str]]) -> None:
        """Waits until both are at rest; passes if all invariants hold.

        Args:
            answered: the names of the notices that callers were told are released, by jurisdiction of the node
        """
        for site in self.sites:
            eventually(lambda site=site: is_at_rest(site), REST_SECONDS)
        self.check(answered)

    def check(self, answered: Mapping[str, Collection[str]]) -> None:
        """Passes if all invariants hold of two nodes at rest."""
        found = self.look()
        for origin in self.receipted:
            one, other = (stored.logs[origin] for stored in found.values())
            assert one == other, f"{origin}: {len(one)} and {len(other)} envelopes (G6)"
            sizes = {len(one)} | {size for stored in found.values() for size in [stored.receipted[origin]]}
            assert sizes == {len(one)}, f"{origin}: receipted up to {sizes} (G6)"
        longest = {origin: log for stored in found.values() for origin, log in stored.logs.items()}
        for origin, size, root in self.heads:
            expected = base64.b64encode(mth(longest[origin][:size])).decode()
            assert root == expected, f"{origin}: another root of {size} was signed (G2)"
        for site in self.sites:
            peer = next(each for each in self.sites if each is not site)
            self._check_told(site, peer, found, answered.get(site.jurisdiction, ()))
        for site in self.sites:
            verified = run("check", site.home.path)
            assert verified.code == 0, verified.text()

    def _check_told(self, site: Site, peer: Site, found: Mapping[str, Stored], answered: Collection[str]) -> None:
        """Everything answered is told once here as delivered, and once there as received, in one order."""
        own, others = found[site.jurisdiction], found[peer.jurisdiction]
        for stored in (own, others):
            assert list(stored.cursors) == list(range(1, len(stored.cursors) + 1)), "cursors without gaps"
        ids = {name.removeprefix("notices/") for name in answered}
        assert len(ids) == len(answered), "answered twice (G4)"
        delivered = [notice for kind, notice in own.told if kind == DELIVERED]
        received = [notice for kind, notice in others.told if kind == RECEIVED]
        assert delivered == received, "told in another order, or not as often (G4)"
        assert len(set(received)) == len(received), "told twice (G4)"
        assert ids <= set(received), "answered and lost (G1)"


def is_at_rest(site: Site) -> bool:
    """Whether all of its channels are open, and its own are receipted whole."""
    try:
        with site.client() as client:
            channels = list(client.list_channels())
    except ExchangeError:
        return False
    return all(each.state == Channel.OPEN and each.size == each.receipted_size for each in channels)
