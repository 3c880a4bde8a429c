"""Seals in the store: a rotation is one commit, both ends come to the same seals, an old one signs nothing more."""

from contextlib import suppress
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import count

import pytest
from google.type.date_pb2 import Date
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.errors import Halted, Unavailable, Untrusted, WrongState
from gateway.identity.seals.signers import Keyring
from gateway.ledger.checkpoint import Checkpoint, Signer, open_checkpoint, open_receipt, sign_checkpoint
from gateway.ledger.seals import CertifiedSeal, SealHistory
from gateway.ledger.steps import Halt
from gateway.moments import datetime_of
from gateway.store.database import snapshot
from gateway.store.logs import read_batch
from gateway.store.recovery.rebuild import rebuild
from gateway.store.recovery.replacing import knows_seal, replace_own_seal, replace_peer_seal
from gateway.store.reverify import verify_store
from gateway.store.tables import events, heads, seals
from gateway.store.transaction import Transaction
from gateway.store.waiting import MAX_GROUP_WEIGHT
from tests.ledger.samples import FixedSeal
from tests.store.exchanging import exchange, settle
from tests.store.rotating import put_back, rotate
from tests.store.stores import (
    AUTHOR,
    CERTIFIED,
    DOMAINS,
    HK_TO_KR,
    KR_TO_HK,
    NEXT,
    NEXT_CERTIFIED,
    NOW,
    SEALS,
    Opened,
    refused,
)
from tests.supervision.samples import handling
from tests.support.seals import certified


def seals_of(store: Opened, origin: str) -> tuple[list[int], list[int]]:
    """Above which sizes the seals of a channel's sender and recipient hold."""
    found = store.state(origin).seals
    return [span.above for span in found.sender.spans], [span.above for span in found.receiver.spans]


async def grown(hk: Opened, kr: Opened) -> None:
    """Three envelopes there, two back, all receipted; then Hong Kong rotates, and gives one more."""
    await hk.release("hk-1", "hk-2", "hk-3")
    await kr.release("kr-1", "kr-2", issuing_authority="FSC")
    await settle(hk, kr)
    await rotate(hk)
    await hk.release("hk-4")


async def test_a_rotation_is_signed_by_the_old_seal_and_all_after_it_by_the_new_one(hk: Opened, kr: Opened):
    await grown(hk, kr)
    assert seals_of(hk, HK_TO_KR) == ([0, 4], [0])
    assert seals_of(hk, KR_TO_HK) == ([0], [0, 2])
    notes = {row["size"]: row["note"] for row in await hk.rows(heads) if row["channel"] == 1}
    open_checkpoint(notes[4], HK_TO_KR, SEALS["HK"].public)
    open_checkpoint(notes[5], HK_TO_KR, NEXT["HK"].public)


async def test_the_peer_learns_of_it_and_both_come_to_the_same(hk: Opened, kr: Opened):
    await grown(hk, kr)
    await settle(hk, kr)
    await rotate(kr)
    await kr.release("kr-3", issuing_authority="FSC")
    await settle(kr, hk)
    await settle(hk, kr)
    for origin in (HK_TO_KR, KR_TO_HK):
        assert hk.state(origin).seals == kr.state(origin).seals
        assert hk.state(origin).receipt == kr.state(origin).receipt
        assert hk.state(origin).receipted_size == hk.state(origin).log.size
    assert seals_of(hk, KR_TO_HK) == ([0, 3], [0, 2])
    assert [row["kind"] for row in await hk.rows(events)].count(Event.SEAL_ROTATED) == 2


async def test_a_batch_ends_where_the_seal_turns_from_memory_and_from_the_log(hk: Opened, kr: Opened):
    await grown(hk, kr)
    assert hk.committer.recent.batch(HK_TO_KR, 3, 5).checkpoint == (await hk.read(read_batch, 1, 3, 5)).checkpoint
    assert len((await hk.read(read_batch, 1, 0, 5)).envelopes) == 4
    assert len((await hk.read(read_batch, 1, 4, 5)).envelopes) == 1


async def test_the_last_head_under_a_seal_outlives_later_receipts(hk: Opened, kr: Opened):
    await grown(hk, kr)
    await exchange(hk, kr, drop_after=100)
    assert {row["size"] for row in await hk.rows(heads) if row["channel"] == 1} >= {4, 5}
    await hk.keep_receipt()
    assert {row["size"] for row in await hk.rows(heads) if row["channel"] == 1} >= {4, 5}


async def test_nothing_beyond_its_end_verifies_under_an_old_seal(hk: Opened, kr: Opened):
    await grown(hk, kr)
    await settle(hk, kr)
    forged = sign_checkpoint(Checkpoint(HK_TO_KR, 9, bytes(32)), SEALS["HK"], NOW // 1_000_000)
    with pytest.raises(Untrusted, match="gave up the keys of this signature at size 4"):
        open_checkpoint(forged.note, HK_TO_KR, kr.state(HK_TO_KR).seals.sender)


async def test_a_receipt_under_a_seal_that_is_not_known_yet_waits_for_the_other_channel(hk: Opened, kr: Opened):
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(kr, hk)
    await rotate(kr)
    await hk.release("hk-1")
    with pytest.raises(AssertionError, match="UNKNOWN_SEAL"):
        await exchange(hk, kr)
    await exchange(hk, kr)  # the position under that seal: gone on from, and no receipt
    assert hk.state().receipted_size == 0
    await settle(kr, hk)
    await exchange(hk, kr)
    receipt = hk.state().receipt
    assert receipt is not None
    open_receipt(receipt.note, HK_TO_KR, SEALS["HK"].public, DOMAINS["KR"], NEXT["KR"].public)


async def test_a_halted_channel_keeps_the_seal_from_rotating(hk: Opened, kr: Opened):
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt("OPERATOR", "a drill")))
    assert isinstance(await refused(rotate(hk)), Halted)
    assert seals_of(hk, HK_TO_KR) == ([0], [0])


async def test_a_rotation_that_is_asked_for_again_is_sealed_once(hk: Opened, kr: Opened):
    """Its commit may have failed, as its caller was told, and be there: a second one would end no batch of its own."""
    await hk.release("hk-1")
    await settle(hk, kr)
    backup = kr.backup()
    await rotate(hk)
    await rotate(hk)
    await hk.release("hk-2")
    await settle(hk, kr)
    assert (hk.state().log.size, seals_of(hk, HK_TO_KR)) == (3, ([0, 2], [0]))
    await kr.restore(backup)
    await settle(hk, kr)
    assert kr.state(HK_TO_KR).log.size == 3


async def test_a_sender_that_lost_its_rotation_has_it_back_from_the_peer(hk: Opened, kr: Opened):
    await hk.release("hk-1")
    await settle(hk, kr)
    backup = hk.backup()
    await rotate(hk)
    await hk.release("hk-2")
    await settle(hk, kr)
    await hk.restore(backup)
    await settle(hk, kr)
    assert hk.state().seals == kr.state(HK_TO_KR).seals
    assert hk.state().halt is None
    await hk.release("hk-3")
    await settle(hk, kr)
    assert hk.state().receipted_size == 4


@pytest.mark.parametrize("destroyed", [False, True], ids=["whole", "of which content is destroyed"])
async def test_a_node_comes_back_from_a_backup_since_which_both_ends_rotated(hk: Opened, kr: Opened, destroyed: bool):
    """What tells it of either seal stands in a channel that waits for what was signed under the other one."""
    backup = hk.backup()
    day = handling(retain_until=Date(year=2026, month=1, day=2))
    await kr.release("kr-1", issuing_authority="FSC", handling=day)
    await settle(kr, hk)
    for one, other in ((hk, kr), (kr, hk)):
        await rotate(one)
        await settle(one, other)
    if destroyed:
        await kr.destroy(date(2026, 1, 3))
    await hk.release("hk-1")
    await kr.release("kr-2", issuing_authority="FSC")
    await settle(kr, hk)
    await settle(hk, kr)
    hk.keyring = Keyring([(NEXT_CERTIFIED["HK"], NEXT["HK"])])  # its home keeps no key that was replaced
    await hk.restore(backup)
    for one, other in ((hk, kr), (kr, hk), (hk, kr), (kr, hk)):
        with suppress(AssertionError):  # UNKNOWN_SEAL, until the other channel tells it
            await exchange(one, other)
    for origin in (HK_TO_KR, KR_TO_HK):
        assert hk.state(origin).log == kr.state(origin).log
        assert hk.state(origin).seals == kr.state(origin).seals
        assert hk.state(origin).receipted_size == kr.state(origin).receipted_size == kr.state(origin).log.size
    await hk.destroy(date(2026, 1, 3))  # what it says of this stands in the log, too


async def test_a_node_comes_back_from_a_backup_since_which_it_rotated_twice(hk: Opened, kr: Opened):
    """What its peer holds ends with a rotation: that was signed by a seal of which nothing here tells but a file."""
    backup = hk.backup()
    await hk.release("hk-1")
    await rotate(hk)
    third = FixedSeal("hk third")
    seal = certified(third, DOMAINS["HK"])
    hk.keyring.add(seal, third)
    await rotate(hk, seal)
    await settle(hk, kr)
    hk.keyring, hk.earlier_seals = Keyring([(seal, third)]), (CERTIFIED["HK"], NEXT_CERTIFIED["HK"])
    await hk.restore(backup)
    await settle(hk, kr)
    assert hk.state().log == kr.state(HK_TO_KR).log
    assert hk.state().seals == kr.state(HK_TO_KR).seals
    assert hk.state().halt is None


async def test_after_a_restore_no_seal_rotates_before_the_peer_has_sent_all_again(hk: Opened, kr: Opened):
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(kr, hk)
    backup = hk.backup()
    await kr.release("kr-2", issuing_authority="FSC")
    await settle(kr, hk)
    assert kr.state().receipted_size == 2
    await put_back(hk, backup)
    await exchange(hk, kr)
    assert hk.state().halt is None, "its own channel goes on"
    for _ in range(2):
        refusal = await refused(rotate(hk))
        assert isinstance(refusal, WrongState)
        assert "not all is back yet from KR" in str(refusal)
        await hk.restart()  # which remembers it
    await exchange(kr, hk, drop_after=2)
    assert isinstance(await refused(rotate(hk)), WrongState), "it has told how much it has, and that is not here yet"
    await settle(kr, hk)
    await rotate(hk)
    await settle(hk, kr)
    assert seals_of(kr, KR_TO_HK) == ([0], [0, 2]), "the receipt for both of before still verifies"


async def test_a_seal_waits_as_well_where_only_the_peer_told_that_the_database_was_put_back(hk: Opened, kr: Opened):
    backup = hk.backup()
    await hk.release("hk-1")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(kr, hk)
    await hk.restore(backup)
    await exchange(hk, kr)
    assert hk.state().log.size == 1
    assert isinstance(await refused(rotate(hk)), WrongState)
    await settle(kr, hk)
    await rotate(hk)


async def test_an_operator_may_rotate_a_seal_before_all_is_back(hk: Opened, kr: Opened):
    backup = hk.backup()
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(kr, hk)
    await put_back(hk, backup)
    await exchange(hk, kr)
    unit = partial(Transaction.rotate_seal, author=AUTHOR, seal=NEXT_CERTIFIED["HK"], before_all_is_back=True)
    await hk.committer.submit(unit, weight=MAX_GROUP_WEIGHT)
    await settle(hk, kr)
    assert seals_of(kr, KR_TO_HK) == ([0], [0, 0])
    kr.damaged = True  # it holds a receipt of keys that were given up before it


async def test_a_peer_that_had_sent_nothing_holds_up_no_rotation_once_it_was_heard(hk: Opened, kr: Opened):
    await put_back(hk, hk.backup())
    await exchange(hk, kr)
    assert isinstance(await refused(rotate(hk)), WrongState)
    await exchange(kr, hk)
    await rotate(hk)


async def test_a_seal_whose_keys_are_not_here_signs_nothing(hk: Opened):
    await rotate(hk)
    await hk.committer.stop()
    hk.keyring = Keyring([(CERTIFIED["HK"], SEALS["HK"])])
    hk.write_on()
    assert isinstance(await refused(hk.release("hk-9")), Unavailable)
    assert hk.state().log.size == 1


async def test_seals_are_rebuilt_from_the_logs(hk: Opened, kr: Opened):
    await grown(hk, kr)
    await settle(hk, kr)
    await rotate(kr)
    await settle(kr, hk)
    before = await hk.rows(seals)
    assert len(before) == 8
    with hk.database.writer() as connection, connection.begin():
        connection.execute(seals.delete().where(seals.c.rotated_channel.is_not(None)))
    await hk.rebuilt()
    assert await hk.rows(seals) == before


@pytest.mark.parametrize("rotates_first", [True, False])
async def test_a_rotation_and_a_replacement_between_which_nothing_was_sealed_keep_their_order(hk, kr, rotates_first):
    third_keys, later = FixedSeal("hk third"), NOW + 1_000_000_000
    third = certified(third_keys, DOMAINS["HK"], datetime_of(later))
    hk.keyring.add(third, third_keys)

    async def replaced(seal: CertifiedSeal, keys: Signer) -> None:
        await hk.committer.stop()
        replace_own_seal(hk.database, seal, keys, later)
        hk.clock = count(later, 250_000)
        hk.write_on()

    await hk.release("hk-1")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    await settle(kr, hk)
    if rotates_first:
        await rotate(hk)
        await replaced(third, third_keys)
        expected = [CERTIFIED["HK"], NEXT_CERTIFIED["HK"], third]
    else:
        await replaced(third, third_keys)
        await rotate(hk)
        expected = [CERTIFIED["HK"], third, NEXT_CERTIFIED["HK"]]
    await hk.rebuilt()
    for history in (hk.state(HK_TO_KR).seals.sender, hk.state(KR_TO_HK).seals.receiver):
        assert [span.seal for span in history.spans] == expected
    hk.earlier_seals = (third,)
    assert hk.verify().findings == ()


async def test_a_lost_seal_is_replaced_at_both_ends(hk: Opened, kr: Opened):
    """What had no receipt yet goes out under the new one."""
    await hk.release("hk-1")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    await hk.release("hk-2")
    for store in (hk, kr):
        await store.committer.stop()
    replace_own_seal(hk.database, NEXT_CERTIFIED["HK"], NEXT["HK"], NOW + 1_000_000_000)
    rebuild(hk.database, NOW)
    with kr.database.readers.connect() as connection:
        assert not knows_seal(connection, DOMAINS["HK"], NEXT_CERTIFIED["HK"])
        assert knows_seal(connection, DOMAINS["HK"], CERTIFIED["HK"])
    replace_peer_seal(kr.database, DOMAINS["HK"], NEXT_CERTIFIED["HK"], NOW + 1_000_000_000)
    for store in (hk, kr):
        store.write_on()
    await kr.release("kr-2", issuing_authority="FSC")
    await settle(hk, kr)
    await settle(kr, hk)
    for origin in (HK_TO_KR, KR_TO_HK):
        assert hk.state(origin).log == kr.state(origin).log
        assert hk.state(origin).receipted_size == 2
    assert hk.state().seals.sender.newest == NEXT_CERTIFIED["HK"]
    assert isinstance(hk.state().seals.sender, SealHistory)
    replaced = replace(hk.parties.own, seal=NEXT_CERTIFIED["HK"], earlier_seals=(CERTIFIED["HK"],))
    for store in (hk, kr):
        store.damaged = True  # its files name the seal before alone
        parties = (
            replace(store.parties, own=replaced) if store is hk else replace(store.parties, peers={"HK": replaced})
        )
        with snapshot(store.url, store.home) as connection:
            assert verify_store(connection, parties).findings == ()
