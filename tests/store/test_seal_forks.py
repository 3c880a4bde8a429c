"""A sender whose disk was put back, and which turns its seal then: its two histories are a fork, found and proven."""

from contextlib import suppress

import pytest

from gateway.identity.evidence.forks import ForkCheck
from gateway.ledger.seals import CertifiedSeal
from gateway.ledger.steps import FORKED
from gateway.store.forking import read_forks
from gateway.store.logs import read_turn
from tests.ledger.samples import FixedSeal
from tests.store.exchanging import exchange, settle
from tests.store.rotating import rotate
from tests.store.stores import DOMAINS, HK_TO_KR, Opened, keyring
from tests.support.seals import certified, node_authority

sizes = pytest.mark.parametrize("more", [0, 1, 3], ids=["less than the peer holds", "as much", "more"])


@pytest.fixture
def kind() -> str:
    """How proofs are kept is tried on both databases in ``test_forks``."""
    return "sqlite"


async def put_back_and_turned(hk: Opened, kr: Opened, more: int) -> None:
    """The sender's disk is put back, it turns its seal, and seals more; the peer holds another history."""
    await hk.release("hk-1", "hk-2", "hk-3")
    await settle(hk, kr)
    earlier = hk.backup()
    await hk.release("hk-4", "hk-5")
    await settle(hk, kr)
    await hk.restore(earlier)
    await rotate(hk)
    for number in range(more):
        await hk.release(f"hk-other-{number}")


async def put_back_before_a_turn(hk: Opened, kr: Opened, more: int) -> CertifiedSeal:
    """The other history turns the seal, too; gives the seal that it turned to."""
    await hk.release("hk-1", "hk-2", "hk-3")
    await settle(hk, kr)
    earlier, third = hk.backup(), FixedSeal("hk third")
    seal = certified(third, DOMAINS["HK"])
    hk.keyring.add(seal, third)
    await rotate(hk, seal)
    await hk.release("hk-5")
    await settle(hk, kr)
    hk.keyring = keyring("HK")
    await hk.restore(earlier)
    await rotate(hk)
    for number in range(more):
        await hk.release(f"hk-other-{number}")
    return seal


async def check_proven(store: Opened) -> None:
    """The channel has halted, and a third person who knows the root alone is convinced."""
    assert store.state(HK_TO_KR).halt.reason == FORKED
    ((proof, _),) = await store.read(read_forks, HK_TO_KR)
    check = ForkCheck(proof, [node_authority(DOMAINS["HK"]).certificate])
    assert check.proven(tuple(check.steps())).sender.domain == DOMAINS["HK"]


async def tried(hk: Opened, kr: Opened) -> None:
    """Dials twice, whatever ends the stream."""
    for _ in range(2):
        with suppress(AssertionError):
            await exchange(hk, kr)


@sizes
async def test_a_sender_that_turned_its_seal_after_its_disk_was_put_back_halts_as_forked(hk: Opened, kr: Opened, more):
    """The seal before it signed the other history beyond the size at which it was given up in this one."""
    await put_back_and_turned(hk, kr, more)
    await tried(hk, kr)
    await check_proven(hk)
    await check_proven(kr)


@sizes
async def test_where_both_histories_turn_the_seal_the_receiver_halts_and_proves_it(hk: Opened, kr: Opened, more):
    """The whole disk was put back: the sender knows nothing of the other seal, and its status shows just that."""
    await put_back_before_a_turn(hk, kr, more)
    await tried(hk, kr)
    await check_proven(kr)
    with pytest.raises(AssertionError, match="UNKNOWN_SEAL"):
        await exchange(hk, kr)


@sizes
async def test_a_sender_whose_home_still_names_the_other_seal_halts_too(hk: Opened, kr: Opened, more):
    """Its database alone was put back."""
    hk.earlier_seals = (await put_back_before_a_turn(hk, kr, more),)
    await tried(hk, kr)
    for store in (hk, kr):
        await check_proven(store)


@pytest.mark.parametrize("turns", [0, 1], ids=["not turned since", "turned once more since"])
async def test_a_sender_that_was_put_back_to_before_the_receipt_for_a_turn_and_holds_less_halts_too(
    hk: Opened, kr: Opened, turns: int
):
    """Both histories have that turn, and what each has after it is never compared as long as it greets."""
    await hk.release("hk-1", "hk-2", "hk-3")
    await settle(hk, kr)
    await rotate(hk)
    earlier = hk.backup()
    await hk.release("hk-4", "hk-5", "hk-6", "hk-7")
    await settle(hk, kr)
    await hk.restore(earlier)
    await hk.release("hk-other")
    for number in range(turns):
        third = FixedSeal(f"hk third {number}")
        hk.keyring.add(certified(third, DOMAINS["HK"]), third)
        await rotate(hk, certified(third, DOMAINS["HK"]))
    await tried(hk, kr)
    await check_proven(hk)
    await check_proven(kr)


async def test_a_turn_that_no_receipt_covers_greets_until_one_does(hk: Opened, kr: Opened):
    await hk.release("hk-1")
    await rotate(hk)
    await hk.release("hk-2")
    assert (await hk.read(read_turn, hk.state())).checkpoint.size == 2
    await settle(hk, kr)
    assert await hk.read(read_turn, hk.state()) is None
    assert hk.state().receipted_size == 3


@pytest.mark.parametrize("more", [0, 1], ids=["nothing more", "more, and less than the peer holds"])
@pytest.mark.parametrize("first", [True, False], ids=["its own channel first", "that of the peer first"])
@pytest.mark.parametrize("there", [0, 1, 2], ids=["not turned there", "turned there", "turned twice there"])
@pytest.mark.parametrize("turns", [0, 1, 2], ids=["not turned since", "turned since", "turned twice since"])
async def test_a_fork_after_two_turns_without_a_receipt_is_found_whoever_turns_its_seal_then(
    hk: Opened, kr: Opened, turns: int, there: int, first: bool, more: int
):
    """Both histories have the two; receipts bear a seal that the sender does not know yet, and its heads one that the
    receiver cannot know."""
    await hk.release("hk-1", "hk-2", "hk-3")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    keys = [FixedSeal(f"hk turn {number}") for number in range(6)]
    seals = [certified(each, DOMAINS["HK"]) for each in keys]
    for seal, key in zip(seals, keys, strict=True):
        hk.keyring.add(seal, key)
    hk.earlier_seals = tuple(seals)
    await rotate(hk, seals[0])
    await rotate(hk, seals[1])
    earlier = hk.backup()
    await hk.release("hk-4", "hk-5")
    for number in range(there):
        await rotate(hk, seals[4 + number])
    await hk.release("hk-6", "hk-7", "hk-8", "hk-9")
    await settle(hk, kr)
    await rotate(kr)
    await kr.release("kr-2", issuing_authority="FSC")
    await hk.restore(earlier)
    await hk.release("hk-other")
    for number in range(turns):
        await rotate(hk, seals[2 + number])
    for number in range(more):
        await hk.release(f"hk-other-{number}")
    for _ in range(7):  # the Hello shows another of the turns each time
        for one, other in ((hk, kr), (kr, hk)) if first else ((kr, hk), (hk, kr)):
            with suppress(AssertionError):
                await exchange(one, other)
    await check_proven(hk)
    await check_proven(kr)
