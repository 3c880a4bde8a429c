"""Drafts that somebody edited in the database: who read another one releases nothing, and checks."""

from dataclasses import replace

import pytest
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.values_pb2 import Handling
from sqlalchemy import update

from gateway.errors import Stale
from gateway.store.tables import drafts
from gateway.supervision.envelopes import envelopes
from tests.store.drafting import CHECKER, DAY, LIFETIME_DAYS, WRITER, notice_draft, sealed
from tests.store.stores import HK_TO_KR, NOW, Opened
from tests.supervision.samples import content

MET_ANOTHER = "said something else to who acted on it than its author wrote"
OTHER = "spiffe://gateway.hk.example/SFC/other"
URGENT = notice_draft("hk-1", content(urgency=NoticeContent.IMMEDIATE)).create_notice.SerializeToString()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"reviewer_client": "spiffe://gateway.hk.example/SFC/other"}, "which no envelope"),
        ({"author_client": "spiffe://gateway.hk.example/SFC/other"}, "which no envelope"),
        ({"author_officer": "somebody"}, "which no envelope"),
        ({"released": "notices/hk-2"}, "which no envelope"),
        ({"released": "assessments/hk-2"}, "which no envelope"),
        ({"released": ""}, "became nothing"),
        ({"state": Draft.PENDING_APPROVAL}, "is PENDING_APPROVAL"),
        ({"request": b""}, "has an act"),
        ({"act": "nonsense"}, "has an act"),
        ({"sequence": 7}, "out of sequence"),
        ({"authority": "HKMA"}, "of another authority"),
    ],
)
async def test_a_check_finds_a_draft_that_does_not_fit_what_became_of_it(hk, drafting, change, where):
    await drafting.approve(await drafting.pending(notice_draft("hk-1")))
    await hk.release("hk-2")
    hk.damaged = True
    with hk.database.writer() as connection, connection.begin():
        connection.execute(update(drafts).values(change))
    assert any(where in str(each) for each in hk.verify().findings), hk.verify().findings


@pytest.mark.parametrize(
    "change",
    [{"expires_at": NOW + 1}, {"reason": "Because."}],
    ids=lambda change: next(iter(change)),
)
async def test_a_check_does_not_find_what_is_changed_of_a_draft_that_waits(hk, drafting, change):
    """No log holds it, as docs/security.md says."""
    await drafting.pending()
    with hk.database.writer() as connection, connection.begin():
        connection.execute(update(drafts).values(change))
    assert hk.verify().findings == ()


@pytest.mark.parametrize(
    "change",
    [
        {"author_client": OTHER},
        {"author_officer": "somebody"},
        {"tlp": Handling.CLEAR},
        {"request": URGENT},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_draft_is_not_released_by_who_read_another_though_its_revision_is_the_same(hk, drafting, change):
    pending = await drafting.pending(notice_draft("hk-1"))
    edit_drafts(hk, change)
    with pytest.raises(Stale):
        await drafting.approve(pending)
    assert await sealed(hk) == []


async def test_a_check_finds_a_draft_that_was_released_in_the_name_of_another_by_who_wrote_it(hk, drafting):
    """Who edits the database before anybody reads it cannot edit the access journal, which names who wrote it."""
    pending = await drafting.pending()
    edit_drafts(hk, {"author_client": OTHER})
    await drafting.approve(await drafting.get(pending), replace(WRITER, roles=CHECKER.roles | WRITER.roles))
    [envelope] = await sealed(hk)
    assert (envelope.author.client, envelope.approver.client) == (OTHER, WRITER.client)
    assert any(f"has author_client '{OTHER}'" in str(each) for each in hk.verify().findings)


async def test_a_check_finds_that_another_draft_was_released_than_its_author_wrote(hk, drafting):
    """What the officer read and approved was not what the author wrote; nothing of the draft is left to compare."""
    pending = await drafting.pending(notice_draft("hk-1"))
    edit_drafts(hk, {"request": URGENT})
    assert any("says something else than its author wrote" in str(each) for each in hk.verify().findings)
    await drafting.approve(await drafting.get(pending))
    assert (await hk.rows(drafts))[0]["salt"] is None
    assert [each.what for each in hk.verify().findings] == [MET_ANOTHER]


async def test_so_it_does_though_the_draft_was_put_right_again_or_has_no_salt_any_more(hk, drafting):
    pending = await drafting.pending(notice_draft("hk-1"))
    edit_drafts(hk, {"request": URGENT})
    rejected = await drafting.reject(await drafting.get(pending))
    edit_drafts(hk, {"request": pending.create_notice.SerializeToString()})
    assert [each.what for each in hk.verify().findings] == [MET_ANOTHER]
    again = await drafting.submit(await drafting.update(rejected_anew(rejected)))
    assert hk.verify().findings == (), "its author wrote it anew"
    edit_drafts(hk, {"salt": None})
    await drafting.approve(await drafting.get(again))
    assert [each.what for each in hk.verify().findings] == [MET_ANOTHER]


@pytest.mark.parametrize(
    "change", [{"tlp": Handling.CLEAR}, {"rule": ""}, {"request": URGENT}, {"sectors": 32}, {"salt": None}], ids=str
)
async def test_a_check_finds_a_draft_that_waits_and_says_something_else_than_was_written(hk, drafting, change):
    await drafting.pending(notice_draft("hk-1"))
    edit_drafts(hk, change)
    [found] = hk.verify().findings
    assert found.what == "says something else than its author wrote, or has another label or author"


async def test_a_draft_of_an_earlier_version_has_no_digest_and_fits(hk, drafting, monkeypatch):
    monkeypatch.setattr("gateway.supervision.drafts.SALT_BYTES", 0)
    waiting = await drafting.pending(notice_draft("hk-1"))
    monkeypatch.undo()
    assert hk.verify().findings == ()
    await drafting.approve(waiting)
    await drafting.update(rejected_anew(await drafting.create()))
    assert hk.verify().findings == ()


@pytest.mark.parametrize(
    "change",
    [
        {"author_client": OTHER},
        {"author_officer": "somebody"},
        {"reviewer_client": OTHER},
        {"created_at": NOW + 1},
        {"updated_at": NOW + 1},
        {"submitted_at": NOW + 1},
        {"reviewed_at": NOW + 1},
        {"revision": 9},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_check_finds_a_draft_that_waits_and_is_not_what_the_journal_tells(hk, drafting, change):
    rejected = await drafting.reject(await drafting.pending())
    await drafting.submit(await drafting.update(rejected_anew(rejected)))
    assert hk.verify().findings == ()
    edit_drafts(hk, change)
    assert any(f"has {next(iter(change))} " in str(each) for each in hk.verify().findings)


async def test_a_check_finds_a_draft_that_nobody_wrote_and_one_that_is_gone(hk, drafting):
    """Numbered and named like the one that is gone, no event tells of either."""
    draft = await drafting.create()
    edit_drafts(hk, {"id": "hk-2026-forged"})
    found = [str(each) for each in hk.verify().findings]
    assert any("drafts hk-2026-forged: was written by nobody" in each for each in found)
    assert any(f"drafts {draft.name.removeprefix('drafts/')}: is not here" in each for each in found)


@pytest.mark.parametrize("state", [Draft.DRAFT, Draft.REJECTED])
async def test_a_check_finds_a_draft_in_another_state_than_its_last_act_left(hk, drafting, state):
    """Of one that was rejected and written anew no event tells which of the two came last."""
    rejected = await drafting.reject(await drafting.pending())
    if state == Draft.DRAFT:
        await drafting.update(rejected_anew(rejected))
    edit_drafts(hk, {"state": Draft.REJECTED + Draft.DRAFT - state})
    assert any("has state" in str(each) for each in hk.verify().findings)


async def test_a_check_finds_a_draft_that_became_another_notice_than_its_approval_tells(hk, drafting):
    """The other one has the same author and approver."""
    await drafting.approve(await drafting.pending(notice_draft("hk-1")))
    await drafting.approve(await drafting.pending(notice_draft("hk-2")))
    edit_drafts(hk, {"released": "notices/hk-1"})
    assert any("which its approval in the access journal does not name" in str(each) for each in hk.verify().findings)


async def test_what_expired_fits_the_journal_though_no_entry_tells_of_it(hk, drafting):
    await drafting.create()
    hk.clock = iter(range(NOW + (LIFETIME_DAYS + 1) * DAY, NOW + 100 * DAY, 1_000_000))
    await drafting.commands.expire_drafts()
    assert [row["state"] for row in await hk.rows(drafts)] == [Draft.EXPIRED]
    assert hk.verify().findings == ()


def rejected_anew(draft: Draft) -> Draft:
    """As its author writes it anew."""
    return Draft(name=draft.name, create_notice=draft.create_notice)


def edit_drafts(store: Opened, change: dict[str, object]) -> None:
    """Changes every row of drafts, past the node."""
    store.damaged = True
    with store.database.writer() as connection, connection.begin():
        connection.execute(update(drafts).values(change))


async def test_a_check_finds_events_that_do_not_fit_drafts(hk, drafting):
    await drafting.pending()
    hk.execute("DELETE FROM draft_events")
    found = [str(each) for each in hk.verify().findings]
    assert any("names none" in each for each in found)
    assert any("is PENDING_APPROVAL" in each for each in found)


async def test_a_check_finds_an_envelope_that_its_author_approved(hk):
    me = Author(authority="SFC", client=WRITER.client)
    await hk.committer.submit(lambda tx: tx.seal(HK_TO_KR, me, released_by_itself, me))
    hk.damaged = True
    assert any("is approved by its author" in str(each) for each in hk.verify().findings)


def released_by_itself(seal):
    return envelopes.released(seal, "hk-1", content())
