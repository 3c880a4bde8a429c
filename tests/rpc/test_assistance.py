"""Bad requests for assistance, answers and questions about cases; what is refused else: ``tests/commands``."""

import pytest
from regulator.exchange.v1 import assistance_service_pb2 as pb

from tests.rpc.calls import CREATE, bad_input, refused
from tests.rpc.malformed_assistance import ASSISTANCE_CONTENTS, ASSISTANCE_REQUESTS
from tests.rpc.malformed_requests import creation
from tests.rpc.test_bad_input import changed

pytestmark = pytest.mark.usefixtures("cheaply")


@pytest.mark.parametrize("name", ASSISTANCE_CONTENTS)
def test_a_request_or_an_answer_that_breaks_a_rule(channel, name):
    changes, field = ASSISTANCE_CONTENTS[name]
    fields = bad_input(channel, CREATE, creation(changed(changes), notice_id="hk-malformed"))
    assert f"notice.content.{field}" in fields


@pytest.mark.parametrize("name", ASSISTANCE_REQUESTS)
def test_a_question_about_cases_that_breaks_a_rule(channel, name):
    case = ASSISTANCE_REQUESTS[name]
    answer = refused(channel, case.method, case.request)
    assert (answer.code, answer.reason) == (case.code, case.reason)
    assert answer.fields == case.fields


def test_every_method_and_every_field_is_tried():
    service = pb.DESCRIPTOR.services_by_name["AssistanceService"]
    tried = {case.method.rpartition("/")[2] for case in ASSISTANCE_REQUESTS.values()}
    assert tried == {method.name for method in service.methods}
    named = {field for case in ASSISTANCE_REQUESTS.values() for field in case.fields}
    wanted = {each.name for each in pb.ListAssistanceCasesRequest.DESCRIPTOR.fields} - {"overdue_only"}
    assert named == {"name", *wanted}
    details = {field.split("[")[0] for _, field in ASSISTANCE_CONTENTS.values()}
    for detail in ("assistance_request", "assistance_answer"):
        fields = changed({detail: None}).DESCRIPTOR.fields_by_name[detail].message_type.fields
        assert {f"{detail}.{each.name}" for each in fields} <= details
