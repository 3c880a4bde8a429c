"""A history is given up in which the sender changed its seal: what the peer holds of that comes back with the rest."""

from contextlib import suppress

import pytest

from gateway.identity.seals.signers import Keyring
from gateway.ledger.fork_proof import ForkProof
from gateway.ledger.seals import CertifiedSeal
from gateway.ledger.steps import FORKED
from gateway.store.forking import read_forks
from gateway.store.opening import check_channels
from gateway.store.own_seal import own_seal
from gateway.store.recovery.rebuild import rebuild
from gateway.store.recovery.replacing import replace_own_seal, replace_peer_seal
from tests.ledger.samples import HK_SEAL, FixedSeal
from tests.store import settlement
from tests.store.exchanging import check_equal, exchange, settle
from tests.store.rotating import FIRST, HK_TO_SG, SECOND, rotate
from tests.store.settlement import LATER, given_up, kept
from tests.store.stores import DOMAINS, HK_TO_KR, NEXT, NOW, Opened, keyring
from tests.store.test_left_behind import commands
from tests.support.seals import certified


@pytest.fixture
def kind() -> str:
    """How a history is given up on both databases, ``test_settlement`` tells."""
    return "sqlite"


def seals_to(store: Opened, origin: str = HK_TO_KR) -> list[tuple[int, CertifiedSeal]]:
    return [(span.above, span.seal) for span in store.state(origin).seals.sender.spans]


async def begun(hk: Opened, kr: Opened) -> None:
    await hk.release("hk-1", "hk-2", "hk-3")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)


def have(hk: Opened, seal: CertifiedSeal, keys: FixedSeal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its home has this seal in force, and of the first one the certificates alone."""
    hk.earlier_seals, hk.keyring = (seal,), Keyring([(seal, keys)])
    monkeypatch.setitem(settlement.SEALS, "HK", keys)


async def settled(hk: Opened, kr: Opened) -> None:
    """The two find the fork, and their operators settle it."""
    for _ in range(2):
        with suppress(AssertionError):
            await exchange(hk, kr)
    assert hk.state().halt.reason == FORKED
    ((proof, _),) = await hk.read(read_forks, HK_TO_KR)
    await given_up(hk, await kept(kr, shown=None if kr.state(HK_TO_KR).halt else ForkProof.parse(proof)))
    check_channels(hk.database, hk.parties)


async def put_in_force(hk: Opened, kr: Opened, seal: CertifiedSeal, keys: FixedSeal) -> None:
    """As operators do by ``gateway certs replace-seal --peer``, and by a new pairing document."""
    for store in (hk, kr):
        await store.committer.stop()
    replace_own_seal(hk.database, seal, keys, LATER, only=DOMAINS["KR"])
    rebuild(hk.database, NOW)
    replace_peer_seal(kr.database, DOMAINS["HK"], seal, LATER)
    kr.damaged = True  # no document of its home names the seal
    for store in (hk, kr):
        store.write_on()


async def go_on(hk: Opened, kr: Opened) -> None:
    for _ in range(2):
        for one, other in ((kr, hk), (hk, kr)):
            with suppress(AssertionError):  # until the other channel tells the seal
                await exchange(one, other)
    await hk.release("hk-last")
    await kr.release("kr-last", issuing_authority="FSC")
    await settle(hk, kr)
    await check_equal(hk, kr)
    assert hk.verify().findings == ()
    await hk.rebuilt()
    assert hk.verify().findings == ()
    check_channels(hk.database, hk.parties)


async def test_a_change_that_both_histories_have_comes_back(hk: Opened, kr: Opened, monkeypatch):
    """Its sender was put back to when it had no receipt for that yet."""
    await begun(hk, kr)
    await rotate(hk)
    earlier = hk.backup()
    await hk.release("hk-4")
    await settle(hk, kr)
    await kr.release("kr-2", issuing_authority="FSC")
    await settle(kr, hk)
    have(hk, SECOND, NEXT["HK"], monkeypatch)
    await hk.restore(earlier)
    await hk.release("hk-other")
    await settled(hk, kr)
    assert seals_to(hk) == [(0, FIRST)]
    await exchange(hk, kr)
    assert seals_to(hk) == seals_to(kr) == [(0, FIRST), (4, SECOND)]
    await go_on(hk, kr)


@pytest.mark.parametrize("more", [0, 2])
async def test_a_change_that_each_history_has_at_another_place_is_that_of_the_peer(hk, kr, monkeypatch, more):
    await begun(hk, kr)
    earlier = hk.backup()
    await hk.release("hk-4")
    await rotate(hk)
    await hk.release("hk-5")
    await settle(hk, kr)
    await hk.restore(earlier)
    await hk.release(*(f"hk-other-{number}" for number in range(more)))
    await rotate(hk)
    have(hk, SECOND, NEXT["HK"], monkeypatch)
    await hk.release("hk-other")
    await settled(hk, kr)
    await exchange(hk, kr)
    assert seals_to(hk) == seals_to(kr) == [(0, FIRST), (5, SECOND)]
    await go_on(hk, kr)


@pytest.mark.parametrize("is_kept", [True, False], ids=["keys of before are kept", "keys of before are gone"])
async def test_a_change_that_the_given_up_history_alone_has_leaves_the_channel_behind(
    hk: Opened, kr: Opened, monkeypatch, is_kept
):
    """The peer never heard of it: the seal of before tells it, or operators do."""
    await hk.pair_with("SG")
    await begun(hk, kr)
    earlier = hk.backup()
    await hk.release("hk-4", "hk-5")
    await settle(hk, kr)
    await hk.restore(earlier)
    await rotate(hk)
    have(hk, SECOND, NEXT["HK"], monkeypatch)
    if is_kept:
        hk.keyring.add(FIRST, HK_SEAL)
    await hk.release("hk-other")
    await settled(hk, kr)
    await settle(hk, kr)
    assert (seals_to(hk), seals_to(hk, HK_TO_SG)) == ([(0, FIRST)], [(0, FIRST), (1, SECOND)])
    assert own_seal(hk.committer.latest().states) == SECOND
    if is_kept:
        await commands(hk)[0].catch_up()
    else:
        await put_in_force(hk, kr, SECOND, NEXT["HK"])
    await go_on(hk, kr)


async def test_a_seal_that_an_operator_put_into_the_given_up_history_goes_with_it(hk: Opened, kr: Opened, monkeypatch):
    """Else it would refuse what the one before it signed in the other one."""
    await begun(hk, kr)
    earlier = hk.backup()
    await hk.release("hk-4", "hk-5")
    await settle(hk, kr)
    await hk.restore(earlier)
    await hk.release("hk-other")
    await hk.committer.stop()
    third = FixedSeal("hk third")
    seal = certified(third, DOMAINS["HK"])
    replace_own_seal(hk.database, seal, third, NOW)
    have(hk, seal, third, monkeypatch)
    hk.write_on()
    await hk.release("hk-other-2")
    await kr.committer.stop()
    replace_peer_seal(kr.database, DOMAINS["HK"], seal, LATER)
    kr.damaged = True
    kr.write_on()
    await settled(hk, kr)
    await settle(hk, kr)
    assert seals_to(hk) == [(0, FIRST)]
    await hk.committer.stop()
    replace_own_seal(hk.database, seal, third, LATER, only=DOMAINS["KR"])
    rebuild(hk.database, NOW)
    hk.write_on()
    await go_on(hk, kr)


async def test_a_seal_of_which_the_certificates_alone_are_found_again_lets_the_other_history_come_back(
    hk: Opened, kr: Opened, monkeypatch
):
    """The whole disk was put back to before the change; afterwards operators put the seal in force there, too."""
    await begun(hk, kr)
    earlier, third = hk.backup(), FixedSeal("hk third")
    other = certified(third, DOMAINS["HK"])
    hk.keyring.add(other, third)
    await rotate(hk, other)
    await hk.release("hk-5")
    await settle(hk, kr)
    hk.keyring = keyring("HK")
    await hk.restore(earlier)
    await rotate(hk)
    have(hk, SECOND, NEXT["HK"], monkeypatch)
    await hk.release("hk-other")
    hk.earlier_seals = (SECOND, other)
    await settled(hk, kr)
    await exchange(hk, kr)
    assert seals_to(hk) == [(0, FIRST), (4, other)]
    await put_in_force(hk, kr, SECOND, NEXT["HK"])
    await go_on(hk, kr)
