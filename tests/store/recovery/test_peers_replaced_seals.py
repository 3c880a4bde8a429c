"""A node that goes back to before a peer replaced a lost seal learns from what the peer signed where that holds."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import UnknownSeal, Untrusted
from gateway.ledger.checkpoint import Checkpoint, countersign, open_checkpoint, sign_checkpoint
from gateway.ledger.steps import SENDER_ROLLED_BACK, Halt
from tests.ledger.samples import FixedSeal
from tests.store.exchanging import exchange, resources_of, settle
from tests.store.recovery.nodes import (
    KEYS,
    SEALS,
    Node,
    both_release,
    go_on,
    opened,
    replace_seal,
    sealed_by,
    take_document,
    tried,
)
from tests.store.stores import CERTIFIED, DOMAINS, HK_TO_KR, KR_TO_HK, NOW
from tests.store.stores import SEALS as FIRST_KEYS
from tests.support.seals import FOUNDED, certified


@pytest.fixture
async def hk(tmp_path: Path) -> AsyncIterator[Node]:
    """It loses its seal, and another one takes its place."""
    async with opened("HK", tmp_path) as node:
        await node.pair("KR", CERTIFIED["KR"])
        yield node


@pytest.fixture
async def kr(tmp_path: Path) -> AsyncIterator[Node]:
    """It goes back."""
    async with opened("KR", tmp_path) as node:
        node.empty = node.backup()
        await node.pair("HK", SEALS[0])
        yield node


async def lost(hk: Node, kr: Node, *numbers: int, empty: bool = False, seals_after: bool = True) -> None:
    """Korea's database is that of before more came, and before the seal was replaced, once or again."""
    await both_release(hk, kr, 1)
    before: Any = kr.empty if empty else kr.backup()
    await both_release(hk, kr, 2)
    for number in numbers:
        await replace_seal(hk, number)
        await take_document(kr, number)
        if seals_after:
            await both_release(hk, kr, 10 + number)
    await settle(hk, kr)
    await kr.go_back(before)


@pytest.mark.parametrize("empty", [False, True], ids=["of a backup", "empty"])
@pytest.mark.parametrize("early", [True, False], ids=["imported again at once", "once all else is back"])
@pytest.mark.parametrize("first", [True, False], ids=["its own channel first", "that of the peer first"])
async def test_whenever_the_document_is_imported_again_all_comes_back(
    hk: Node, kr: Node, first: bool, early: bool, empty: bool
):
    await lost(hk, kr, 1, empty=empty)
    kr.peers["HK"] = [SEALS[0]]  # of the home, too, nothing newer is left
    if not early:
        await tried(hk, kr, first=first)
    await take_document(kr, 1)
    await tried(hk, kr, first=first)
    assert [number for _, number in sealed_by(kr)] == [0, 1]
    await go_on(hk, kr)


@pytest.mark.parametrize("empty", [False, True], ids=["of a backup", "empty"])
@pytest.mark.parametrize("first", [True, False], ids=["its own channel first", "that of the peer first"])
async def test_a_home_that_has_the_document_needs_no_import(hk: Node, kr: Node, first: bool, empty: bool):
    await lost(hk, kr, 1, empty=empty)
    await tried(hk, kr, first=first)
    assert [number for _, number in sealed_by(kr)] == [number for _, number in sealed_by(kr, KR_TO_HK, receiver=True)]
    assert [number for _, number in sealed_by(kr)] == [0, 1]
    await go_on(hk, kr)


@pytest.mark.parametrize("empty", [False, True], ids=["of a backup", "empty"])
@pytest.mark.parametrize("first", [True, False], ids=["its own channel first", "that of the peer first"])
async def test_one_that_has_countersigned_and_sealed_nothing_yet_is_learnt_from_that(
    hk: Node, kr: Node, first: bool, empty: bool
):
    await lost(hk, kr, 1, empty=empty, seals_after=False)
    await tried(hk, kr, first=first)
    assert [number for _, number in sealed_by(kr, KR_TO_HK, receiver=True)] == [0, 1]
    await kr.release("kr-before-it-seals", issuing_authority="FSC")
    await exchange(kr, hk)
    assert kr.state(KR_TO_HK).receipted_size == kr.state(KR_TO_HK).log.size
    await kr.rebuilt()
    assert kr.verify().findings == ()
    await go_on(hk, kr)


@pytest.mark.parametrize("numbers", [(1, 2), (2, 1, 3)])
@pytest.mark.parametrize("seals_after", [True, False], ids=["each sealed", "none sealed"])
async def test_seals_that_were_replaced_again_are_all_learnt(hk: Node, kr: Node, numbers, seals_after: bool):
    await lost(hk, kr, *sorted(numbers), seals_after=seals_after)
    await tried(hk, kr)
    await go_on(hk, kr)
    assert sealed_by(kr)[-1][1] == max(numbers)


@pytest.mark.parametrize("empty", [False, True], ids=["of a backup", "empty"])
@pytest.mark.parametrize("turns_first", [True, False], ids=["rotated first", "replaced first"])
async def test_a_rotation_and_a_replacement_that_were_lost_keep_their_order(
    hk: Node, kr: Node, turns_first: bool, empty: bool
):
    await both_release(hk, kr, 1)
    before = kr.empty if empty else kr.backup()
    if turns_first:
        await hk.turn(1)
        await both_release(hk, kr, 2)
    number = 2 if turns_first else 1
    await replace_seal(hk, number)
    await take_document(kr, number)
    await both_release(hk, kr, 3)
    if not turns_first:
        await hk.turn(2)
        await both_release(hk, kr, 4)
    had = [number for _, number in sealed_by(kr)], [number for _, number in sealed_by(kr, KR_TO_HK, receiver=True)]
    await kr.go_back(before)
    await tried(hk, kr)
    assert ([n for _, n in sealed_by(kr)], [n for _, n in sealed_by(kr, KR_TO_HK, receiver=True)]) == had
    await go_on(hk, kr)


async def test_what_the_seal_before_signs_counts_no_more_once_the_new_one_has(hk: Node, kr: Node):
    """As ever: of a database that was put back it counts until then."""
    await lost(hk, kr, 1)
    await tried(hk, kr)
    stolen = sign_checkpoint(Checkpoint(HK_TO_KR, 9, bytes(32)), KEYS[0], NOW // 1_000_000)
    with pytest.raises(Untrusted, match="gave up the keys"):
        open_checkpoint(stolen.note, HK_TO_KR, resources_of(kr).seals(kr.state(HK_TO_KR)).sender)


async def test_a_seal_from_before_what_is_known_is_not_taken(hk: Node, kr: Node):
    """A document of an earlier pairing may name keys that were given up since, as lost ones."""
    old = FixedSeal("hk before")
    kr.peers["HK"].insert(0, certified(old, DOMAINS["HK"], FOUNDED - timedelta(minutes=1)))
    await both_release(hk, kr, 1)
    await kr.go_back(kr.backup())
    signed = sign_checkpoint(Checkpoint(HK_TO_KR, 9, bytes(32)), old, NOW // 1_000_000)
    with pytest.raises(UnknownSeal):
        open_checkpoint(signed.note, HK_TO_KR, resources_of(kr).seals(kr.state(HK_TO_KR)).sender)
    await tried(hk, kr)
    await go_on(hk, kr)


@pytest.mark.parametrize("is_own", [True, False], ids=["by its own later seal", "countersigned by the peer's"])
async def test_what_shows_it_rolled_back_verifies_before_the_log_tells_the_seal_that_signed_that(
    hk: Node, kr: Node, is_own: bool
):
    """Files of the home name that seal; a note of any other one is told as ever."""
    await both_release(hk, kr, 1)
    node, origin, signer = (hk, HK_TO_KR, HK_TO_KR) if is_own else (kr, KR_TO_HK, DOMAINS["HK"])
    hk.seals.append(SEALS[1])
    kr.peers["HK"].append(SEALS[1])
    at, wrong = NOW // 1_000_000, f"halt_evidence {origin} 0: is signed by another key of {signer}"
    for keys, findings in ((KEYS[1], []), (KEYS[2], [wrong])):
        shown = sign_checkpoint(Checkpoint(origin, 9, bytes(32)), keys if is_own else FIRST_KEYS["KR"], at)
        note = shown.note if is_own else countersign(shown, DOMAINS["HK"], keys, at).note
        halt = Halt(SENDER_ROLLED_BACK, "the peer shows 9 envelopes", (note,))
        await node.committer.submit(lambda tx, halt=halt: tx.halt(origin, halt))
        assert [str(each) for each in node.verify().findings] == findings
        await node.committer.submit(lambda tx: tx.reopen(origin))
