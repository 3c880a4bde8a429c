"""Every method of both clients, against a real server: what is sent, what comes back, and what is tried again."""

import inspect
import threading
import time
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc import StatusCode
from regulator.exchange import (
    AlreadyExists,
    AsyncClient,
    Client,
    ClientClosed,
    DeadlineExceeded,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Overloaded,
    Stale,
    Unauthenticated,
    Unavailable,
    Violation,
    WrongState,
    async_calling,
    calling,
    notice_request,
)
from regulator.exchange.connection import MAX_MESSAGE_BYTES
from regulator.exchange.errors import Cancelled
from regulator.exchange.v1.evidence_service_pb2 import GetEvidenceRequest
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import LocalizedText

from tests.clients.python.fake_node import PATIENCE_SECONDS, status, until

CONTENT = NoticeContent(issuing_authority="HKMA")
ORIGIN = "gateway.hk.example/to/gateway.kr.example"
BUSY = status(StatusCode.UNAVAILABLE, "starting")


def retry_after(seconds: float) -> RetryInfo:
    delay = Duration()
    delay.FromNanoseconds(int(seconds * 1e9))
    return RetryInfo(retry_delay=delay)


WRITES = {
    "CreateNotice": lambda client, **more: client.create_notice(CONTENT, recipient="KR", notice_id="hk-1", **more),
    "AcknowledgeNotice": lambda client, **more: client.acknowledge_notice("kr-1", comment={"en": "Noted."}, **more),
    "WithdrawNotice": lambda client, **more: client.withdraw_notice("hk-1", explanation={"en": "An error."}, **more),
    "SupersedeNotice": lambda client, **more: client.supersede_notice("hk-1", CONTENT, notice_id="hk-2", **more),
}


def test_every_read_reaches_its_method(client, node):
    assert client.server_info().domain == "gateway.hk.example"
    assert client.get_checkpoint(ORIGIN).note == ORIGIN.encode()
    assert client.get_consistency_proof(ORIGIN, first_size=2, second_size=5).hashes == [bytes(32)]
    proof = node.requests_of("GetConsistencyProof")[0]
    assert (proof.origin, proof.first_size, proof.second_size) == (ORIGIN, 2, 5)
    assert (client.get_fork_proof(ORIGIN).number, client.get_fork_proof(ORIGIN, number=2).number) == (1, 2)
    assert [peer.name for peer in client.list_peers()] == ["peers/kr"]
    assert [channel.name for channel in client.list_channels()] == ["channels/hk-to-kr"]
    assert [each.purpose for each in client.list_certificates()] == ["TLS of this node"]


@pytest.mark.parametrize("prefix", ["", "full"])
def test_the_collection_may_be_left_off_a_name(client, prefix):
    def name(collection, short):
        return f"{collection}/{short}" if prefix else short

    assert client.get_notice(name("notices", "hk-1")).name == "notices/hk-1"
    assert client.get_peer(name("peers", "kr")).name == "peers/kr"
    assert client.get_channel(name("channels", "hk-to-kr")).name == "channels/hk-to-kr"
    assert client.acknowledge_notice(name("notices", "kr-1")).name == "notices/kr-1"
    assert client.withdraw_notice(name("notices", "hk-1"), explanation={"en": "No."}).name == "notices/hk-1"
    assert client.get_evidence(name("notices", "hk-1")).file_name == "notices/hk-1"


def test_evidence_is_asked_by_act_or_by_place(client, node):
    client.get_evidence("hk-1", act=GetEvidenceRequest.WITHDRAWAL)
    client.get_evidence(origin=ORIGIN, index=7)
    assert node.requests_of("GetEvidence") == [
        GetEvidenceRequest(notice="notices/hk-1", act=GetEvidenceRequest.WITHDRAWAL),
        GetEvidenceRequest(act=GetEvidenceRequest.RELEASE, origin=ORIGIN, index=7),
    ]


def test_a_notice_is_created_as_it_is_given(client, node):
    answer = client.create_notice(CONTENT, recipient="KR", notice_id="hk-1", validate_only=True)
    sent = node.requests_of("CreateNotice")[0]
    assert answer == Notice(name="notices/hk-1", state=Notice.RELEASED)
    assert (sent.notice, sent.validate_only) == (Notice(recipient="KR", content=CONTENT), True)


def test_acts_carry_their_texts_and_etag(client, node):
    client.acknowledge_notice("kr-1", comment={"en": "Noted.", "ko": "확인."}, case_reference="B-7", etag='"3"')
    client.withdraw_notice("hk-1", explanation={"en": "An error."}, etag='"2"')
    client.supersede_notice("hk-1", CONTENT, notice_id="hk-2", etag='"1"')
    acknowledged, withdrawn, superseded = (request for _, request in node.requests)
    assert [(each.language_tag, each.text) for each in acknowledged.comment] == [("en", "Noted."), ("ko", "확인.")]
    assert (acknowledged.case_reference, acknowledged.etag) == ("B-7", '"3"')
    assert (withdrawn.explanation[0].text, withdrawn.etag) == ("An error.", '"2"')
    assert (superseded.name, superseded.content, superseded.etag) == ("notices/hk-1", CONTENT, '"1"')


def test_a_batch_gets_a_request_id_where_it_has_none(client, node):
    own = str(uuid4())
    given = [notice_request(CONTENT, recipient="KR", notice_id="hk-1", request_id=own)]
    given += [notice_request(CONTENT, recipient="KR", notice_id="hk-2")]
    given[1].request_id = ""
    answer = client.batch_create_notices(given)
    first, second = node.requests_of("BatchCreateNotices")[0].requests
    assert [notice.name for notice in answer.notices] == ["notices/hk-1", "notices/hk-2"]
    assert first.request_id == own
    assert UUID(second.request_id).version == 7
    assert given[1].request_id == ""  # the caller's own message is left alone


@pytest.mark.parametrize("method", WRITES)
def test_a_write_is_tried_again_with_the_same_request_id(client, node, method):
    node.fail(method, BUSY, BUSY)
    WRITES[method](client)
    sent = node.requests_of(method)
    assert len(sent) == 3
    assert sent[0] == sent[1] == sent[2]
    assert UUID(sent[0].request_id).version == 7


@pytest.mark.parametrize("method", WRITES)
def test_an_error_names_the_request_id_with_which_the_write_can_be_repeated(connect, node, method):
    client = connect(max_attempts=1)
    node.fail(method, BUSY)
    with pytest.raises(Unavailable) as failed:
        WRITES[method](client)
    WRITES[method](client, request_id=failed.value.request_id)
    first, second = node.requests_of(method)
    assert first == second


def test_an_error_of_what_writes_nothing_names_no_request_id(connect, node):
    client = connect(max_attempts=1)
    node.fail("CreateNotice", BUSY)
    with pytest.raises(Unavailable) as checked:
        client.create_notice(CONTENT, recipient="KR", validate_only=True)
    node.fail("GetNotice", BUSY)
    with pytest.raises(Unavailable) as read:
        client.get_notice("hk-1")
    assert checked.value.request_id == read.value.request_id == ""


@pytest.mark.parametrize("method", WRITES)
def test_each_write_has_a_request_id_of_its_own(client, node, method):
    WRITES[method](client)
    WRITES[method](client)
    first, second = node.requests_of(method)
    assert first.request_id != second.request_id


@pytest.mark.parametrize("method", WRITES)
def test_a_given_request_id_is_sent(client, node, method):
    own = str(uuid4())
    WRITES[method](client, request_id=own)
    assert node.requests_of(method)[0].request_id == own


def test_attempts_are_bounded(connect, node):
    node.fail("GetNotice", *[BUSY] * 5)
    with pytest.raises(Unavailable, match="starting"):
        connect(max_attempts=3).get_notice("hk-1")
    assert len(node.requests_of("GetNotice")) == 3


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (StatusCode.INVALID_ARGUMENT, InvalidRequest),
        (StatusCode.UNAUTHENTICATED, Unauthenticated),
        (StatusCode.PERMISSION_DENIED, NotAllowed),
        (StatusCode.NOT_FOUND, NotFound),
        (StatusCode.ALREADY_EXISTS, AlreadyExists),
        (StatusCode.FAILED_PRECONDITION, WrongState),
        (StatusCode.ABORTED, Stale),
        (StatusCode.RESOURCE_EXHAUSTED, Overloaded),  # the node does not say when to come back
    ],
)
def test_an_answer_that_would_be_the_same_again_is_raised_at_once(client, node, code, expected):
    node.fail("GetNotice", status(code, "no"))
    with pytest.raises(expected, match="no") as caught:
        client.get_notice("hk-1")
    assert (caught.value.code, caught.value.reason) == (code, code.name)
    assert len(node.requests_of("GetNotice")) == 1


def test_a_request_that_is_larger_than_a_node_takes_is_no_overload(client, node):
    large = NoticeContent(summary=[LocalizedText(language_tag="en", text="x" * MAX_MESSAGE_BYTES)])
    with pytest.raises(InvalidRequest, match=f"and a node takes at most {MAX_MESSAGE_BYTES}"):
        client.create_notice(large, recipient="KR")
    assert not node.requests_of("CreateNotice")


def test_an_error_names_reason_metadata_and_fields(client, node):
    bad = BadRequest(field_violations=[{"field": "notice.content.title", "description": "is required"}])
    info = ErrorInfo(reason="BAD_INPUT", domain="gateway.hk.example", metadata={"notice": "hk-1"})
    node.fail("CreateNotice", status(StatusCode.INVALID_ARGUMENT, "title", info, bad))
    with pytest.raises(InvalidRequest) as caught:
        client.create_notice(CONTENT, recipient="KR")
    error = caught.value
    assert (str(error), error.reason, error.metadata) == ("title", "BAD_INPUT", {"notice": "hk-1"})
    assert error.violations == (Violation("notice.content.title", "is required"),)
    assert error.retry_after_seconds is None


def test_an_overloaded_node_is_asked_again_when_it_says(client, node):
    node.fail("GetNotice", status(StatusCode.RESOURCE_EXHAUSTED, "full", retry_after(0.2)))
    began = time.monotonic()
    client.get_notice("hk-1")
    assert time.monotonic() - began >= 0.2
    assert len(node.requests_of("GetNotice")) == 2


def test_a_wait_past_the_deadline_is_not_begun(connect, node):
    node.fail("GetNotice", status(StatusCode.RESOURCE_EXHAUSTED, "full", retry_after(10 * PATIENCE_SECONDS)))
    with pytest.raises(Overloaded) as caught:
        connect(deadline_seconds=5 * PATIENCE_SECONDS).get_notice("hk-1")  # nothing here waits for so long
    assert caught.value.retry_after_seconds == 10 * PATIENCE_SECONDS


def test_one_deadline_holds_for_all_attempts(connect, node, monkeypatch):
    slow = SimpleNamespace(monotonic=lambda: 60.0 * len(node.requests_of("GetNotice")))  # an attempt takes a minute
    for module in (calling, async_calling):
        monkeypatch.setattr(module, "time", slow)
    node.fail("GetNotice", *[status(StatusCode.UNAVAILABLE, "busy")] * 10)
    with pytest.raises(Unavailable):
        connect(deadline_seconds=200, max_attempts=10).get_notice("hk-1")
    assert len(node.requests_of("GetNotice")) == 4


def test_a_silent_node_is_not_waited_for_past_the_deadline_nor_asked_again(connect, node):
    ended = threading.Event()
    node.answers["GetNotice"] = lambda _: ended.wait(PATIENCE_SECONDS) and Notice()
    with pytest.raises(DeadlineExceeded):
        connect(deadline_seconds=0.3).get_notice("hk-1")
    ended.set()
    assert len(node.requests_of("GetNotice")) <= 1  # none if it took as long to connect


def test_a_closed_client_says_so(client):
    client.close()
    with pytest.raises(ClientClosed):
        client.server_info()
    with pytest.raises(ClientClosed):
        client.watch_events()


def test_closing_ends_the_calls_under_way(client, node):
    ended, errors = threading.Event(), []
    node.answers["GetNotice"] = lambda _: ended.wait(PATIENCE_SECONDS) and Notice()

    def call():
        try:
            client.get_notice("hk-1")
        except Cancelled as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    until(lambda: bool(node.requests_of("GetNotice")))
    client.close()
    thread.join(PATIENCE_SECONDS)
    ended.set()
    assert [error.code for error in errors] == [StatusCode.CANCELLED]


def test_closing_ends_the_pause_of_a_transfer(connect, node, tmp_path, monkeypatch):
    pausing, errors = threading.Event(), []

    def pause(*_):
        pausing.set()
        return 2 * PATIENCE_SECONDS

    monkeypatch.setattr("regulator.exchange.transfers.jitter_seconds", pause)
    (tmp_path / "report.pdf").write_bytes(b"all of it")
    client = connect(max_attempts=1)
    node.stop()

    def upload():
        try:
            client.upload_attachment(tmp_path / "report.pdf")
        except BaseException as error:  # noqa: BLE001 - whatever ends it
            errors.append(error)

    thread = threading.Thread(target=upload)
    thread.start()
    assert pausing.wait(PATIENCE_SECONDS)
    client.close()
    thread.join(PATIENCE_SECONDS)
    node.start()
    assert [type(error) for error in errors] == [ClientClosed]


def test_a_client_closes_itself_after_a_with_block(connect):
    with connect() as client:
        client.server_info()
    with pytest.raises(ClientClosed):
        client.server_info()


def test_both_clients_have_the_same_methods_with_the_same_parameters():
    def parameters(kind):
        public = {name: member for name, member in inspect.getmembers(kind) if not name.startswith("_")}
        return {name: list(inspect.signature(member).parameters) for name, member in public.items()}

    assert parameters(Client) == parameters(AsyncClient)
    assert parameters(Client)["acknowledge_notice"] == [
        "self",
        "name",
        "comment",
        "case_reference",
        "request_id",
        "etag",
    ]


def test_every_method_is_documented():
    for kind in (Client, AsyncClient):
        for name, member in inspect.getmembers(kind):
            if not name.startswith("_"):
                assert inspect.getdoc(member), name
                assert member.__name__ == name
