"""Bad requests about onward sharing, asked of a real node; what is refused for other reasons: ``tests/commands``."""

import pytest
from regulator.exchange.v1 import sharing_service_pb2 as pb

from gateway.errors import ConsentRequired, SharingProhibited
from gateway.rpc.status import code_of
from tests.rpc.calls import refused
from tests.rpc.malformed_sharing import SHARING_REQUESTS


@pytest.mark.parametrize("name", SHARING_REQUESTS)
@pytest.mark.usefixtures("cheaply")
def test_a_request_about_sharing_that_breaks_a_rule(channel, name):
    case = SHARING_REQUESTS[name]
    answer = refused(channel, case.method, case.request)
    assert (answer.code, answer.reason) == (case.code, case.reason)
    assert answer.fields == case.fields


def test_every_method_is_tried():
    service = pb.DESCRIPTOR.services_by_name["SharingService"]
    tried = {case.method.rpartition("/")[2] for case in SHARING_REQUESTS.values()}
    assert tried == {method.name for method in service.methods}


@pytest.mark.parametrize("error", [ConsentRequired("why"), SharingProhibited("why")])
def test_what_lacks_consent_is_a_failed_precondition(error):
    assert code_of(error) == 9
