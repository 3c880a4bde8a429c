"""Requests about cases of assistance are built from what a caller gives, and their answers are read page by page."""

from datetime import date

import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.type.date_pb2 import Date
from grpc import StatusCode
from regulator.exchange import AsyncClient, Client, WrongState
from regulator.exchange import assistance_requests as requests
from regulator.exchange.v1 import assistance_service_pb2 as pb
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase, ListAssistanceCasesResponse
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import Notice

from tests.clients.python.fake_node import status

NAME = "assistanceCases/hk-1"


def test_a_case_may_be_named_by_its_id_alone(client, node):
    assert requests.get_assistance_case("hk-1") == requests.get_assistance_case(NAME)
    assert client.get_assistance_case("hk-1").name == NAME
    assert [each.name for each in node.requests_of("GetAssistanceCase")] == [NAME]


def test_filters_go_with_every_page(client, node):
    node.answers["ListAssistanceCases"] = lambda request: ListAssistanceCasesResponse(
        assistance_cases=[AssistanceCase(name=f"assistanceCases/hk-{request.page_token or 1}")],
        next_page_token="" if request.page_token else "2",
    )
    found = client.list_assistance_cases(
        page_size=1,
        direction=Notice.INCOMING,
        state=AssistanceCase.OPEN,
        peer="HK",
        requested_authority="FSS",
        overdue_only=True,
        due_by=date(2026, 5, 8),
        answerable_by="FSC",
    )
    assert [each.name for each in found] == ["assistanceCases/hk-1", "assistanceCases/hk-2"]
    sent = node.requests_of("ListAssistanceCases")
    assert [each.page_token for each in sent] == ["", "2"]
    for each in sent:
        assert (each.page_size, each.direction, each.state) == (1, Notice.INCOMING, AssistanceCase.OPEN)
        assert (each.peer, each.requested_authority, each.overdue_only) == ("HK", "FSS", True)
        assert (each.due_by, each.answerable_by) == (Date(year=2026, month=5, day=8), "FSC")


def test_a_closed_case_is_told_by_its_reason(client, node):
    info = ErrorInfo(reason="ASSISTANCE_CLOSED", domain="gateway.kr.example", metadata={"state": "ANSWERED"})
    node.fail("CreateNotice", status(StatusCode.FAILED_PRECONDITION, "closed", info))
    with pytest.raises(WrongState) as refused:
        client.create_notice(NoticeContent(issuing_authority="FSS"), recipient="HK")
    assert (refused.value.reason, refused.value.metadata) == ("ASSISTANCE_CLOSED", {"state": "ANSWERED"})


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_every_method_of_the_service_is_one_of_the_client(client):
    for method in pb.DESCRIPTOR.services_by_name["AssistanceService"].methods:
        name = "".join(f"_{each.lower()}" if each.isupper() else each for each in method.name).lstrip("_")
        assert getattr(client, name).__doc__ == getattr(requests, name).__doc__
