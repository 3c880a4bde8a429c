"""What a call names is found by the contract alone; no text of a caller passes for a name, and no content is read."""

import pytest
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1 import admin_service_pb2 as admin
from regulator.exchange.v1 import event_service_pb2 as events
from regulator.exchange.v1 import evidence_service_pb2 as evidence
from regulator.exchange.v1 import framework_service_pb2 as frameworks
from regulator.exchange.v1 import notice_service_pb2 as notices
from regulator.exchange.v1.notice_pb2 import Reference

from gateway.journal.names import asked_in, refusals_in, request_id_of, told_in
from tests.supervision.samples import content

HK_1, PROVISION = "notices/hk-1", "frameworks/hk-a/provisions/p.1"
ORIGIN = "gateway.hk.example/to/gateway.kr.example"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (notices.GetNoticeRequest(name=HK_1), [HK_1]),
        (evidence.GetEvidenceRequest(notice=HK_1), [HK_1]),
        (evidence.GetEvidenceRequest(origin=ORIGIN, index=7), [f"{ORIGIN}#7"]),
        (evidence.GetCheckpointRequest(origin=ORIGIN), [ORIGIN]),
        (admin.GetChannelRequest(name="channels/hk-to-kr"), ["channels/hk-to-kr"]),
        (frameworks.ListProvisionsRequest(parent="frameworks/-"), ["frameworks/-"]),
        (frameworks.GetVersionRequest(name="frameworks/hk-a/versions/3"), ["frameworks/hk-a/versions/3"]),
        (notices.CreateNoticeRequest(notice={"name": HK_1}), []),
        (admin.GetServerInfoRequest(), []),
    ],
    ids=str,
)
def test_what_a_request_names(request_, expected):
    assert list(asked_in(request_)) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (notices.Notice(name=HK_1, superseded_by="notices/hk-2"), [HK_1]),
        (notices.ListNoticesResponse(notices=[{"name": HK_1}, {"name": "notices/kr-2"}]), [HK_1, "notices/kr-2"]),
        (events.WatchEventsResponse(event={"notice": HK_1, "origin": ORIGIN, "index": 4}), [HK_1]),
        (events.WatchEventsResponse(event={"origin": ORIGIN, "index": 4}), [f"{ORIGIN}#4"]),
        (
            events.WatchEventsResponse(event={"framework": "frameworks/hk-a", "provision": PROVISION}),
            ["frameworks/hk-a", PROVISION],
        ),
        (events.WatchEventsResponse(cursor="7"), []),
        (admin.ServerInfo(domain="gateway.hk.example"), []),
    ],
    ids=str,
)
def test_what_an_answer_names(answer, expected):
    assert list(told_in(answer)) == expected


def test_content_is_never_read():
    told = content(references=[Reference(relation=Reference.SUPERSEDES, notice="notices/hk-secret")])
    request = notices.CreateNoticeRequest(notice={"content": told, "recipient": "KR"})
    assert list(asked_in(request)) == []
    assert list(asked_in(notices.BatchCreateNoticesRequest(requests=[request]))) == []
    assert list(asked_in(notices.SupersedeNoticeRequest(name=HK_1, content=told))) == [HK_1]
    assert list(told_in(notices.Notice(content=told))) == []
    assert list(told_in(notices.ListNoticesResponse(notices=[{"content": told}]))) == []


@given(st.text(max_size=600))
def test_a_text_that_is_no_resource_name_names_nothing(text):
    found = list(asked_in(notices.GetNoticeRequest(name=text)))
    assert found in ([], [text])
    assert not found or (text.isascii() and "/" in text and not set(text) & set(" \n\t'\"<>;"))


@pytest.mark.parametrize(
    "text",
    ["notices/a b", "notices/", "/a", "notices/a\n", "notices//b", "a" * 33 + "/b", "n/" + "a" * 65, "../x/y", "n/ä"],
)
def test_confusable_names_name_nothing(text):
    assert list(asked_in(notices.GetNoticeRequest(name=text))) == []


def test_a_field_names_only_what_is_in_its_own_collection():
    assert list(asked_in(evidence.GetEvidenceRequest(notice="frameworks/hk-a"))) == []


@pytest.mark.parametrize(
    ("text", "kept"), [("123e4567-e89b-42d3-a456-426614174000", True), ("drop table", False), ("", False)]
)
def test_only_a_request_id_that_is_a_uuid_is_kept(text, kept):
    assert request_id_of(notices.CreateNoticeRequest(request_id=text)) == (text if kept else "")
    assert request_id_of(notices.GetNoticeRequest()) == ""


def test_refusals_that_an_answer_tells_are_found_by_their_reasons():
    packed = Any()
    packed.Pack(ErrorInfo(reason="WRONG_STATE", domain="exchange.regulator"))
    refusals = [{"index": 1, "status": Status(code=9, details=[packed])}, {"index": 2, "status": Status(code=3)}]
    answer = notices.SubmitNoticesResponse(received_count=3, sealed_count=1, refusals=refusals)
    assert list(refusals_in(answer)) == ["WRONG_STATE", "UNKNOWN"]
    assert list(refusals_in(notices.Notice(name=HK_1))) == []
