"""Errors as statuses: each has a code, and what goes wrong inside stays inside."""

from collections.abc import Iterator

import pytest
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from gateway import errors
from gateway.rpc.status import CODES, DOMAIN, code_of, status_of

CANARY = "secret-7f3a"


def subclasses(kind: type[errors.GatewayError]) -> Iterator[type[errors.GatewayError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from subclasses(below)


ERRORS = sorted(subclasses(errors.GatewayError), key=lambda kind: kind.__name__)


def made(kind: type[errors.GatewayError], text: str = "what is wrong") -> errors.GatewayError:
    return kind.of("field", text) if issubclass(kind, errors.BadInput) else kind(text, name=text)


def unpacked(status: Status, kind: type[Message]) -> list[Message]:
    found = []
    for detail in status.details:
        message = kind()
        if detail.Unpack(message):
            found.append(message)
    return found


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_has_a_code_and_exactly_one_error_info(kind):
    status = status_of(made(kind))
    assert status.code == code_of(made(kind)) not in {Code.OK, Code.UNKNOWN}
    (info,) = unpacked(status, ErrorInfo)
    assert info.domain == DOMAIN
    assert info.reason == (kind.reason if status.code != Code.INTERNAL else "INTERNAL")


@pytest.mark.parametrize("kind", ERRORS)
def test_what_is_wrong_inside_the_node_is_not_told(kind):
    status = status_of(made(kind, CANARY))
    assert (CANARY in str(status)) == (status.code != Code.INTERNAL)


def test_what_an_operator_or_the_store_did_is_inside_the_node():
    inside = {kind for kind in ERRORS if code_of(made(kind)) == Code.INTERNAL}
    of_the_store = {errors.StoreError, errors.BrokenStorage, errors.LostCommits, errors.WrongForm}
    of_the_store |= {errors.LaterForm, errors.Corrupt}
    assert inside == {errors.GatewayError, errors.ConfigError} | of_the_store


def test_a_subclass_has_the_code_of_its_parent_unless_it_has_a_row():
    assert code_of(errors.RequestIdReused("")) == CODES[errors.AlreadyExists]
    assert code_of(errors.Halted("")) == CODES[errors.WrongState]


def test_bad_input_names_its_fields():
    (bad,) = unpacked(status_of(errors.BadInput.of("notice.title", "must not be empty")), BadRequest)
    assert [(each.field, each.description) for each in bad.field_violations] == [("notice.title", "must not be empty")]


def test_an_overloaded_node_says_when_to_come_back():
    (retry,) = unpacked(status_of(errors.Overloaded("busy")), RetryInfo)
    assert retry.retry_delay.seconds > 0


def test_many_violations_fit_into_the_trailers_that_clients_take():
    """gRPC's clients take 8 KiB of metadata gladly, and no more than 16."""
    violations = [
        errors.Violation(f"requests[9].notice.content.subjects[{n}].name", "must not be " * 20) for n in range(50)
    ]
    status = status_of(errors.BadInput(violations))
    assert len(status.SerializeToString()) * 4 / 3 + len(status.message) < 8192
    (bad,) = unpacked(status, BadRequest)
    assert bad.field_violations[0].field == "requests[9].notice.content.subjects[0].name"
