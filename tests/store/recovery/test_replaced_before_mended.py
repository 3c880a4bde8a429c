"""Keys and database are lost at once: the peer is told of the new seal at once, though its channel is mended first."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.recovery.rebuild import rebuild
from gateway.store.recovery.replacing import replace_own_seal
from tests.store.exchanging import check_equal, exchange, settle
from tests.store.recovery.nodes import KEYS, SEALS, Node, opened, sealed_by, take_document, tried
from tests.store.stores import CERTIFIED, DOMAINS, KR_TO_HK, NOW


@pytest.fixture
async def hk(tmp_path: Path) -> AsyncIterator[Node]:
    """It loses its keys and its database."""
    async with opened("HK", tmp_path) as node:
        await node.pair("KR", CERTIFIED["KR"])
        yield node


@pytest.fixture
async def kr(tmp_path: Path) -> AsyncIterator[Node]:
    """It hands back what it has."""
    async with opened("KR", tmp_path) as node:
        await node.pair("HK", SEALS[0])
        yield node


@pytest.mark.parametrize("more", [0, 3], ids=["all had arrived", "some had not arrived"])
@pytest.mark.parametrize("lost", [0, 3], ids=["nothing lost", "some lost"])
@pytest.mark.parametrize("first", [True, False], ids=["its own channel first", "that of the peer first"])
async def test_a_peer_that_is_told_at_once_takes_every_receipt(hk: Node, kr: Node, first: bool, lost: int, more: int):
    """What the lost seal signed and never arrived is signed anew by ``gateway certs replace-seal --peer``."""
    await hk.release("hk-1")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    for number in range(more):
        await hk.release(f"hk-more-{number}")
    backup = hk.backup()
    for number in range(lost):
        await hk.release(f"hk-lost-{number}")
        await kr.release(f"kr-lost-{number}", issuing_authority="FSC")
    if lost:
        await settle(hk, kr)
    hk.have(1)
    await hk.go_back(backup)
    await take_document(kr, 1)
    await kr.release("kr-2", issuing_authority="FSC")
    await tried(hk, kr, first=first)
    await exchange(kr, hk)
    assert kr.state(KR_TO_HK).receipted_size == kr.state(KR_TO_HK).log.size
    assert not hk.state().halt

    await hk.committer.stop()
    replace_own_seal(hk.database, SEALS[1], KEYS[1], NOW, only=DOMAINS["KR"])
    rebuild(hk.database, NOW)
    hk.write_on()
    await hk.release("hk-last")
    await kr.release("kr-last", issuing_authority="FSC")
    await settle(hk, kr)
    await check_equal(hk, kr)
    assert [number for _, number in sealed_by(hk)] == [number for _, number in sealed_by(kr)] == [0, 1]
