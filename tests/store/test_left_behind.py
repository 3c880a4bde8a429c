"""A channel that has halted, and whose pairing has ended, holds up no rotation: it is told of it when it goes on."""

from contextlib import suppress
from dataclasses import replace

import pytest
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.commands.seals import SealCommands
from gateway.errors import Halted, SealUnavailable, Unavailable, WrongState
from gateway.identity.seals.signers import Keyring
from gateway.ledger.checkpoint import open_checkpoint
from gateway.ledger.origins import origin_of
from gateway.ledger.seals import CertifiedSeal
from gateway.ledger.steps import FORKED, RESTORED, Halt
from gateway.store.opening import check_channels, check_journal
from gateway.store.own_seal import left_behind, own_seal, read_own_seal
from gateway.store.recovery.rebuild import rebuild
from gateway.store.recovery.replacing import replace_own_seal, replace_peer_seal
from gateway.store.tables import JOURNAL, events, heads
from tests.ledger.samples import FixedSeal
from tests.store import settlement
from tests.store.exchanging import exchange, settle
from tests.store.pairing import ENDED, RESUMED, keep
from tests.store.rotating import FIRST, HK_TO_SG, SECOND, rotate
from tests.store.settlement import LATER, fork_apart, given_up, kept
from tests.store.stores import (
    DOMAINS,
    HK_TO_KR,
    KR_TO_HK,
    NEXT,
    NOW,
    SEALS,
    Opened,
    downgrade,
    refused,
)
from tests.support.seals import certified

THIRD_KEYS = FixedSeal("hk third")
THIRD = certified(THIRD_KEYS, DOMAINS["HK"])


@pytest.fixture
def kind() -> str:
    """How seals are kept is tried on both databases in ``test_seals``."""
    return "sqlite"


def commands(store: Opened) -> tuple[SealCommands, list[bool]]:
    """What looks after the seal, and what it said of it to the files."""
    told: list[bool] = []

    class Bulletin:
        @property
        def commit(self) -> object:
            return store.committer.latest()

    made = SealCommands(
        store.parties,
        store.committer,
        Bulletin(),  # type: ignore[arg-type]
        store.keyring,
        lambda: (SECOND, NEXT["HK"]),
        lambda _, *, is_told: told.append(is_told),
    )
    return made, told


async def left(hk: Opened, kr: Opened, reason: str = RESTORED) -> None:
    """Korea has one notice, waits for another one, and its pairing has ended; the channel to it has halted."""
    await hk.pair_with("SG")
    await hk.release("hk-1")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    await hk.release("hk-2")
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(reason, "a drill")))
    await keep(hk, ENDED)


def seals_to(store: Opened, origin: str) -> list[CertifiedSeal]:
    return [span.seal for span in store.state(origin).seals.sender.spans]


async def test_a_rotation_goes_through_in_all_other_channels_and_everything_verifies(hk: Opened, kr: Opened):
    await left(hk, kr)
    await rotate(hk)
    assert (seals_to(hk, HK_TO_SG), seals_to(hk, HK_TO_KR)) == ([FIRST, SECOND], [FIRST])
    assert hk.state().log.size == 2, "nothing is sealed in a channel that has halted"
    states = hk.committer.latest().states
    assert own_seal(states) == SECOND
    assert [each.origin for each in left_behind(states)] == [HK_TO_KR]
    (told,) = [row["detail"] for row in await hk.rows(events) if row["kind"] == Event.ALARM]
    assert "rotated without KR" in told
    assert "hk-to-kr" in told
    await hk.restart()
    await hk.rebuilt()
    assert hk.verify().findings == ()
    with hk.database.readers.connect() as connection:
        assert read_own_seal(connection) == (SECOND, False)
    check_channels(hk.database, hk.parties)


async def test_the_journal_is_signed_by_the_seal_in_force_whichever_channel_comes_first(hk: Opened, kr: Opened):
    await left(hk, kr)
    await rotate(hk)
    await hk.committer.submit(lambda tx: tx.tell_node(Event.ALARM, "something"))
    await keep(hk, RESUMED)
    await hk.committer.submit(lambda tx: tx.sign_journal())
    head = [row["note"] for row in await hk.rows(heads) if row["channel"] == JOURNAL][-1]
    check_journal(hk.database, hk.parties.own_seals.expecting([SECOND]))
    open_checkpoint(head, hk.committer.latest().journal.origin, NEXT["HK"].public)


@pytest.mark.parametrize("is_ended", [True, False])
async def test_only_the_end_of_the_pairing_keeps_a_halted_channel_from_holding_it_up(hk: Opened, kr: Opened, is_ended):
    await left(hk, kr)
    if is_ended:
        await rotate(hk)
        return
    await keep(hk, RESUMED)
    assert isinstance(await refused(rotate(hk)), Halted)
    assert seals_to(hk, HK_TO_SG) == [FIRST]


async def test_where_no_peer_is_left_to_be_told_it_is_refused(hk: Opened, kr: Opened):
    await hk.release("hk-1")
    await settle(hk, kr)
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(RESTORED, "a drill")))
    await keep(hk, ENDED)
    error = await refused(rotate(hk))
    assert type(error) is WrongState
    assert "no peer is left" in error.message
    assert own_seal(hk.committer.latest().states) == FIRST


async def test_a_peer_of_before_that_was_not_heard_since_the_database_was_put_back_is_left_behind(hk, kr):
    """What would be said of the receipts that it has may be too little."""
    await left(hk, kr)
    await hk.committer.submit(lambda tx: tx.reopen(HK_TO_KR))
    await hk.committer.submit(lambda tx: tx.await_senders())
    await hk.committer.submit(lambda tx: tx.hear_sender(origin_of(DOMAINS["SG"], DOMAINS["HK"]), 0))
    await rotate(hk)
    assert (seals_to(hk, HK_TO_SG), seals_to(hk, HK_TO_KR)) == ([FIRST, SECOND], [FIRST])
    seals, _ = commands(hk)
    await seals.catch_up()
    assert seals_to(hk, HK_TO_KR) == [FIRST]
    await keep(hk, RESUMED)
    await settle(hk, kr)  # it shows what it has
    await seals.catch_up()
    assert seals_to(hk, HK_TO_KR) == [FIRST, SECOND]


async def test_a_database_of_an_earlier_form_tells_after_an_upgrade_what_was_left_behind(hk: Opened, kr: Opened):
    await left(hk, kr)
    await rotate(hk)
    before = hk.committer.latest().states
    await hk.committer.stop()
    downgrade(hk.database, "0024")
    hk.database.migrate()
    await hk.restart()
    states = hk.committer.latest().states
    assert [each.origin for each in left_behind(states)] == [HK_TO_KR]
    assert {origin: state.seals for origin, state in states.items()} == {
        origin: state.seals for origin, state in before.items()
    }
    await hk.rebuilt()
    assert hk.verify().findings == ()


async def test_the_peer_follows_from_the_old_seal_to_the_new_once_the_channel_goes_on(hk: Opened, kr: Opened):
    await left(hk, kr)
    await rotate(hk)
    await hk.restart()
    seals, files = commands(hk)
    await seals.catch_up()
    await keep(hk, RESUMED)
    await seals.catch_up()
    assert seals_to(hk, HK_TO_KR) == [FIRST], "it is halted still"
    await settle(hk, kr)  # the peer tells where it stands, and takes what waited, under the seal of before
    assert hk.state().halt is None
    assert kr.state(HK_TO_KR).log.size == 2
    await kr.release("kr-2", issuing_authority="FSC")
    await settle(kr, hk)  # its receipts are made by the seal of before, too
    assert kr.state(KR_TO_HK).receipted_size == 2
    await seals.catch_up()
    seals.look()
    await seals.catch_up()
    assert files == [True], "the keys of before go once it was told, and not before"
    await hk.release("hk-3")
    await kr.release("kr-3", issuing_authority="FSC")
    await settle(hk, kr)
    await settle(kr, hk)
    for origin in (HK_TO_KR, KR_TO_HK):
        assert hk.state(origin).seals == kr.state(origin).seals
        assert hk.state(origin).receipted_size == kr.state(origin).log.size == kr.state(origin).receipted_size
    assert seals_to(kr, HK_TO_KR) == [FIRST, SECOND]
    assert left_behind(hk.committer.latest().states) == []
    await hk.rebuilt()
    assert hk.verify().findings == kr.verify().findings == ()


async def test_the_keys_of_before_go_also_if_it_is_told_at_the_first_look_of_a_process(hk: Opened, kr: Opened):
    await left(hk, kr)
    await rotate(hk)
    await hk.committer.submit(lambda tx: tx.reopen(HK_TO_KR))
    await hk.restart()
    seals, files = commands(hk)
    await seals.catch_up()
    assert left_behind(hk.committer.latest().states) == []
    assert files == [True]


async def test_a_channel_that_two_rotations_left_behind_turns_to_the_last_one(hk: Opened, kr: Opened):
    await left(hk, kr)
    await rotate(hk)
    hk.keyring.add(THIRD, THIRD_KEYS)
    await rotate(hk, THIRD)
    assert own_seal(hk.committer.latest().states) == THIRD
    await keep(hk, RESUMED)
    await settle(hk, kr)
    await commands(hk)[0].catch_up()
    await hk.release("hk-3")
    await settle(hk, kr)
    assert seals_to(hk, HK_TO_SG) == [FIRST, SECOND, THIRD]
    assert seals_to(kr, HK_TO_KR) == [FIRST, THIRD]
    assert kr.state(HK_TO_KR).log.size == 4


async def test_the_next_rotation_waits_until_a_channel_that_goes_on_was_told_of_this_one(hk: Opened, kr: Opened):
    """Else two channels would tell two seals after the same one, and nobody which of them is in force."""
    await left(hk, kr)
    await rotate(hk)
    hk.keyring.add(THIRD, THIRD_KEYS)
    await keep(hk, RESUMED)
    await hk.committer.submit(lambda tx: tx.reopen(HK_TO_KR))
    error = await refused(rotate(hk, THIRD))
    assert type(error) is WrongState
    assert "KR has yet to be told" in error.message
    await commands(hk)[0].catch_up()
    await rotate(hk, THIRD)
    assert seals_to(hk, HK_TO_KR) == seals_to(hk, HK_TO_SG) == [FIRST, SECOND, THIRD]


async def test_a_forked_channel_goes_on_from_the_peers_history_and_then_turns(hk: Opened, kr: Opened):
    await hk.pair_with("SG")
    await fork_apart(hk, kr)
    await keep(hk, ENDED)
    assert hk.state().halt.reason == FORKED
    await rotate(hk)
    await keep(hk, RESUMED)
    agreed = await kept(kr)
    await given_up(hk, agreed)
    await settle(hk, kr)
    assert hk.state().halt is None
    await commands(hk)[0].catch_up()
    await hk.release("hk-6")
    await settle(hk, kr)
    assert hk.state().log.root() == kr.state(HK_TO_KR).log.root()
    assert seals_to(kr, HK_TO_KR) == [FIRST, SECOND]


# --- where the seal of before cannot sign any more --------------------------------------------------------------------


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
