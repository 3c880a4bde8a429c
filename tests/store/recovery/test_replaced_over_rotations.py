"""A seal is lost, and another one takes its place, before the peer knew of the rotation to the lost one."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from gateway.errors import WrongState
from gateway.moments import datetime_of
from gateway.store.recovery.rebuild import rebuild
from gateway.store.recovery.replacing import replace_own_seal
from tests.store.exchanging import exchange
from tests.store.recovery.nodes import KEYS, SEALS, Node, both_release, go_on, opened, sealed_by, take_document, tried
from tests.store.stores import CERTIFIED, DOMAINS, KR_TO_HK, NOW
from tests.support.seals import certified

ISSUED, LATER = datetime_of(NOW), NOW + 24 * 3600 * 1_000_000


@pytest.fixture
async def hk(tmp_path: Path) -> AsyncIterator[Node]:
    """It turns its seal, and loses the next one."""
    async with opened("HK", tmp_path) as node:
        node.empty = node.backup()
        await node.pair("KR", CERTIFIED["KR"])
        yield node


@pytest.fixture
async def kr(tmp_path: Path) -> AsyncIterator[Node]:
    """Its peer."""
    async with opened("KR", tmp_path) as node:
        node.empty = node.backup()
        await node.pair("HK", SEALS[0])
        yield node


@pytest.fixture(autouse=True)
def certified_after_the_rotation() -> Iterator[None]:
    """The seals that follow on the lost one."""
    before = SEALS[2:]
    SEALS[2:] = [certified(KEYS[each], DOMAINS["HK"], ISSUED + timedelta(hours=each)) for each in (2, 3)]
    yield
    SEALS[2:] = before


async def replaced(hk: Node, kr: Node, number: int = 2) -> None:
    """Its operator puts another seal in the place of the lost one, whatever the peer has."""
    for store in (hk, kr):
        await store.committer.stop()
        store.clock = count(LATER, 250_000)
    hk.have(number)
    replace_own_seal(hk.database, SEALS[number], KEYS[number], LATER)
    rebuild(hk.database, LATER)
    for store in (hk, kr):
        store.write_on()


async def turned_and_replaced(hk: Node, kr: Node, before: int = 0, after: int = 1) -> None:
    """The peer has not heard of the rotation to the seal that is lost."""
    await both_release(hk, kr, 1)
    for number in range(before):
        await hk.release(f"hk-before-{number}")
    await hk.turn(1)
    for number in range(after):
        await hk.release(f"hk-after-{number}")
    await replaced(hk, kr)


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("before", [0, 1])
async def test_the_peer_goes_by_the_new_seal_though_the_lost_one_comes_after_it(
    hk: Node, kr: Node, before: int, after: int
):
    """Else whoever found the lost keys could go on with them."""
    await turned_and_replaced(hk, kr, before, after)
    await take_document(kr, 2)
    await both_release(hk, kr, 2)
    assert [number for _, number in sealed_by(kr)] == [0, 2]
    assert [number for _, number in sealed_by(kr, KR_TO_HK, receiver=True)] == [0, 2]
    await kr.rebuilt()
    assert [number for _, number in sealed_by(kr)] == [0, 2]
    await go_on(hk, kr)
    await hk.turn(3)
    await go_on_again(hk, kr)
    assert [number for _, number in sealed_by(kr)] == [0, 2, 3]


async def go_on_again(hk: Node, kr: Node) -> None:
    await both_release(hk, kr, 20)
    await both_release(hk, kr, 21)
    for store in (hk, kr):
        assert store.verify().findings == ()


@pytest.mark.parametrize("of", ["the sender", "the receiver"])
@pytest.mark.parametrize("empty", [False, True], ids=["of a backup", "empty"])
@pytest.mark.parametrize("first", [True, False], ids=["its own channel first", "that of the peer first"])
async def test_either_end_comes_back_from_before_both(hk: Node, kr: Node, first: bool, empty: bool, of: str):
    await both_release(hk, kr, 0)
    who = hk if of == "the sender" else kr
    backup = who.empty if empty else who.backup()
    await turned_and_replaced(hk, kr, 1, 1)
    await take_document(kr, 2)
    await both_release(hk, kr, 2)
    await who.go_back(backup)
    await tried(hk, kr, first=first)
    assert [number for _, number in sealed_by(who)] == [0, 2]
    await go_on(hk, kr)


async def test_a_peer_that_has_the_rotation_and_gave_no_receipt_that_arrived_keeps_it(hk: Node, kr: Node):
    await both_release(hk, kr, 1)
    await hk.turn(1)
    await hk.release("hk-after")
    with suppress(AssertionError):
        await exchange(hk, kr, drop_after=5)
    await replaced(hk, kr)
    await take_document(kr, 2)
    await both_release(hk, kr, 2)
    assert sealed_by(kr)[-1][1] == 2
    await go_on(hk, kr)


async def test_a_seal_that_was_certified_before_such_a_rotation_takes_no_place(hk: Node, kr: Node):
    """The peer could not tell which of both came last."""
    SEALS[2] = certified(KEYS[2], DOMAINS["HK"])
    with pytest.raises(WrongState, match="KR may not know of the rotation at 2026-01-01 00:00:0"):
        await turned_and_replaced(hk, kr)
    for store in (hk, kr):
        store.write_on()
    hk.have(1)
    await exchange(hk, kr)
    await replaced(hk, kr)
    await take_document(kr, 2)
    await go_on(hk, kr)
