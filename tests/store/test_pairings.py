"""The end of a pairing in the store: both channels have it, and it is told once; what the node itself owes goes on."""

import pytest
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.journal_pb2 import JournalEntry

from gateway.errors import BadInput, PairingEnded
from gateway.store.pairings import END, RESUME, not_paired, pairing_ended, require_paired
from gateway.store.tables import JOURNAL, events, leaves
from tests.store.damages import damaged, named
from tests.store.destruction import NEXT_DAY, found, three_notices
from tests.store.drafting import Drafting, notice_draft, withdrawal_draft
from tests.store.exchanging import settle
from tests.store.pairing import ENDED, ORIGINS, RESUMED, keep
from tests.store.rotating import rotate
from tests.store.stores import HK_TO_KR, NEXT_CERTIFIED, Opened, check_verified, refused


async def told(store: Opened) -> list[tuple[int, str]]:
    kinds = (Event.PAIRING_ENDED, Event.PAIRING_RESUMED)
    return [(row["kind"], row["detail"]) for row in await store.rows(events) if row["kind"] in kinds]


async def journaled(store: Opened) -> list[str]:
    rows = [row for row in await store.rows(leaves) if row["channel"] == JOURNAL]
    entries = [JournalEntry.FromString(row["data"]) for row in rows]
    assert all(list(each.resources) == ["peers/kr"] for each in entries)
    return [each.method for each in entries]


async def test_both_channels_have_it_with_an_event_and_an_entry_and_a_restart_finds_it(hk):
    assert await keep(hk, ENDED)
    assert [hk.state(each).ended for each in ORIGINS] == [ENDED, ENDED]
    ((kind, detail),) = await told(hk)
    assert kind == Event.PAIRING_ENDED
    assert all(word in detail for word in ("KR", "Chan", "the memorandum ended", "2026-02-02"))
    assert await journaled(hk) == [END]
    await hk.restart()
    assert [hk.state(each).ended for each in ORIGINS] == [ENDED, ENDED]
    await hk.rebuilt()
    assert hk.state().ended == ENDED
    assert len(await told(hk)) == 1


@pytest.mark.parametrize("of", [Event.PAIRING_ENDED, Event.PAIRING_RESUMED], ids=["ended", "resumed"])
async def test_a_check_finds_an_end_that_is_not_what_was_decided(hk, of):
    await keep(hk, ENDED)
    if of == Event.PAIRING_RESUMED:
        await keep(hk, RESUMED)
    assert hk.verify().findings == ()
    never = "ended_time = 0, resumed_time = 0, ended_by = '', end_reason = ''"
    turned = "resumed_time = 0" if of == Event.PAIRING_RESUMED else "resumed_time = ended_time + 1"
    edits = [f"UPDATE channels SET {each} WHERE id = 2" for each in (never, turned, "ended_time = ended_time + 1")]
    if of == Event.PAIRING_ENDED:
        edits += [f"UPDATE channels SET {each} = 'another' WHERE id = 1" for each in ("ended_by", "end_reason")]
    edits += [
        "UPDATE channels SET ended_time = 1000000000000000 WHERE id = 1",
        f"UPDATE events SET detail = 'another' WHERE kind = {of}",
    ]
    for statement in edits:
        with damaged(hk, statement) as report:
            assert "channels" in named(report), statement
    told = f"DELETE FROM events WHERE kind IN ({Event.PAIRING_ENDED}, {Event.PAIRING_RESUMED})"
    with damaged(hk, f"UPDATE channels SET {never} WHERE id > 0", told) as report:
        assert any("as the access journal: it" in str(each) for each in report.findings), "that is sealed"


async def test_what_is_known_or_older_is_told_to_nobody_and_changes_nothing(hk):
    assert await keep(hk, ENDED)
    assert not await keep(hk, ENDED)
    assert await keep(hk, RESUMED)
    assert not await keep(hk, ENDED)
    assert hk.state().ended is None
    assert hk.state().ending == RESUMED
    assert await journaled(hk) == [END, RESUME]
    assert [kind for kind, _ in await told(hk)] == [Event.PAIRING_ENDED, Event.PAIRING_RESUMED]


async def test_what_one_replica_was_told_the_other_knows(replicas):
    one, other = replicas
    await keep(one, ENDED)
    await other.committer.follow(one.committer.latest().version)
    assert [other.state(each).ended for each in ORIGINS] == [ENDED, ENDED]
    assert not await keep(other, ENDED)
    await keep(other, RESUMED)
    await one.committer.follow(other.committer.latest().version)
    assert one.state().ended is None


async def test_what_the_peer_receipted_stays_and_what_waits_goes_on_once_they_are_paired_again(hk, kr):
    await hk.release("hk-1")
    await settle(hk, kr)
    await hk.release("hk-2")
    await keep(hk, ENDED)
    state = hk.state()
    assert (state.log.size, state.receipted_size) == (2, 1)
    check_verified(hk)
    await keep(hk, RESUMED)
    await settle(hk, kr)
    assert (hk.state().receipted_size, kr.state(HK_TO_KR).log.size) == (2, 2)


async def test_content_is_destroyed_on_its_day_all_the_same(hk, kr):
    await three_notices(hk, kr)
    await keep(hk, ENDED)
    await hk.destroy(NEXT_DAY)
    assert found(hk) == []


async def test_a_seal_that_is_rotated_meanwhile_is_told_once_they_are_paired_again(hk, kr):
    await hk.release("hk-1")
    await settle(hk, kr)
    await keep(hk, ENDED)
    await rotate(hk)
    await keep(hk, RESUMED)
    await hk.release("hk-2")
    await settle(hk, kr)
    assert kr.state(HK_TO_KR).log.size == 3
    assert kr.state(HK_TO_KR).seals.sender.newest == NEXT_CERTIFIED["HK"]


async def test_a_draft_for_a_peer_of_before_is_not_released(hk):
    drafting = Drafting(hk)
    draft = await drafting.pending(notice_draft("hk-1"))
    await keep(hk, ENDED)
    error = await refused(drafting.approve(draft))
    assert isinstance(error, BadInput)
    ((field, said),) = [(each.field, each.description) for each in error.violations]
    assert field == "draft.create_notice.notice.recipient"
    assert said == not_paired("KR", ENDED)
    await keep(hk, RESUMED)
    await drafting.approve(draft)
    assert hk.state().log.size == 1


async def test_a_withdrawal_is_not_submitted_since_nobody_would_hear_of_it(hk):
    await hk.release("hk-1")
    await keep(hk, ENDED)
    drafting = Drafting(hk)
    error = await refused(drafting.pending(withdrawal_draft("hk-1")))
    assert isinstance(error, PairingEnded)
    assert error.metadata == {"peer": "KR"}


async def test_what_is_said_of_it_names_the_peer_and_the_time_and_not_who_and_why(hk):
    await keep(hk, ENDED)
    for origin in ORIGINS:
        with pytest.raises(PairingEnded) as caught:
            require_paired(hk.state(origin))
        assert caught.value.message == pairing_ended("KR", ENDED).message
        assert "2026-02-02" in caught.value.message
        assert "Chan" not in caught.value.message
        assert ENDED.reason not in caught.value.message
