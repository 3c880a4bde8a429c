"""Four eyes, asked of real nodes: no way around a rule, and bad requests about drafts."""

from collections.abc import Iterator

import grpc
import pytest
from regulator.exchange.v1 import draft_service_pb2 as pb
from regulator.exchange.v1 import framework_service_pb2 as frameworks
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.framework_service_pb2 import Assessment
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference
from regulator.exchange.v1.notice_service_pb2 import (
    BatchCreateNoticesRequest,
    SubmitNoticesRequest,
    SubmitNoticesResponse,
    SupersedeNoticeRequest,
    WithdrawNoticeRequest,
)
from regulator.exchange.v1.values_pb2 import Handling, LocalizedText

from tests.rpc.calls import (
    CREATE,
    DRAFTS,
    FRAMEWORKS,
    NOTICES,
    Answer,
    call,
    client_files,
    connected,
    refused,
    unharmed,
)
from tests.rpc.malformed_drafts import DRAFT_REQUESTS
from tests.rpc.malformed_requests import creation
from tests.supervision.framework_samples import assessment, provision, version
from tests.supervision.samples import content, handling, reference
from tests.support.nodes import Site

WHY = [LocalizedText(language_tag="en", text="Why.")]


@pytest.mark.parametrize("name", DRAFT_REQUESTS)
@pytest.mark.usefixtures("cheaply")
def test_a_request_about_drafts_that_breaks_a_rule(channel, name):
    case = DRAFT_REQUESTS[name]
    answer = refused(channel, case.method, case.request)
    assert (answer.code, answer.reason) == (case.code, case.reason)
    assert answer.fields == case.fields


@pytest.fixture(scope="module")
def office(four_eyes_pair: tuple[Site, Site]) -> Iterator[grpc.Channel]:
    """A connection of SFC's office to a node whose rules ask for four eyes; notice hk-open is given."""
    hk, _ = four_eyes_pair
    with connected(hk, hk.back_office_port, client_files(hk, "SFC")) as channel:
        assert call(channel, CREATE, creation(notice_id="hk-open")).code == grpc.StatusCode.OK
        yield channel


def narrow(**changes: object) -> NoticeContent:
    return content(handling=handling(tlp=Handling.AMBER_STRICT), **changes)


def approval_required(answer: Answer, rule: str) -> None:
    assert (answer.code, answer.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "APPROVAL_REQUIRED")
    assert answer.infos[0].metadata == {"rule": rule}
    assert "DraftService" in answer.text


withdrawing = content(references=[reference(Reference.WITHDRAWS, "hk-open")])
COVERED = {
    "a notice": ("narrow", CREATE, creation(narrow())),
    "a notice that is only checked": ("narrow", CREATE, creation(narrow(), validate_only=True)),
    "one of a batch": (
        "narrow",
        f"{NOTICES}BatchCreateNotices",
        BatchCreateNoticesRequest(requests=[creation(), creation(narrow())]),
    ),
    "a replacement": (
        "narrow",
        f"{NOTICES}SupersedeNotice",
        SupersedeNoticeRequest(name="notices/hk-open", content=narrow()),
    ),
    "a withdrawal": (
        "takes-back",
        f"{NOTICES}WithdrawNotice",
        WithdrawNoticeRequest(name="notices/hk-open", explanation=WHY),
    ),
    "a withdrawal by another notice": ("takes-back", CREATE, creation(withdrawing)),
    "a version": (
        "law",
        f"{FRAMEWORKS}PublishVersion",
        frameworks.PublishVersionRequest(parent="frameworks/hk-x", content=version(provision())),
    ),
    "a version that is only checked": (
        "law",
        f"{FRAMEWORKS}PublishVersion",
        frameworks.PublishVersionRequest(parent="frameworks/hk-x", content=version(provision()), validate_only=True),
    ),
    "an assessment": (
        "law",
        f"{FRAMEWORKS}Assess",
        frameworks.AssessRequest(assessment=Assessment(content=assessment())),
    ),
    "an assessment that is only checked": (
        "law",
        f"{FRAMEWORKS}Assess",
        frameworks.AssessRequest(assessment=Assessment(content=assessment()), validate_only=True),
    ),
}


@pytest.mark.parametrize("what", COVERED)
def test_what_a_rule_covers_is_not_done_directly(office, four_eyes_pair, what):
    rule, method, request = COVERED[what]
    with unharmed(four_eyes_pair[0]):
        approval_required(call(office, method, request), rule)


def test_of_a_stream_only_what_a_rule_covers_is_refused(office):
    requests = [creation(), creation(narrow()), creation(withdrawing), creation()]
    answer = call(office, f"{NOTICES}SubmitNotices", SubmitNoticesRequest(requests=requests))
    told = SubmitNoticesResponse.FromString(answer.data)
    assert (told.received_count, told.sealed_count) == (4, 2)
    assert [each.index for each in told.refusals] == [1, 2]
    assert all("DraftService" in each.status.message for each in told.refusals)


def test_a_draft_of_each_act_that_a_rule_covers_is_taken_and_names_the_rule(office):
    acts = {
        "create_notice": creation(narrow()),
        "supersede_notice": SupersedeNoticeRequest(name="notices/hk-open", content=narrow()),
        "withdraw_notice": WithdrawNoticeRequest(name="notices/hk-open", explanation=WHY),
        "publish_version": COVERED["a version"][2],
        "assess": COVERED["an assessment"][2],
    }
    rules = {}
    for act, request in acts.items():
        answer = call(office, f"{DRAFTS}CreateDraft", pb.CreateDraftRequest(draft=Draft(**{act: request})))
        rules[act] = Draft.FromString(answer.data).rule
    assert rules == {
        "create_notice": "narrow",
        "supersede_notice": "narrow",
        "withdraw_notice": "takes-back",
        "publish_version": "law",
        "assess": "law",
    }
