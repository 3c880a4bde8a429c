"""The states of a draft, and who may see it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.framework_pb2 import FrameworkChangeSet, FrameworkVersionContent, Provision
from regulator.exchange.v1.framework_service_pb2 import Assessment, AssessRequest, PublishVersionRequest
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import (
    CreateNoticeRequest,
    Notice,
    SupersedeNoticeRequest,
    WithdrawNoticeRequest,
)
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.errors import BadInput, Stale, WrongState
from gateway.supervision.approval import ActKind, ApprovalRule, Proposed
from gateway.supervision.disclosure import Scope
from gateway.supervision.drafts import (
    AFTER,
    FINAL,
    DraftRecord,
    Nature,
    Step,
    check_same_act,
    digest_of,
    etag_of,
    expired,
    may_see,
    nature_of,
    new_draft,
    recalled,
    rejected,
    released,
    require,
    submitted,
    updated,
)
from gateway.supervision.envelopes.envelopes import author_message
from gateway.supervision.messages.drafts import REQUESTS, act_of, draft_message
from tests.supervision.samples import APPROVER, AUTHOR, content

NOW, DAY = 1_767_225_600_000_000, 86_400_000_000
SALT = bytes(32)
REQUEST = CreateNoticeRequest(notice=Notice(recipient="KR", content=content()), notice_id="hk-1")

DO = {
    Step.UPDATE: lambda record, now: updated(record, REQUEST, APPROVER, record.nature, now, DAY, salt=SALT),
    Step.SUBMIT: lambda record, now: submitted(record, now, DAY),
    Step.APPROVE: lambda record, now: released(record, APPROVER, "notices/hk-1", now),
    Step.REJECT: lambda record, now: rejected(record, APPROVER, "Why.", now, DAY),
    Step.RECALL: lambda record, now: recalled(record, now, DAY),
    Step.EXPIRE: expired,
}


def draft(**changes: object) -> DraftRecord:
    made = new_draft("hk-2026-a", ActKind.CREATE_NOTICE, REQUEST, AUTHOR, Nature("sensitive"), NOW, DAY, salt=SALT)
    return replace(made, **changes)


def test_every_state_but_unspecified_has_its_steps_or_is_final():
    states = {state for state, _ in AFTER} | FINAL
    assert states == set(Draft.State.values()) - {Draft.STATE_UNSPECIFIED}
    assert not {state for state, _ in AFTER} & FINAL
    assert set(AFTER.values()) <= states


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("state", [state for state in Draft.State.values() if state])
def test_a_step_does_what_the_table_says_or_nothing(state, step):
    before = draft(state=state, reason="Name the fund.")
    if (after := AFTER.get((state, step))) is None:
        with pytest.raises(WrongState) as refused:
            DO[step](before, NOW + 1)
        assert refused.value.metadata["state"] == Draft.State.Name(state)
        allowed = [Draft.State.Name(each) for each, other in AFTER if other is step]
        assert refused.value.metadata["allowed"] == ", ".join(allowed)
        return
    done = DO[step](before, NOW + 1)
    assert (done.state, done.revision) == (after, before.revision + 1)
    assert (done.request is None) == (done.state in FINAL)
    assert not (done.reason and done.state in FINAL)
    assert bool(done.salt) == (done.state not in FINAL), "so nobody can try out what it said"
    assert (done.released != "") == (done.state == Draft.RELEASED)


@given(st.lists(st.sampled_from(Step), max_size=12))
def test_whatever_is_tried_a_draft_is_released_once_and_only_after_it_was_submitted(steps):
    record, taken = draft(), []
    for place, step in enumerate(steps):
        try:
            record = DO[step](record, NOW + place)
        except WrongState:
            continue
        taken.append(step)
    assert taken.count(Step.APPROVE) <= 1
    if Step.APPROVE in taken:
        assert taken[-1] is Step.APPROVE
        assert taken[-2] is Step.SUBMIT
    assert record.revision == 1 + len(taken)


@pytest.mark.parametrize("step", [step for step in Step if step is not Step.EXPIRE])
@pytest.mark.parametrize("state", [Draft.DRAFT, Draft.PENDING_APPROVAL, Draft.REJECTED, Draft.RECALLED])
def test_nothing_can_be_done_once_the_time_is_over_even_before_the_node_says_so(state, step):
    with pytest.raises(WrongState) as refused:
        require(draft(state=state), step, NOW + DAY)
    assert refused.value.metadata["state"] == "EXPIRED"


def test_what_is_done_with_a_draft_gives_it_new_time():
    later = NOW + DAY - 1
    assert draft().expires_at == NOW + DAY
    pending = submitted(draft(), later, DAY)
    assert pending.expires_at == later + DAY
    assert rejected(pending, APPROVER, "Why.", later + 1, DAY).expires_at == later + 1 + DAY


def test_a_draft_that_was_not_the_one_read_is_not_acted_upon():
    pending = submitted(draft(), NOW, DAY)
    require(pending, Step.APPROVE, NOW, etag_of(pending))
    for etag in (etag_of(draft()), etag_of(pending).strip('"'), '"2"', "x"):
        with pytest.raises(Stale, match=r"drafts/hk-2026-a has changed .* and is PENDING_APPROVAL: read it anew$"):
            require(pending, Step.APPROVE, NOW, etag)


OTHER = CreateNoticeRequest(
    notice=Notice(recipient="KR", content=content(urgency=NoticeContent.IMMEDIATE)), notice_id="hk-1"
)


@pytest.mark.parametrize(
    "change",
    [
        {"request": OTHER},
        {"author": author_message(APPROVER)},
        {"author": Author(authority="SFC", client=AUTHOR.client, officer="somebody")},
        {"nature": Nature("sensitive", Handling.RED)},
        {"nature": Nature("sensitive", sectors=frozenset({Sector.SECTOR_CUSTODY}))},
        {"state": Draft.RECALLED},
        {"act": ActKind.SUPERSEDE_NOTICE},
        {"reviewer": author_message(APPROVER)},
        {"reason": "Another one."},
        {"expires_at": NOW + 1},
    ],
    ids=str,
)
def test_an_etag_is_another_one_of_a_draft_that_was_changed_past_the_node(change):
    """Its revision stays what it was: who edits the database counts nothing."""
    assert etag_of(draft(**change)) != etag_of(draft())
    assert etag_of(draft()) == etag_of(draft(request=CreateNoticeRequest.FromString(REQUEST.SerializeToString())))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "hk-2026-b"},
        {"request": OTHER},
        {"author": author_message(APPROVER)},
        {"nature": Nature("other")},
        {"nature": Nature("sensitive", Handling.RED)},
        {"nature": Nature("sensitive", sectors=frozenset({Sector.SECTOR_CUSTODY}))},
        {"act": ActKind.SUPERSEDE_NOTICE},
        {"salt": b"\1" * 32},
        {"salt": b""},
        {"request": None},
    ],
    ids=str,
)
def test_the_digest_of_a_draft_is_another_one_of_another_act_author_or_label(change):
    assert digest_of(draft(**change)) != digest_of(draft())
    assert digest_of(submitted(draft(), NOW, DAY)) == digest_of(draft()), "it says the same"
    assert bool(digest_of(draft(**change))) == (change not in ({"salt": b""}, {"request": None}))


def test_a_draft_that_was_rejected_is_written_anew_before_it_is_submitted():
    refused = rejected(submitted(draft(), NOW, DAY), APPROVER, "Why.", NOW, DAY)
    with pytest.raises(WrongState, match="is REJECTED: write it anew first"):
        require(refused, Step.SUBMIT, NOW)


def test_whoever_writes_a_draft_anew_is_its_author():
    recalled_draft = recalled(submitted(draft(), NOW, DAY), NOW, DAY)
    done = updated(recalled_draft, REQUEST, APPROVER, Nature("other"), NOW + 1, DAY, salt=SALT)
    assert (done.author, done.nature.rule, done.state) == (APPROVER, "other", Draft.DRAFT)


def test_a_draft_stays_the_kind_of_act_that_it_is():
    check_same_act(draft(), ActKind.CREATE_NOTICE)
    with pytest.raises(BadInput) as refused:
        check_same_act(draft(), ActKind.ASSESS)
    assert [each.field for each in refused.value.violations] == ["draft.assess"]


# --- who sees it --------------------------------------------------------------------------------------------------


def test_the_nature_of_an_act_is_that_of_all_it_does():
    proposed = [
        Proposed(ActKind.CREATE_NOTICE, Notice.INCIDENT, Handling.GREEN, sectors=frozenset({Sector.SECTOR_CUSTODY})),
        Proposed(ActKind.WITHDRAW_NOTICE, Notice.INVESTOR_ALERT, Handling.RED, sectors=frozenset()),
    ]
    nature = nature_of(proposed, [ApprovalRule("x", tlp=Handling.RED)])
    assert nature == Nature("x", Handling.RED, frozenset({Sector.SECTOR_CUSTODY}), Notice.INCIDENT)
    assert nature_of([Proposed(ActKind.ASSESS)], []) == Nature()


@given(st.sampled_from(Handling.Tlp.values()), st.sampled_from(Handling.Tlp.values()))
def test_a_draft_is_seen_by_those_who_may_see_what_it_says(label, clearance):
    scope = Scope(clearance)
    assert may_see(Nature(tlp=label), scope) == (label == 0 or scope.sees(label, ()))


def test_a_draft_of_another_sector_is_not_seen():
    nature = Nature(tlp=Handling.GREEN, sectors=frozenset({Sector.SECTOR_CUSTODY}))
    assert may_see(nature, Scope(Handling.GREEN, frozenset({Sector.SECTOR_CUSTODY, Sector.SECTOR_DEALING})))
    assert not may_see(nature, Scope(Handling.GREEN, frozenset({Sector.SECTOR_DEALING})))


# --- what it holds ------------------------------------------------------------------------------------------------


def test_an_act_gets_an_id_for_what_it_makes_and_nothing_that_its_method_does_not_read():
    given_notice = Notice(recipient="KR", content=content(), name="notices/other", author=Author(authority="X"))
    act, kept = act_of(Draft(create_notice=CreateNoticeRequest(notice=given_notice)), "hk-made")
    assert act == ActKind.CREATE_NOTICE
    assert kept == CreateNoticeRequest(notice=Notice(recipient="KR", content=content()), notice_id="hk-made")
    assessment = Assessment(name="assessments/other")
    assert act_of(Draft(assess=AssessRequest(assessment=assessment)), "hk-made")[1] == AssessRequest(
        assessment=Assessment(content=assessment.content), assessment_id="hk-made"
    )
    assert act_of(Draft(supersede_notice=SupersedeNoticeRequest()), "hk-made")[1].notice_id == "hk-made"
    named = act_of(Draft(supersede_notice=SupersedeNoticeRequest(notice_id="hk-mine")), "hk-made")[1]
    assert named.notice_id == "hk-mine"


@pytest.mark.parametrize("act", ActKind)
def test_an_act_is_no_call(act):
    asked = REQUESTS[act](request_id="6a6a3c5e-7a3e-4a88-9d6e-0f3a3a4f5c11")
    fields = [f"draft.{act}.request_id"]
    if "validate_only" in asked.DESCRIPTOR.fields_by_name:
        asked.validate_only = True
        fields.append(f"draft.{act}.validate_only")
    made = Draft()
    getattr(made, act).CopyFrom(asked)
    with pytest.raises(BadInput) as refused:
        act_of(made, "hk-made")
    assert [each.field for each in refused.value.violations] == fields


def test_a_draft_without_an_act_is_none():
    with pytest.raises(BadInput) as refused:
        act_of(Draft(), "hk-made")
    assert [each.field for each in refused.value.violations] == ["draft.act"]


def test_the_acts_of_drafts_are_those_of_the_contract():
    assert [field.name for field in Draft.DESCRIPTOR.oneofs_by_name["act"].fields] == list(ActKind)
    assert set(REQUESTS) == set(ActKind)


def test_a_list_leaves_out_provisions():
    whole = PublishVersionRequest(parent="frameworks/hk-x", content=FrameworkVersionContent(provisions=[Provision()]))
    changes = PublishVersionRequest(change_set=FrameworkChangeSet(base_version=1, upserts=[Provision()]))
    for request in (whole, changes):
        record = draft(act=ActKind.PUBLISH_VERSION, request=request)
        assert draft_message(record).publish_version == request
        short = draft_message(record, whole=False).publish_version
        assert not short.content.provisions
        assert not short.change_set.upserts
        assert short.WhichOneof("version") == request.WhichOneof("version")


def test_a_list_leaves_other_acts_as_they_are():
    taken = draft(act=ActKind.WITHDRAW_NOTICE, request=WithdrawNoticeRequest(name="notices/hk-1"))
    assert draft_message(taken, whole=False) == draft_message(taken)


def test_what_is_final_tells_what_became_of_it_and_holds_no_act():
    done = draft_message(released(submitted(draft(), NOW, DAY), APPROVER, "notices/hk-1", NOW + 1))
    assert (done.released, done.reviewer, done.WhichOneof("act")) == ("notices/hk-1", APPROVER, None)
    assert (done.act_kind, done.HasField("expire_time"), done.HasField("review_time")) == ("create_notice", False, True)
    over = draft_message(expired(draft(), NOW + DAY))
    assert (over.WhichOneof("act"), over.expire_time.seconds) == (None, (NOW + DAY) // 1_000_000)
