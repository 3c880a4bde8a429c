"""Likewise, where the seal of before cannot sign any more: its keys are lost, or a peer is heard of late."""

from contextlib import suppress
from dataclasses import replace

import pytest
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.errors import SealUnavailable, Unavailable, WrongState
from gateway.identity.seals.signers import Keyring
from gateway.ledger.steps import RESTORED, Halt
from gateway.store.own_seal import left_behind
from gateway.store.recovery.rebuild import rebuild
from gateway.store.recovery.replacing import replace_own_seal, replace_peer_seal
from tests.store import settlement
from tests.store.exchanging import exchange, settle
from tests.store.pairing import ENDED, RESUMED, keep
from tests.store.rotating import FIRST, HK_TO_SG, SECOND, THIRD, THIRD_KEYS, commands, left, rotate, seals_to
from tests.store.settlement import LATER, fork_apart, given_up, kept
from tests.store.stores import (
    DOMAINS,
    HK_TO_KR,
    KR_TO_HK,
    NEXT,
    NOW,
    SEALS,
    Opened,
    refused,
)


@pytest.fixture
def kind() -> str:
    """How seals are kept is tried on both databases in ``test_seals``."""
    return "sqlite"


async def without_keys(hk: Opened, kr: Opened) -> None:
    """The channel goes on, and the keys of the seal that it has are gone."""
    await left(hk, kr)
    await rotate(hk)
    await keep(hk, RESUMED)
    hk.keyring = Keyring([(SECOND, NEXT["HK"])])
    await hk.restart()
    await exchange(hk, kr)


async def test_a_forked_channel_goes_on_from_the_peers_history_before_a_lost_seal_is_replaced_in_it(
    hk: Opened, kr: Opened, monkeypatch: pytest.MonkeyPatch
):
    await fork_apart(hk, kr)
    await hk.committer.stop()
    assert replace_own_seal(hk.database, SECOND, NEXT["HK"], LATER) == ["KR"]
    hk.keyring = Keyring([(SECOND, NEXT["HK"])])
    hk.write_on()
    agreed = await kept(kr)
    monkeypatch.setitem(settlement.SEALS, "HK", NEXT["HK"])
    await given_up(hk, agreed)
    await settle(hk, kr)
    assert hk.state().halt is None
    for store in (hk, kr):
        await store.committer.stop()
    replace_own_seal(hk.database, SECOND, NEXT["HK"], LATER, only=DOMAINS["KR"])
    rebuild(hk.database, NOW)
    replace_peer_seal(kr.database, DOMAINS["HK"], SECOND, LATER)
    for store in (hk, kr):
        store.write_on()
    await hk.release("hk-9")
    await kr.release("kr-9", issuing_authority="FSC")
    await settle(hk, kr)
    await settle(kr, hk)
    assert hk.state().log.root() == kr.state(HK_TO_KR).log.root()
    assert hk.state().receipted_size == kr.state(HK_TO_KR).log.size
    hk.earlier_seals, kr.damaged = (SECOND,), True


async def test_a_lost_seal_is_missed_only_while_a_pairing_holds(hk: Opened, kr: Opened):
    """All channels have ended and halted, so that the new one is the home's alone."""
    await hk.release("hk-1")
    await settle(hk, kr)
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(RESTORED, "a drill")))
    await keep(hk, ENDED)
    await hk.close()
    hk.keyring = Keyring([(SECOND, NEXT["HK"])])
    hk.start()
    await hk.committer.stop()
    assert replace_own_seal(hk.database, SECOND, NEXT["HK"], NOW + 1_000_000_000) == ["KR"]
    hk.write_on()
    seals, _ = commands(hk)
    seals.look()
    await keep(hk, RESUMED)
    with pytest.raises(Unavailable, match="not in this node's home"):
        seals.look()
    hk.earlier_seals = (SECOND,)  # as its files say


async def test_what_cannot_be_sealed_for_one_peer_does_not_fail_with_what_is_for_others(hk: Opened, kr: Opened):
    await without_keys(hk, kr)

    def to(origin: str):
        return lambda tx: tx.require_open(origin) and tx.tell_node(Event.ALARM, f"for {origin}")

    error, done = await hk.committer.submit_all([to(HK_TO_KR), to(HK_TO_SG)])
    assert isinstance(error, SealUnavailable)
    assert "has yet to be told of the seal in force" in error.message
    assert done is None
    seals, _ = commands(hk)
    await seals.catch_up()
    with pytest.raises(Unavailable, match=r"KR is not told.*by that of before"):
        seals.look()


async def test_once_that_pairing_has_ended_again_it_holds_up_no_rotation(hk: Opened, kr: Opened):
    await without_keys(hk, kr)
    hk.keyring.add(THIRD, THIRD_KEYS)
    error = await refused(rotate(hk, THIRD))
    assert type(error) is WrongState
    assert "replace-seal --peer" in error.message
    await keep(hk, replace(ENDED, ended_time=RESUMED.resumed_time + 1))
    await rotate(hk, THIRD)
    assert (seals_to(hk, HK_TO_SG), seals_to(hk, HK_TO_KR)) == ([FIRST, SECOND, THIRD], [FIRST])
    assert [each.origin for each in left_behind(hk.committer.latest().states)] == [HK_TO_KR]
    hk.earlier_seals = (SECOND, THIRD)


async def test_the_seal_in_force_is_put_into_its_channels_by_both_operators(hk: Opened, kr: Opened):
    await without_keys(hk, kr)
    await hk.committer.stop()
    await kr.committer.stop()
    replace_own_seal(hk.database, SECOND, NEXT["HK"], NOW + 1_000_000_000, only=DOMAINS["KR"])
    rebuild(hk.database, NOW)
    replace_peer_seal(kr.database, DOMAINS["HK"], SECOND, NOW + 1_000_000_000)
    for store in (hk, kr):
        store.write_on()
    await hk.release("hk-3")
    await kr.release("kr-2", issuing_authority="FSC")
    await settle(hk, kr)
    await settle(kr, hk)
    assert hk.state(HK_TO_KR).receipted_size == kr.state(HK_TO_KR).log.size == 3
    assert kr.state(KR_TO_HK).receipted_size == 2
    assert seals_to(hk, HK_TO_SG) == [FIRST, SECOND]
    assert left_behind(hk.committer.latest().states) == []
    hk.earlier_seals, kr.damaged = (SECOND,), True  # its files name the seal before alone
    assert hk.verify().findings == ()


@pytest.mark.parametrize(("only", "said"), [("SG", "nothing to replace"), ("KR", "has halted: RESTORED")])
async def test_that_is_refused_where_there_is_nothing_to_replace_or_the_log_may_be_longer(hk, kr, only, said):
    await left(hk, kr)
    await rotate(hk)
    await hk.committer.stop()
    with pytest.raises(WrongState, match=said):
        replace_own_seal(hk.database, SECOND, NEXT["HK"], NOW, only=DOMAINS[only])
    hk.write_on()
    assert seals_to(hk, HK_TO_KR) == [FIRST]


async def test_until_it_was_heard_a_peer_of_before_gets_receipts_of_the_seal_that_it_will_know(hk: Opened, kr: Opened):
    """And not of one that came into force and went again meanwhile, of which it hears from nobody."""
    await left(hk, kr)
    await rotate(hk)
    hk.keyring = Keyring([(SECOND, NEXT["HK"]), (FIRST, SEALS["HK"])])
    await hk.restart()
    hk.keyring.add(THIRD, THIRD_KEYS)
    await rotate(hk, THIRD)
    await keep(hk, RESUMED)
    await kr.release("kr-2", issuing_authority="FSC")
    with suppress(AssertionError):  # UNKNOWN_SEAL
        await exchange(kr, hk)
    assert (hk.state(KR_TO_HK).receipted_size, kr.state().receipted_size) == (2, 1)
    await exchange(hk, kr)
    await commands(hk)[0].catch_up()
    await settle(hk, kr)
    assert seals_to(hk, HK_TO_KR) == [FIRST, THIRD]
    assert kr.state().receipted_size == 2
    for store in (hk, kr):
        assert store.verify().findings == ()
