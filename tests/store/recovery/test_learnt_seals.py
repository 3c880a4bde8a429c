"""A node that goes back learns from its own signatures which of its seals a channel had, and from where on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.ledger.checkpoint import countersign
from gateway.store.opening import check_channels
from gateway.store.own_seal import left_behind, own_seal, read_own_seal
from gateway.store.recovery.rebuild import rebuild
from gateway.store.recovery.replacing import replace_own_seal, replace_peer_seal
from tests.store.exchanging import exchange, settle
from tests.store.recovery.nodes import KEYS, SEALS, Node, go_on, opened, sealed_by, tried
from tests.store.rotating import HK_TO_SG
from tests.store.stores import CERTIFIED, DOMAINS, KR_TO_HK, NOW
from tests.store.stores import SEALS as FIRST_KEYS


@pytest.fixture
async def hk(tmp_path: Path) -> AsyncIterator[Node]:
    """It is paired with Singapore, and turned its seal after that."""
    async with opened("HK", tmp_path) as node:
        node.empty = node.backup()
        await node.pair("SG", CERTIFIED["SG"])
        await node.turn(1)
        yield node


@pytest.fixture
async def kr(tmp_path: Path) -> AsyncIterator[Node]:
    """It is to be paired with Hong Kong, under the second seal of that."""
    async with opened("KR", tmp_path) as node:
        await node.pair("HK", SEALS[1])
        yield node


@pytest.mark.parametrize("turns", [0, 1, 2])
@pytest.mark.parametrize("is_found", [True, False], ids=["found", "not found"])
@pytest.mark.parametrize("first", [True, False], ids=["its own channel first", "that of the peer first"])
async def test_a_node_comes_back_to_a_pairing_that_was_founded_after_it_had_turned_its_seal(
    hk: Node, kr: Node, first: bool, is_found: bool, turns: int
):
    before = hk.backup()
    await hk.pair("KR", CERTIFIED["KR"])
    await hk.release("hk-1", "hk-2")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    for number in range(turns):
        await hk.turn(2 + number)
        await hk.release(f"hk-after-{number}")
        await kr.release(f"kr-after-{number}", issuing_authority="FSC")
        await settle(hk, kr)
        await settle(hk, kr)
    had, receipts = sealed_by(hk), sealed_by(hk, KR_TO_HK, receiver=True)

    await hk.go_back(before, is_found=is_found)
    await tried(hk, kr, first=first)
    assert (sealed_by(hk), sealed_by(hk, KR_TO_HK, receiver=True)) == (had, receipts)
    assert [each.origin for each in left_behind(hk.committer.latest().states)] == ([HK_TO_SG] if turns else [])
    await go_on(hk, kr)


async def test_a_start_amid_that_finds_nothing_wrong(hk: Node, kr: Node):
    before = hk.backup()
    await hk.pair("KR", CERTIFIED["KR"])
    await hk.release("hk-1", "hk-2")
    await settle(hk, kr)
    await hk.turn(2)
    await hk.release("hk-3")
    await settle(hk, kr)
    await hk.go_back(before)
    await exchange(hk, kr, drop_after=4)
    assert hk.state().log.size == 3, "what the seal of then signed, and not the rest"
    await hk.restart()
    check_channels(hk.database, hk.parties)
    assert hk.verify().findings == ()
    await tried(hk, kr)
    await go_on(hk, kr)


async def test_where_the_peer_has_nothing_of_it_the_channel_begins_with_the_seal_in_force(hk: Node, kr: Node):
    before = hk.backup()
    await hk.pair("KR", CERTIFIED["KR"])
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(kr, hk)
    await hk.go_back(before)
    await tried(hk, kr)
    assert sealed_by(hk) == [(0, 1)]
    await go_on(hk, kr)


async def test_keys_that_were_kept_for_a_channel_stay_until_it_is_known_which_it_has(hk: Node, kr: Node):
    """A rotation left it behind; nothing of it is here yet that tells so."""
    await hk.pair("KR", CERTIFIED["KR"])
    await hk.release("hk-1")
    await settle(hk, kr)
    hk.have(2, 1)
    await hk.go_back(hk.empty)
    with hk.database.readers.connect() as connection:
        _, is_told = read_own_seal(connection)
    assert not is_told
    await tried(hk, kr)
    assert sealed_by(hk) == [(0, 1)]


async def test_a_seal_that_an_operator_had_put_in_its_place_is_known_again(hk: Node, kr: Node):
    """No envelope tells it; without it what it signed would verify for nobody here."""
    await hk.pair("KR", CERTIFIED["KR"])
    await hk.release("hk-1")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    receipt = countersign(hk.state(HK_TO_SG).head, DOMAINS["SG"], FIRST_KEYS["SG"], NOW // 1_000_000)
    await hk.committer.submit(lambda tx: tx.keep_receipt(HK_TO_SG, receipt))  # it knows the rotation
    before = hk.backup()
    await hk.committer.stop()
    hk.have(2)
    replace_own_seal(hk.database, SEALS[2], KEYS[2], NOW)
    rebuild(hk.database, NOW)
    hk.write_on()
    await kr.committer.stop()
    replace_peer_seal(kr.database, DOMAINS["HK"], SEALS[2], NOW)
    kr.peers["HK"].append(SEALS[2])
    kr.write_on()
    await hk.release("hk-2")
    await kr.release("kr-2", issuing_authority="FSC")
    await settle(hk, kr)
    await hk.turn(3)
    await hk.release("hk-3")
    await kr.release("kr-3", issuing_authority="FSC")
    await settle(hk, kr)
    await settle(hk, kr)

    await hk.go_back(before)
    await tried(hk, kr)
    assert [seal for _, seal in sealed_by(hk)] == [1, 2, 3]
    assert own_seal(hk.committer.latest().states) == SEALS[3]
    await go_on(hk, kr)
