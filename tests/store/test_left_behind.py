"""A channel that has halted, and whose pairing has ended, holds up no rotation: it is told of it when it goes on."""

import pytest
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.errors import Halted, WrongState
from gateway.ledger.checkpoint import open_checkpoint
from gateway.ledger.origins import origin_of
from gateway.ledger.steps import FORKED, RESTORED, Halt
from gateway.store.opening import check_channels, check_journal
from gateway.store.own_seal import left_behind, own_seal, read_own_seal
from gateway.store.tables import JOURNAL, events, heads
from tests.store.exchanging import settle
from tests.store.pairing import ENDED, RESUMED, keep
from tests.store.rotating import FIRST, HK_TO_SG, SECOND, THIRD, THIRD_KEYS, commands, left, rotate, seals_to
from tests.store.settlement import fork_apart, given_up, kept
from tests.store.stores import (
    DOMAINS,
    HK_TO_KR,
    KR_TO_HK,
    NEXT,
    Opened,
    downgrade,
    refused,
)


@pytest.fixture
def kind() -> str:
    """How seals are kept is tried on both databases in ``test_seals``."""
    return "sqlite"


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
