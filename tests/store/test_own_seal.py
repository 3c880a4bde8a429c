"""Which seal a node has whose database was put back: it may not know, and has keys that another peer needs."""

from contextlib import suppress
from dataclasses import replace

import pytest

from gateway.errors import SealUnavailable
from gateway.identity.seals.signers import Keyring
from gateway.ledger.checkpoint import open_checkpoint
from gateway.ledger.origins import reverse_of
from gateway.ledger.seals import CertifiedSeal, ChannelSeals, SealHistory
from gateway.ledger.steps import FORKED, RESTORED, SENDER_ROLLED_BACK, Halt
from gateway.store.own_seal import cosigning, own_seal, to_catch_up
from gateway.store.pairings import keep_ending
from gateway.store.recovery.awaiting import halt_outgoing
from gateway.store.state import ChannelState
from gateway.store.tables import JOURNAL, heads
from gateway.supervision.notices.records import ChannelEnds
from tests.ledger import samples
from tests.store.exchanging import exchange, settle
from tests.store.pairing import ENDED
from tests.store.rotating import FIRST, HK_TO_SG, SECOND, rotate
from tests.store.stores import HK_TO_KR, KR_TO_HK, NEXT, SEALS, Opened

FIRST_ONE, SECOND_ONE, THIRD_ONE = (
    replace(samples.certified(samples.fixed_seal(f"hk {each}")), not_before=each) for each in (1, 2, 3)
)
KR_SEALS = SealHistory.of(samples.KR_SEAL.public)


@pytest.fixture
def kind() -> str:
    """How seals are kept is tried on both databases in ``test_seals``."""
    return "sqlite"


def history(*seals: CertifiedSeal) -> SealHistory:
    found = SealHistory.of(seals[0])
    for above, each in enumerate(seals[1:], 1):
        found = found.rotated(above, each)
    return found


def pair(origin: str, *seals: CertifiedSeal, halt: Halt | None = None) -> dict[str, ChannelState]:
    """Both channels between Hong Kong and a peer, and the seals of Hong Kong in them."""
    back, told = reverse_of(origin), history(*seals)
    return {
        origin: ChannelState(
            1, origin, ChannelEnds("HK", "KR", outgoing=True), ChannelSeals(origin, told, KR_SEALS), halt=halt
        ),
        back: ChannelState(2, back, ChannelEnds("KR", "HK", outgoing=False), ChannelSeals(back, KR_SEALS, told)),
    }


# --- which seal the channels tell ---------------------------------------------------------------------------------


@pytest.mark.parametrize("is_first", [True, False])
def test_a_channel_that_turned_to_the_last_of_two_rotations_is_not_turned_back_to_the_first_of_them(is_first: bool):
    """The other one, whose peer was not heard since the database was put back, does not tell the last one yet."""
    there, lost = pair(HK_TO_KR, FIRST_ONE, THIRD_ONE), pair(HK_TO_SG, FIRST_ONE, SECOND_ONE, halt=Halt(RESTORED, ""))
    states = there | lost if is_first else lost | there
    assert own_seal(states) == THIRD_ONE
    assert to_catch_up(states) == []


def test_that_is_so_also_where_the_certificates_do_not_tell_which_came_last():
    alike = [replace(each, not_before=0) for each in (FIRST_ONE, SECOND_ONE, THIRD_ONE)]
    lost = pair(HK_TO_SG, *alike[:2], halt=Halt(RESTORED, ""))
    assert to_catch_up(lost | pair(HK_TO_KR, alike[0], alike[2])) == []


def test_one_that_does_not_tell_what_another_one_tells_is_turned():
    states = pair(HK_TO_SG, FIRST_ONE, SECOND_ONE) | pair(HK_TO_KR, FIRST_ONE)
    assert [each.origin for each in to_catch_up(states)] == [HK_TO_KR]


# --- which one signs receipts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "here", "expected"),
    [
        ("", (SECOND_ONE, FIRST_ONE), FIRST_ONE),
        (FORKED, (SECOND_ONE, FIRST_ONE), FIRST_ONE),
        (RESTORED, (SECOND_ONE, FIRST_ONE), SECOND_ONE),
        (SENDER_ROLLED_BACK, (SECOND_ONE, FIRST_ONE), SECOND_ONE),
        ("", (SECOND_ONE,), SECOND_ONE),
    ],
)
def test_keys_of_before_countersign_only_where_it_is_known_that_they_are_in_force(reason, here, expected):
    states = pair(HK_TO_KR, FIRST_ONE, halt=Halt(reason, "") if reason else None)
    assert cosigning(states[KR_TO_HK], states[HK_TO_KR], here) == expected


@pytest.mark.parametrize("reason", ["", RESTORED])
def test_a_replica_that_has_only_a_seal_of_before_countersigns_nothing_with_it(reason):
    """It was given up for all that has no receipt yet: the peer would take no such receipt, and none after it."""
    states = pair(HK_TO_KR, FIRST_ONE, SECOND_ONE, halt=Halt(reason, "") if reason else None)
    assert cosigning(states[KR_TO_HK], states[HK_TO_KR], (FIRST_ONE,)) == SECOND_ONE


def test_a_seal_that_came_after_the_one_that_a_process_began_with_countersigns_also_while_it_waits_for_its_peer():
    states = pair(HK_TO_KR, FIRST_ONE, SECOND_ONE, halt=Halt(RESTORED, ""))
    assert cosigning(states[KR_TO_HK], states[HK_TO_KR], (FIRST_ONE, SECOND_ONE)) == SECOND_ONE


# --- both, in a node ----------------------------------------------------------------------------------------------


async def put_back(hk: Opened, kr: Opened) -> None:
    """Hong Kong goes back to before a rotation that left Singapore behind, and Korea has more for it."""
    await hk.pair_with("SG")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(kr, hk)
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_SG, Halt(RESTORED, "a drill")))
    await hk.committer.submit(lambda tx: keep_ending(tx, "SG", (HK_TO_SG, reverse_of(HK_TO_SG)), ENDED))
    backup = hk.backup()
    await rotate(hk)
    await settle(hk, kr)
    await kr.release("kr-2", issuing_authority="FSC")
    await settle(kr, hk)
    hk.keyring = Keyring([(SECOND, NEXT["HK"]), (FIRST, SEALS["HK"])])  # the latter: for Singapore
    await kr.release("kr-3", issuing_authority="FSC")
    await hk.restore(backup)
    states = hk.committer.latest().states
    await hk.committer.submit(lambda tx: halt_outgoing(tx, states, "restored"))


async def test_what_comes_before_the_peer_was_heard_is_receipted_by_no_seal_that_it_knows_as_given_up(hk, kr):
    """It would take such a receipt never, nor a Position that shows it: nothing more would come."""
    await put_back(hk, kr)
    for one, other in ((kr, hk), (hk, kr), (kr, hk)):
        with suppress(AssertionError):  # UNKNOWN_SEAL, until the other channel tells it
            await exchange(one, other)
    await kr.release("kr-4", issuing_authority="FSC")
    await settle(kr, hk)
    assert kr.state().receipted_size == hk.state(KR_TO_HK).log.size == 4


async def test_what_a_replica_receives_before_it_has_the_seal_in_force_is_kept_and_has_its_receipt_once_it_has(hk, kr):
    """Another replica has rotated, with the keys that lie prepared in this one's home, too."""
    await rotate(hk)
    await settle(hk, kr)
    await hk.committer.stop()
    hk.keyring = Keyring([(FIRST, SEALS["HK"])])
    hk.write_on()
    await kr.release("kr-1", issuing_authority="FSC")
    with pytest.raises(SealUnavailable):
        await exchange(kr, hk)
    assert (hk.state(KR_TO_HK).log.size, hk.state(KR_TO_HK).receipted_size, kr.state().receipted_size) == (1, 0, 0)
    hk.keyring.add(SECOND, NEXT["HK"])
    await settle(kr, hk)
    assert kr.state().receipted_size == 1


async def test_its_journal_is_signed_by_the_seal_of_its_home_meanwhile(hk: Opened, kr: Opened):
    await put_back(hk, kr)
    hk.earlier_seals = (SECOND,)
    await hk.committer.submit(lambda tx: keep_ending(tx, "SG", (HK_TO_SG, reverse_of(HK_TO_SG)), ENDED.resumed(2**31)))
    await hk.committer.submit(lambda tx: tx.sign_journal())
    (note,) = [row["note"] for row in await hk.rows(heads) if row["channel"] == JOURNAL]
    open_checkpoint(note, hk.committer.latest().journal.origin, NEXT["HK"].public)
