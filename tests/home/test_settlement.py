"""The files by which operators settle a fork, at the homes of two nodes that are stopped."""

import json
import shutil
import stat
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.errors import BadInput, BadProof, Malformed, StoreError, Untrusted, WrongState
from gateway.home.settlement import give_up, keep_here
from gateway.ledger.batch import verify_batch
from gateway.ledger.checkpoint import Receipt, countersign
from gateway.ledger.fork_proof import ForkProof
from gateway.ledger.forks import NO_PREFIX
from gateway.ledger.merkle import CompactRange
from gateway.ledger.origins import origin_of
from gateway.ledger.settlement import Settlement
from gateway.ledger.steps import FORKED, SENDER_ROLLED_BACK, Halt
from gateway.store.arriving import read_now
from gateway.store.database import Database, snapshot
from gateway.store.forking import read_forks
from gateway.store.logs import read_batch
from gateway.store.state import ChannelState, read_channels
from gateway.store.tables import channels
from gateway.store.transaction import Transaction
from tests.support.nodes import Site, found_pair
from tests.support.offline import AUTHOR, LATER, commit, sealing


def state(site: Site, origin: str) -> ChannelState:
    with snapshot(site.home.config.database.url, site.home.path) as connection:
        return read_channels(connection)[origin]


def take(kr: Site, hk: Site, origin: str) -> None:
    """Korea takes all that Hong Kong has, and gives a receipt."""
    with snapshot(hk.home.config.database.url, hk.home.path) as connection:
        channel = connection.scalar(select(channels.c.id).where(channels.c.origin == origin))
        batch = read_batch(connection, channel, 0, 1000)

    def unit(tx: Transaction, states: dict[str, ChannelState]) -> None:
        verified = verify_batch(batch, CompactRange.EMPTY, states[origin].seals)
        tx.append(origin, verified, read_now(verified))
        signer = kr.home.seals.in_force.keys()
        tx.keep_receipt(origin, countersign(verified.head, kr.domain, signer, tx.now // 1_000_000))

    commit(kr, unit)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hong Kong's disk was put back, it sealed more than it had before, and found the fork itself."""
    folder = tmp_path_factory.mktemp("settlement")
    hk, kr = found_pair(folder)
    origin = origin_of(hk.domain, kr.domain)
    commit(kr)
    commit(hk)
    shutil.copytree(hk.home.path, folder / "copy")
    commit(hk, sealing(origin, "hk-1", "hk-2"))
    take(kr, hk, origin)
    receipt = state(kr, origin).receipt
    assert isinstance(receipt, Receipt)
    shutil.rmtree(hk.home.path)
    shutil.move(folder / "copy", hk.home.path)
    commit(hk, sealing(origin, "hk-other-1", "hk-other-2", "hk-other-3"))

    def halt(tx: Transaction, states: dict[str, ChannelState]) -> None:
        tx.halt(origin, Halt(FORKED, "two histories", (receipt.note, states[origin].head.note)))

    commit(hk, halt)
    return folder


@pytest.fixture
def forked(founded, tmp_path) -> tuple[Site, Site, str]:
    """A copy of it for each test."""
    shutil.copytree(founded, tmp_path / "pair")
    hk, kr = Site("HK", tmp_path / "pair" / "hk"), Site("KR", tmp_path / "pair" / "kr")
    return hk, kr, origin_of(hk.domain, kr.domain)


def proof_of(site: Site, origin: str) -> bytes:
    with snapshot(site.home.config.database.url, site.home.path) as connection:
        ((proof, _),) = read_forks(connection, origin)
    return proof


def test_the_proof_that_the_sender_shows_is_taken_and_kept(forked):
    hk, kr, origin = forked
    with pytest.raises(WrongState, match="give --proof"):
        keep_here(kr.home, "hk-to-kr", None, LATER)
    settlement = keep_here(kr.home, "hk-to-kr", proof_of(hk, origin), LATER)
    assert settlement.goes_on == state(kr, origin).receipt.note
    assert settlement.given_up == state(hk, origin).head.note
    assert proof_of(kr, origin) == proof_of(hk, origin)
    assert state(kr, origin).halt is None
    assert keep_here(kr.home, "channels/hk-to-kr", None, LATER) == settlement, "it may be said again"


def test_a_proof_that_does_not_hold_or_is_of_another_channel_changes_nothing(forked):
    hk, kr, origin = forked
    good = ForkProof.parse(proof_of(hk, origin))
    with pytest.raises(BadProof):
        keep_here(kr.home, "hk-to-kr", ForkProof(good.seals, NO_PREFIX, (good.notes[0],) * 2).encode(), LATER)
    with pytest.raises(Malformed):
        keep_here(kr.home, "hk-to-kr", b"no proof", LATER)
    with pytest.raises(Untrusted):
        keep_here(hk.home, "kr-to-hk", good.encode(), LATER)  # Korea's root says nothing of Hong Kong's seal
    with pytest.raises(BadInput, match="hk-to-kr, kr-to-hk"):
        keep_here(kr.home, "hk-to-sg", good.encode(), LATER)
    assert state(kr, origin).halt is None
    with snapshot(kr.home.config.database.url, kr.home.path) as connection:
        assert read_forks(connection, origin) == []


def test_what_is_given_up_stands_in_a_file_that_only_its_owner_reads(forked):
    hk, kr, origin = forked
    settlement = keep_here(kr.home, "hk-to-kr", proof_of(hk, origin), LATER)
    before = state(hk, origin)
    given = give_up(hk.home, settlement.encode(), f" {settlement.fingerprint().upper()} ", LATER)
    assert (given.done.first, given.done.count) == (0, 3)
    assert given.kept == hk.home.path / "forks" / f"hk-to-kr-{LATER:%Y%m%dT%H%M%SZ}.branch.jsonl"
    assert stat.S_IMODE(given.kept.stat().st_mode) == 0o600
    header, *lines = map(json.loads, given.kept.read_text().splitlines())
    assert (header["schema"], header["origin"], header["first_index"], header["envelopes"]) == (
        "branch/1",
        origin,
        0,
        3,
    )
    assert (header["goes_on"], header["heads"]) == (settlement.goes_on.decode(), [before.head.note.decode()])
    assert [line["act"] for line in lines] == [f"release of notices/hk-other-{n}" for n in (1, 2, 3)]
    assert {(line["authority"], line["client"]) for line in lines} == {(AUTHOR.authority, AUTHOR.client)}
    after = state(hk, origin)
    assert (after.log.size, after.halt.reason, after.halt.evidence) == (0, SENDER_ROLLED_BACK, (settlement.goes_on,))


def test_nothing_is_given_up_before_its_fingerprint_was_compared(forked):
    hk, kr, origin = forked
    settlement = keep_here(kr.home, "hk-to-kr", proof_of(hk, origin), LATER)
    with pytest.raises(Untrusted, match=settlement.fingerprint()):
        give_up(hk.home, settlement.encode(), "a1b2-c3d4", LATER)
    cut = Settlement.parse(settlement.encode()[:-1])
    with pytest.raises(Malformed):
        give_up(hk.home, cut.encode(), cut.fingerprint(), LATER)
    assert state(hk, origin).log.size == 3
    assert not (hk.home.path / "forks").exists()


def test_a_node_that_runs_keeps_its_home_to_itself(forked):
    hk, kr, origin = forked
    settlement = Settlement(state(kr, origin).receipt.note, state(hk, origin).head.note)
    for site, act in (
        (kr, lambda: keep_here(kr.home, "hk-to-kr", proof_of(hk, origin), LATER)),
        (hk, lambda: give_up(hk.home, settlement.encode(), settlement.fingerprint(), LATER)),
    ):
        running = Database(site.home.config.database.url, site.home.path)
        try:
            with pytest.raises(StoreError):
                act()
        finally:
            running.close()
