"""What is not done with a draft: by those who may not, after what others did meanwhile, or once more."""

import asyncio
import itertools
from dataclasses import replace
from uuid import uuid4

import pytest
from google.type.date_pb2 import Date
from regulator.exchange.v1.draft_service_pb2 import Draft, ListDraftsRequest
from regulator.exchange.v1.framework_pb2 import FrameworkChangeSet
from regulator.exchange.v1.framework_service_pb2 import PublishVersionRequest
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.errors import (
    AlreadyExists,
    BadInput,
    GatewayError,
    Halted,
    NotAllowed,
    NotFound,
    RequestIdReused,
    Stale,
    Unavailable,
    WrongState,
)
from gateway.ledger.steps import Halt
from gateway.store.tables import drafts, requests
from tests.store.drafting import (
    CHECKER,
    DAY,
    OFFICER,
    SECOND,
    STRANGER,
    UNCLEARED,
    WRITER,
    notice_draft,
    sealed,
    withdrawal_draft,
)
from tests.store.failing import fail_commit
from tests.store.stores import HK_TO_KR, NOW, refused
from tests.supervision.framework_samples import provision, version
from tests.supervision.samples import content, handling, reference

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
    strangers = STRANGER, replace(STRANGER, clearance=Handling.AMBER_STRICT)  # who may see all is asked another way
    for who in (*strangers, UNCLEARED, replace(CHECKER, sectors=frozenset({Sector.SECTOR_CUSTODY}))):
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


async def test_validating_what_was_kept_under_the_same_request_id_tells_what_it_made(drafting):
    request_id = str(uuid4())
    kept = await drafting.create(request_id=request_id)
    assert await drafting.create(request_id=request_id, validate_only=True) == kept


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
    assert pending[0].etag == pending[1].etag
    done = [await drafting.approve(pending[0], request_id=ids[2]) for _ in range(2)]
    assert [each.released for each in done] == ["notices/hk-1"] * 2
    assert len(await sealed(hk)) == 1
    other = drafting.create(notice_draft("hk-2"), request_id=ids[0])
    assert isinstance(await refused(other), RequestIdReused)
