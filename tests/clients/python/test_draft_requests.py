"""Requests about drafts are built from what a caller gives."""

from uuid import UUID

import pytest
from regulator.exchange import draft_requests as requests
from regulator.exchange import notice_request
from regulator.exchange.framework_requests import assess, publish_version
from regulator.exchange.requests import supersede_notice, withdraw_notice
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.framework_pb2 import AssessmentContent, FrameworkVersionContent
from regulator.exchange.v1.notice_pb2 import NoticeContent

ACTS = {
    "create_notice": notice_request(NoticeContent(), recipient="KR", validate_only=True),
    "supersede_notice": supersede_notice("hk-1", NoticeContent()),
    "withdraw_notice": withdraw_notice("hk-1", explanation={"en": "Why."}),
    "publish_version": publish_version("hk-x", FrameworkVersionContent(), validate_only=True),
    "assess": assess(AssessmentContent(), validate_only=True),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_draft_holds_the_request_of_an_act_without_what_belongs_to_a_call(act):
    given = ACTS[act]
    made = requests.create_draft(given, validate_only=True)
    assert made.validate_only
    assert made.draft.WhichOneof("act") == act
    held = getattr(made.draft, act)
    assert held.request_id == ""
    assert not getattr(held, "validate_only", False)
    held.request_id = given.request_id
    if hasattr(given, "validate_only"):
        held.validate_only = given.validate_only
    assert held == given, "and the caller's own request stays as it was"


def test_what_is_no_request_is_no_draft():
    with pytest.raises(TypeError, match="such as notice_request makes, and no NoticeContent"):
        requests.create_draft(NoticeContent())


def test_writes_get_a_request_id_of_their_own():
    act = ACTS["create_notice"]
    builds = (
        lambda: requests.create_draft(act),
        lambda: requests.update_draft("hk-a", act),
        lambda: requests.submit_draft("hk-a"),
        lambda: requests.approve_draft("hk-a", etag='"2"'),
        lambda: requests.reject_draft("hk-a", etag='"2"', reason="Why."),
        lambda: requests.recall_draft("hk-a"),
    )
    made = [build().request_id for build in builds for _ in range(2)]
    assert len(set(made)) == len(made)
    assert {UUID(each).version for each in made} == {7}
    assert requests.submit_draft("hk-a", request_id="mine").request_id == "mine"


def test_names_with_and_without_their_collection_are_the_same():
    assert requests.get_draft("hk-a") == requests.get_draft("drafts/hk-a")
    assert requests.update_draft("hk-a", ACTS["assess"], etag='"1"').draft.name == "drafts/hk-a"
    assert requests.approve_draft("drafts/hk-a", etag='"2"').name == "drafts/hk-a"
    assert requests.list_drafts(state=Draft.PENDING_APPROVAL).state == Draft.PENDING_APPROVAL
