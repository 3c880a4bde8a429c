"""Drafts through the one writer: nothing is sealed before another identity approves, and then all in one commit."""

import asyncio
import itertools
from dataclasses import replace
from uuid import uuid4

import pytest
from google.type.date_pb2 import Date
from regulator.exchange.v1.draft_service_pb2 import Draft, ListDraftsRequest
from regulator.exchange.v1.envelope_pb2 import Author, Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.framework_pb2 import FrameworkChangeSet
from regulator.exchange.v1.framework_service_pb2 import Assessment, AssessRequest, PublishVersionRequest
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.notice_service_pb2 import SupersedeNoticeRequest
from regulator.exchange.v1.values_pb2 import Handling, Sector
from sqlalchemy import update

from gateway.errors import (
    AlreadyExists,
    BadInput,
    GatewayError,
    Halted,
    NotAllowed,
    NotFound,
    Overloaded,
    RequestIdReused,
    Stale,
    Unavailable,
    WrongState,
)
from gateway.ledger.steps import Halt
from gateway.store.queries import EventFilter, read_events
from gateway.store.tables import draft_events, drafts, events, leaves, requests
from gateway.supervision import envelopes
from gateway.supervision.disclosure import Scope
from tests.store.drafting import (
    CHECKER,
    DAY,
    LIFETIME_DAYS,
    SECOND,
    STRANGER,
    UNCLEARED,
    WRITER,
    Drafting,
    notice_draft,
    withdrawal_draft,
)
from tests.store.stores import HK_TO_KR, NOW, Opened, refused
from tests.store.test_failed_commits import fail_commit
from tests.supervision.framework_samples import assessment, provision, version
from tests.supervision.samples import content, handling, reference

OFFICER = replace(WRITER, officer="https://id.sfc.example#wong")


@pytest.fixture
def drafting(hk: Opened) -> Drafting:
    return Drafting(hk)


async def kinds(store: Opened) -> list[int]:
    return [row["kind"] for row in await store.rows(events)]


async def sealed(store: Opened) -> list[Envelope]:
    return [Envelope.FromString(row["data"]) for row in await store.rows(leaves)]


async def test_a_draft_is_sealed_by_its_approval_and_not_before(hk, drafting):
    draft = await drafting.create(notice_draft("hk-1"))
    assert (draft.state, draft.rule, draft.act_kind) == (Draft.DRAFT, "everything", "create_notice")
    pending = await drafting.submit(draft)
    assert pending.state == Draft.PENDING_APPROVAL
    assert await sealed(hk) == []
    done = await drafting.approve(pending)
    assert (done.state, done.released, done.WhichOneof("act")) == (Draft.RELEASED, "notices/hk-1", None)
    [envelope] = await sealed(hk)
    assert envelope.author == Author(authority="SFC", client=WRITER.client)
    assert envelope.approver == done.reviewer == Author(authority="SFC", client=CHECKER.client)
    assert envelope.notice_released.content == draft.create_notice.notice.content
    assert await kinds(hk) == [Event.DRAFT_SUBMITTED, Event.NOTICE_RELEASED, Event.DRAFT_APPROVED]
    assert [row["request"] for row in await hk.rows(drafts)] == [None], "its content is in the log, and nowhere else"


async def test_the_node_names_what_a_draft_makes_when_it_is_written(drafting):
    draft = await drafting.create()
    assert draft.create_notice.notice_id.startswith("hk-2026-")
    done = await drafting.approve(await drafting.submit(draft))
    assert done.released == f"notices/{draft.create_notice.notice_id}"


async def test_everything_that_can_be_drafted_is_sealed_with_author_and_approver(hk, drafting):
    await hk.release("hk-1", "hk-2")
    why = withdrawal_draft("hk-1")
    replacing = Draft(supersede_notice=SupersedeNoticeRequest(name="notices/hk-2", content=content(), notice_id="hk-3"))
    publishing = Draft(
        publish_version=PublishVersionRequest(parent="frameworks/hk-rules", content=version(provision()))
    )
    judging = Draft(assess=AssessRequest(assessment=Assessment(content=assessment()), assessment_id="hk-judged"))
    expected = ["notices/hk-1", "notices/hk-3", "frameworks/hk-rules/versions/1", "assessments/hk-judged"]
    done = [await drafting.approve(await drafting.pending(each)) for each in (why, replacing, publishing, judging)]
    assert [each.released for each in done] == expected
    made = (await sealed(hk))[2:]
    assert [each.WhichOneof("content") for each in made] == [
        "notice_withdrawn",
        "notice_released",
        "framework_version_published",
        "framework_assessed",
    ]
    people = (WRITER.client, CHECKER.client)
    assert {(each.author.client, each.approver.client) for each in made} == {people}


# --- what is refused ----------------------------------------------------------------------------------------------


async def test_nobody_approves_what_he_wrote(hk, drafting):
    pending = await drafting.pending()
    for who in (WRITER, replace(WRITER, officer="https://id.sfc.example#chan")):
        assert isinstance(await refused(drafting.approve(pending, who)), NotAllowed)
        assert isinstance(await refused(drafting.reject(pending, who)), NotAllowed)
    assert await sealed(hk) == []


async def test_two_officers_may_share_a_system_and_one_may_not_use_two(drafting):
    async def pending() -> Draft:
        return await drafting.submit(await drafting.create(caller=OFFICER))

    chan = "https://id.sfc.example#chan"
    same_person = replace(CHECKER, officer=OFFICER.officer)
    assert isinstance(await refused(drafting.approve(await pending(), same_person)), NotAllowed)
    done = await drafting.approve(await pending(), replace(OFFICER, officer=chan))
    assert (done.author.officer, done.reviewer.officer) == (OFFICER.officer, chan)


async def test_whoever_wrote_it_last_is_its_author_and_does_not_approve_it(drafting):
    draft = await drafting.create()
    changed = Draft(name=draft.name, create_notice=draft.create_notice)
    draft = await drafting.update(changed, CHECKER)
    assert draft.author.client == CHECKER.client
    pending = await drafting.submit(draft)
    assert isinstance(await refused(drafting.approve(pending, CHECKER)), NotAllowed)
    assert (await drafting.approve(pending, WRITER)).reviewer.client == WRITER.client


async def test_another_authority_and_the_uncleared_learn_nothing(drafting):
    pending = await drafting.pending()
    nothing = Draft(name="drafts/hk-2026-nothing", etag=pending.etag)
    expected = [
        str(await refused(call(nothing, CHECKER))).replace("nothing", "*")
        for call in (drafting.get, drafting.approve, drafting.reject, drafting.submit, drafting.recall)
    ]
    the_id = pending.name.removeprefix("drafts/hk-2026-")
    for who in (STRANGER, UNCLEARED, replace(CHECKER, sectors=frozenset({Sector.SECTOR_CUSTODY}))):
        for call, words in zip(
            (drafting.get, drafting.approve, drafting.reject, drafting.submit, drafting.recall), expected, strict=True
        ):
            error = await refused(call(pending, who))
            assert isinstance(error, NotFound)
            assert str(error).replace(the_id, "*") == words
        listed = await drafting.questions.list_drafts(who, ListDraftsRequest())
        assert (list(listed.drafts), listed.next_page_token) == ([], "")


async def test_what_was_not_read_is_not_approved(drafting):
    first = await drafting.pending()
    changed = content(title=[])
    changed.title.add(language_tag="en", text="Another title")
    recalled = await drafting.recall(first)
    redone = notice_draft(first.create_notice.notice_id, changed)
    redone.name = recalled.name
    second = await drafting.submit(await drafting.update(redone))
    assert isinstance(await refused(drafting.approve(first)), Stale)
    assert isinstance(await refused(drafting.approve(second, etag='"99"')), Stale)
    assert (await drafting.approve(second)).state == Draft.RELEASED


async def test_two_approvals_racing_end_in_one_release(hk, drafting):
    for number in range(5):
        pending = await drafting.pending(notice_draft(f"hk-{number}"))
        outcomes = await asyncio.gather(
            drafting.approve(pending, CHECKER), drafting.approve(pending, SECOND), return_exceptions=True
        )
        assert sorted(type(each).__name__ for each in outcomes) == ["Draft", "Stale"]
    assert len(await sealed(hk)) == 5


async def test_an_approval_and_a_recall_racing_end_in_one_of_them(hk, drafting):
    pending = await drafting.pending(notice_draft("hk-1"))
    outcomes = await asyncio.gather(drafting.recall(pending), drafting.approve(pending), return_exceptions=True)
    assert len([each for each in outcomes if isinstance(each, GatewayError)]) == 1
    released = (await drafting.get(pending)).state == Draft.RELEASED
    assert len(await sealed(hk)) == released


async def test_a_draft_is_checked_in_full_when_it_is_written(drafting):
    no_title = content(title=[])
    error = await refused(drafting.create(notice_draft(made=no_title)))
    assert [each.field for each in error.violations] == ["draft.create_notice.notice.content.title"]
    error = await refused(drafting.create(notice_draft(recipient="SG")))
    assert [each.field for each in error.violations] == ["draft.create_notice.notice.recipient"]
    assert isinstance(await refused(drafting.create(withdrawal_draft("hk-none"))), NotFound)
    other = notice_draft(made=content(issuing_authority="HKMA"))
    assert isinstance(await refused(drafting.create(other)), NotAllowed)
    assert isinstance(await refused(drafting.create(notice_draft("kr-1"))), BadInput)
    above = replace(WRITER, clearance=Handling.GREEN)
    assert isinstance(await refused(drafting.create(caller=above)), NotAllowed)


async def test_validating_keeps_nothing(hk, drafting):
    draft = await drafting.create(validate_only=True, request_id=str(uuid4()))
    assert (draft.state, draft.rule) == (Draft.DRAFT, "everything")
    assert await hk.rows(drafts) == []
    assert await hk.rows(requests) == []


# --- what changed meanwhile ---------------------------------------------------------------------------------------


async def test_what_it_refers_to_may_go_meanwhile_and_then_it_waits_on(hk, drafting):
    await hk.release("hk-1")
    replacing = content(references=[reference(Reference.SUPERSEDES, "hk-1")])
    pending = await drafting.pending(notice_draft("hk-2", replacing))
    taken = await drafting.pending(withdrawal_draft("hk-1"))
    await drafting.approve(taken)
    assert isinstance(await refused(drafting.approve(pending)), WrongState)
    assert (await drafting.get(pending)).state == Draft.PENDING_APPROVAL
    assert len(await sealed(hk)) == 2


async def test_a_peer_may_go_meanwhile_and_then_it_waits_on(hk, drafting):
    pending = await drafting.pending()
    drafting.acts._parties = replace(hk.parties, peers={})
    error = await refused(drafting.approve(pending))
    assert [each.field for each in error.violations] == ["draft.create_notice.notice.recipient"]
    assert (await drafting.get(pending)).state == Draft.PENDING_APPROVAL


async def test_the_day_may_pass_up_to_which_it_may_be_kept_and_then_it_waits_on(hk, drafting):
    kept = content(handling=handling(retain_until=Date(year=2026, month=1, day=3)))
    one, other = [await drafting.pending(notice_draft(made=kept)) for _ in range(2)]
    hk.clock = itertools.count(NOW + 3 * DAY - 1_000_000)  # the last second of that day
    assert (await drafting.approve(one)).state == Draft.RELEASED
    hk.clock = itertools.count(NOW + 3 * DAY)
    error = await refused(drafting.approve(other))
    assert [each.field for each in error.violations] == ["draft.create_notice.notice.content.handling.retain_until"]
    assert (await drafting.get(other)).state == Draft.PENDING_APPROVAL


async def test_the_name_may_be_taken_meanwhile_so_nothing_is_released_twice(hk, drafting):
    """As after a database was lost and envelopes came back from the peer: the draft is pending, its notice is out."""
    pending = await drafting.pending(notice_draft("hk-1"))
    await hk.release("hk-1")
    assert isinstance(await refused(drafting.approve(pending)), AlreadyExists)
    assert len(await sealed(hk)) == 1


async def test_another_version_may_be_published_meanwhile(hk, drafting):
    def publishing(text: str) -> Draft:
        made = version(provision(citation=text))
        return Draft(publish_version=PublishVersionRequest(parent="frameworks/hk-rules", content=made))

    first, same, other = [await drafting.pending(publishing(text)) for text in ("one", "one", "two")]
    assert (await drafting.approve(first)).released.endswith("/versions/1")
    assert isinstance(await refused(drafting.approve(same)), AlreadyExists)
    assert (await drafting.approve(other)).released.endswith("/versions/2")
    assert len(await sealed(hk)) == 2


async def test_a_halted_channel_releases_nothing_and_the_draft_waits_on(hk, drafting):
    pending = await drafting.pending()
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt("OPERATOR", "a drill")))
    assert isinstance(await refused(drafting.approve(pending)), Halted)
    assert (await drafting.get(pending)).state == Draft.PENDING_APPROVAL


@pytest.mark.parametrize("after", [False, True])
async def test_an_approval_whose_commit_fails_is_wholly_there_or_not_at_all(hk, drafting, after):
    pending, request_id = await drafting.pending(notice_draft("hk-1")), str(uuid4())
    fail_commit(hk, after=after)
    assert isinstance(await refused(drafting.approve(pending, request_id=request_id)), Unavailable)
    assert (await drafting.get(pending)).state == (Draft.RELEASED if after else Draft.PENDING_APPROVAL)
    assert len(await sealed(hk)) == after
    assert (await drafting.approve(pending, request_id=request_id)).state == Draft.RELEASED
    assert len(await sealed(hk)) == 1


async def test_a_change_of_a_version_is_for_that_version_alone(hk, drafting):
    def changing(text: str) -> Draft:
        changes = FrameworkChangeSet(base_version=1, upserts=[provision(citation=text)])
        return Draft(publish_version=PublishVersionRequest(parent="frameworks/hk-rules", change_set=changes))

    await hk.publish("hk-rules", 1, version(provision()))
    first, second = [await drafting.pending(changing(text)) for text in ("one", "two")]
    assert (await drafting.approve(first)).released.endswith("/versions/2")
    assert isinstance(await refused(drafting.approve(second)), Stale)
    assert (await drafting.get(second)).state == Draft.PENDING_APPROVAL


# --- requests that come again -------------------------------------------------------------------------------------


async def test_each_request_is_carried_out_once(hk, drafting):
    ids = [str(uuid4()) for _ in range(3)]
    made = [await drafting.create(notice_draft("hk-1"), request_id=ids[0]) for _ in range(2)]
    assert made[0].name == made[1].name
    pending = [await drafting.submit(made[0], request_id=ids[1]) for _ in range(2)]
    assert [each.etag for each in pending] == ['"2"', '"2"']
    done = [await drafting.approve(pending[0], request_id=ids[2]) for _ in range(2)]
    assert [each.released for each in done] == ["notices/hk-1"] * 2
    assert len(await sealed(hk)) == 1
    other = drafting.create(notice_draft("hk-2"), request_id=ids[0])
    assert isinstance(await refused(other), RequestIdReused)


# --- rejecting, recalling, expiring -------------------------------------------------------------------------------


async def test_a_rejected_draft_is_written_anew_before_it_is_submitted_again(hk, drafting):
    rejected = await drafting.reject(await drafting.pending(notice_draft("hk-1")))
    assert (rejected.state, rejected.reason) == (Draft.REJECTED, "Name the fund.")
    assert isinstance(await refused(drafting.submit(rejected)), WrongState)
    again = Draft(name=rejected.name, create_notice=rejected.create_notice)
    pending = await drafting.submit(await drafting.update(again, etag=rejected.etag))
    assert (await drafting.approve(pending)).state == Draft.RELEASED
    assert (await kinds(hk))[:3] == [Event.DRAFT_SUBMITTED, Event.DRAFT_REJECTED, Event.DRAFT_SUBMITTED]


async def test_a_recalled_draft_may_be_submitted_as_it_is(hk, drafting):
    recalled = await drafting.recall(await drafting.pending())
    assert recalled.state == Draft.RECALLED
    assert isinstance(await refused(drafting.approve(recalled)), WrongState)
    assert (await drafting.submit(recalled)).state == Draft.PENDING_APPROVAL
    assert await kinds(hk) == [Event.DRAFT_SUBMITTED, Event.DRAFT_RECALLED, Event.DRAFT_SUBMITTED]


async def test_a_draft_stays_the_kind_of_act_it_was(drafting):
    draft = await drafting.create()
    other = withdrawal_draft("hk-1")
    other.name = draft.name
    assert isinstance(await refused(drafting.update(other)), GatewayError)


async def test_drafts_that_nobody_does_anything_with_expire_and_are_not_kept(hk, drafting):
    written, pending = await drafting.create(), await drafting.pending()
    done = await drafting.approve(await drafting.pending())
    await drafting.commands.expire_drafts()
    assert Event.DRAFT_EXPIRED not in await kinds(hk)
    hk.clock = iter(range(NOW + LIFETIME_DAYS * DAY + 10_000_000, NOW + 10**18, 1000))
    assert isinstance(await refused(drafting.approve(pending)), WrongState)
    fresh = await drafting.create()
    await drafting.commands.expire_drafts()
    await drafting.commands.expire_drafts()
    for draft, state in ((written, Draft.EXPIRED), (pending, Draft.EXPIRED), (done, Draft.RELEASED)):
        found = await drafting.get(draft)
        assert (found.state, found.WhichOneof("act")) == (state, None)
    assert (await drafting.get(fresh)).state == Draft.DRAFT
    assert (await kinds(hk)).count(Event.DRAFT_EXPIRED) == 2


async def test_more_expire_than_one_transaction_takes(hk, drafting, monkeypatch):
    monkeypatch.setattr("gateway.commands.drafts.EXPIRED_AT_ONCE", 2)
    for _ in range(5):
        await drafting.create()
    hk.clock = iter(range(NOW + LIFETIME_DAYS * DAY + 10_000_000, NOW + 10**18, 1000))
    await drafting.commands.expire_drafts()
    assert {row["state"] for row in await hk.rows(drafts)} == {Draft.EXPIRED}


async def test_an_authority_keeps_so_many_drafts_and_no_more(drafting, monkeypatch):
    monkeypatch.setattr("gateway.commands.drafts.MAX_OPEN_DRAFTS", 2)
    await drafting.create()
    pending = await drafting.pending()
    assert isinstance(await refused(drafting.create()), Overloaded)
    await drafting.approve(pending)
    await drafting.create()


# --- reading ------------------------------------------------------------------------------------------------------


async def test_drafts_are_listed_newest_first_in_pages_that_stay(drafting):
    made = [await drafting.create() for _ in range(5)]
    first = await drafting.questions.list_drafts(WRITER, ListDraftsRequest(page_size=2))
    await drafting.create()
    names = [each.name for each in first.drafts]
    request = ListDraftsRequest(page_size=2, page_token=first.next_page_token)
    while request.page_token:
        page = await drafting.questions.list_drafts(WRITER, request)
        names += [each.name for each in page.drafts]
        request.page_token = page.next_page_token
    assert names == [each.name for each in reversed(made)]


async def test_drafts_are_listed_by_state(drafting):
    await drafting.create()
    pending = await drafting.pending()
    found = await drafting.questions.list_drafts(WRITER, ListDraftsRequest(state=Draft.PENDING_APPROVAL))
    assert [each.name for each in found.drafts] == [pending.name]


async def test_a_page_ends_early_rather_than_grow_too_large(drafting, monkeypatch):
    monkeypatch.setattr("gateway.questions.drafts.MAX_PAGE_BYTES", 1)
    for _ in range(3):
        await drafting.create()
    sizes, request = [], ListDraftsRequest()
    for _ in range(3):
        page = await drafting.questions.list_drafts(WRITER, request)
        sizes.append(len(page.drafts))
        request.page_token = page.next_page_token
    assert (sizes, request.page_token) == ([1, 1, 1], "")


async def test_events_of_drafts_are_for_their_authority_as_far_as_it_is_cleared(hk, drafting):
    await drafting.pending(notice_draft(made=content(handling=handling(tlp=Handling.AMBER))))

    async def told(authority: str, scope: Scope) -> list[str]:
        return [each.draft for each in await hk.read(read_events, scope, 0, 10, EventFilter(authority=authority))]

    [name] = [row["draft"] for row in await hk.rows(draft_events)]
    assert await told("SFC", Scope(Handling.RED)) == [name]
    assert await told("SFC", Scope(Handling.AMBER)) == [name]
    assert await told("SFC", Scope(Handling.GREEN)) == []
    assert await told("SFC", Scope(Handling.RED, frozenset({Sector.SECTOR_CUSTODY}))) == []
    assert await told("HKMA", Scope(Handling.RED)) == []


# --- restart, rebuild, check --------------------------------------------------------------------------------------


async def test_drafts_outlive_a_restart_and_a_rebuild(hk, drafting):
    pending = await drafting.pending(notice_draft("hk-1"))
    released = await drafting.approve(await drafting.pending(notice_draft("hk-2")))
    before = await hk.rows(drafts)
    await hk.restart()
    await hk.rebuilt()
    assert await hk.rows(drafts) == before
    again = Drafting(hk)
    assert (await again.approve(pending)).released == "notices/hk-1"
    assert (await again.get(released)).state == Draft.RELEASED
    assert [each.notice_released.notice for each in await sealed(hk)] == ["notices/hk-2", "notices/hk-1"]
    assert hk.state(HK_TO_KR).log.size == 2


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
