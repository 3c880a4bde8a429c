"""Drafts through the one writer: nothing is sealed before another identity approves, and then all in one commit."""

import uuid

from regulator.exchange.v1.draft_service_pb2 import Draft, ListDraftsRequest
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.framework_service_pb2 import Assessment, AssessRequest, PublishVersionRequest
from regulator.exchange.v1.notice_service_pb2 import SupersedeNoticeRequest
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.commands.acting import by
from gateway.errors import ApprovalRequired, BadInput, ContentDestroyed, GatewayError, Overloaded, WrongState
from gateway.store.destroying import NO_DIGEST
from gateway.store.event_queries import EventFilter, read_events
from gateway.store.tables import draft_events, drafts, requests
from gateway.supervision.approval import ActKind, ApprovalRule
from gateway.supervision.disclosure import Scope
from tests.store.drafting import (
    CHECKER,
    DAY,
    LIFETIME_DAYS,
    WRITER,
    Drafting,
    kinds,
    notice_draft,
    sealed,
    withdrawal_draft,
)
from tests.store.stores import HK_TO_KR, NOW, refused
from tests.supervision.framework_samples import assessment, provision, version
from tests.supervision.samples import content, handling


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


async def test_a_version_that_ends_all_rules_of_a_sector_is_of_that_sector_too(hk, drafting):
    """Else one person alone could take out what takes two to put in."""
    rule = ApprovalRule("custody", frozenset({ActKind.PUBLISH_VERSION}), sectors=frozenset({Sector.SECTOR_CUSTODY}))
    drafting = Drafting(hk, [rule])
    await hk.publish("hk-x", 1, version(provision("a"), provision("b", sector=Sector.SECTOR_CUSTODY)))
    request = PublishVersionRequest(parent="frameworks/hk-x", content=version(provision("a")))
    publication = await drafting.frameworks.prepare(request)
    direct = hk.committer.submit(lambda tx: drafting.frameworks.publish(tx, by(WRITER), publication))
    assert isinstance(await refused(direct), ApprovalRequired)
    done = await drafting.approve(draft := await drafting.pending(Draft(publish_version=request)))
    assert (draft.rule, done.released) == ("custody", "frameworks/hk-x/versions/2")
    assert (await drafting.create(Draft(publish_version=request))).rule == "", "there is none of it any more"


# --- rejecting, recalling, expiring -------------------------------------------------------------------------------


async def test_a_rejected_draft_is_written_anew_before_it_is_submitted_again(hk, drafting):
    rejected = await drafting.reject(await drafting.pending(notice_draft("hk-1")))
    assert (rejected.state, rejected.reason) == (Draft.REJECTED, "Name the fund.")
    assert isinstance(await refused(drafting.submit(rejected)), WrongState)
    again = Draft(name=rejected.name, create_notice=rejected.create_notice)
    pending = await drafting.submit(await drafting.update(again, etag=rejected.etag))
    assert (await drafting.approve(pending)).state == Draft.RELEASED
    assert (await kinds(hk))[:3] == [Event.DRAFT_SUBMITTED, Event.DRAFT_REJECTED, Event.DRAFT_SUBMITTED]


async def test_what_a_draft_makes_keeps_its_id_where_it_is_written_anew_without_one(drafting):
    draft = await drafting.create(notice_draft("hk-1"))
    again = notice_draft("")
    again.name = draft.name
    assert (await drafting.update(again)).create_notice.notice_id == "hk-1"
    again.create_notice.notice_id = "hk-2"
    assert (await drafting.update(again)).create_notice.notice_id == "hk-2"
    judging = Draft(assess=AssessRequest(assessment=Assessment(content=assessment()), assessment_id="hk-judged"))
    made = await drafting.create(judging)
    unnamed = Draft(name=made.name, assess=AssessRequest(assessment=Assessment(content=assessment())))
    assert (await drafting.update(unnamed)).assess.assessment_id == "hk-judged"
    unnamed.name = draft.name
    assert isinstance(await refused(drafting.update(unnamed)), BadInput)


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


async def test_of_a_draft_that_expired_not_even_a_digest_is_left_that_lets_one_try_out_what_it_said(hk, drafting):
    asked, other = str(uuid.uuid4()), str(uuid.uuid4())
    given = {"draft": notice_draft("hk-1"), "request_id": asked}
    await drafting.create(**given)
    hk.clock = iter(range(NOW + LIFETIME_DAYS * DAY + 10_000_000, NOW + 10**18, 1000))
    await drafting.create(request_id=other)
    await drafting.commands.expire_drafts()
    digests = {row["notice"]: bytes(row["digest"]) for row in await hk.rows(requests)}
    assert [digest == NO_DIGEST for digest in digests.values()].count(True) == 1
    assert isinstance(await refused(drafting.create(**given)), ContentDestroyed)
    assert (await drafting.create(request_id=other)).state == Draft.DRAFT


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
    assert await told("HKMA", Scope(Handling.AMBER)) == []


# --- restart, rebuild -------------------------------------------------------------------------------------


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
