"""Errors are made from whatever an answer holds, also from what does not parse."""

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from regulator import exchange
from regulator.exchange import errors
from regulator.exchange.errors import CLASSES, ExchangeError, Violation, details_of, error_of, from_rpc_error

from tests.clients.python.fake_node import status

DETAILS_KEY = "grpc-status-details-bin"


class Failed(grpc.RpcError):
    """What a call raises, without a call."""

    def __init__(self, code, details="no", trailing=()) -> None:
        self._parts = (code, details, trailing)

    def code(self):
        return self._parts[0]

    def details(self):
        return self._parts[1]

    def trailing_metadata(self):
        return self._parts[2]


@pytest.mark.parametrize("code", [code for code in StatusCode if code is not StatusCode.OK])
def test_every_code_has_a_class_of_its_own_kind(code):
    error = from_rpc_error(Failed(code))
    assert type(error) is CLASSES[code]
    assert (error.code, error.reason, error.message) == (code, code.name, "no")


def test_an_answer_without_words_is_told_by_its_code():
    assert str(from_rpc_error(Failed(StatusCode.INTERNAL, ""))) == "INTERNAL"
    assert str(from_rpc_error(Failed(StatusCode.INTERNAL, None))) == "INTERNAL"


def test_an_answer_without_trailing_metadata_has_no_details():
    error = from_rpc_error(Failed(StatusCode.UNAVAILABLE, "no", None))
    assert (error.violations, error.metadata, error.retry_after_seconds) == ((), {}, None)


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xff",
        status(StatusCode.NOT_FOUND, "no").SerializeToString(),  # contradicts the code
        status(StatusCode.ABORTED, "yes").SerializeToString(),  # contradicts the message
        Status(
            code=StatusCode.ABORTED.value[0],
            message="no",
            details=[AnyMessage(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff\xff")],
        ).SerializeToString(),
    ],
)
def test_details_that_do_not_parse_are_left_out(raw):
    error = from_rpc_error(Failed(StatusCode.ABORTED, "no", [(DETAILS_KEY, raw)]))
    assert type(error) is errors.Stale
    assert (error.reason, error.violations) == ("ABORTED", ())


def test_details_of_a_type_this_client_does_not_know_are_passed_over():
    strange = AnyMessage(type_url="type.googleapis.com/elsewhere.Thing", value=b"\x01")
    given = status(StatusCode.ABORTED, "no", ErrorInfo(reason="ETAG"))
    given.details.insert(0, strange)
    error = from_rpc_error(Failed(StatusCode.ABORTED, "no", [(DETAILS_KEY, given.SerializeToString())]))
    assert error.reason == "ETAG"


def test_a_refusal_in_a_stream_is_the_error_that_a_call_would_have_raised():
    bad = BadRequest(field_violations=[{"field": "notice.recipient", "description": "must be a peer"}])
    retry = RetryInfo(retry_delay={"seconds": 1, "nanos": 500_000_000})
    given = status(StatusCode.INVALID_ARGUMENT, "no", ErrorInfo(reason="BAD_INPUT"), bad, retry)
    refused = error_of(given)
    called = from_rpc_error(Failed(StatusCode.INVALID_ARGUMENT, "no", [(DETAILS_KEY, given.SerializeToString())]))
    assert type(refused) is type(called) is exchange.InvalidRequest
    assert str(refused) == str(called) == "no"
    for each in (refused, called):
        assert (each.reason, each.retry_after_seconds) == ("BAD_INPUT", 1.5)
        assert each.violations == (Violation("notice.recipient", "must be a peer"),)


@pytest.mark.parametrize("code", [*StatusCode])
def test_a_status_of_every_code_is_an_error(code):
    error = error_of(Status(code=code.value[0]))
    assert type(error) is CLASSES.get(code, exchange.NodeFailure)
    assert str(error)


def test_a_status_that_nobody_could_send_is_a_failure_of_the_node():
    broken = AnyMessage(type_url="type.googleapis.com/google.rpc.RetryInfo", value=b"\xff")
    error = error_of(Status(code=99, message="odd", details=[broken]))
    assert (type(error), str(error), error.violations) == (exchange.NodeFailure, "odd", ())


def test_a_refusal_that_does_not_parse_raises():
    broken = AnyMessage(type_url="type.googleapis.com/google.rpc.RetryInfo", value=b"\xff")
    with pytest.raises(DecodeError):
        details_of(Status(details=[broken]))


def test_every_error_is_exported_documented_and_drawn_in_the_tree():
    tree = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ExchangeError)]
    for kind in tree:
        assert getattr(exchange, kind.__name__) is kind
        assert kind.__doc__
        assert kind.__name__ in errors.__doc__


def test_all_names_of_the_package_are_there():
    assert sorted(exchange.__all__) == exchange.__all__
    assert all(hasattr(exchange, name) for name in exchange.__all__)


@pytest.mark.parametrize(
    ("delay", "told"),
    [(Duration(seconds=2**63 - 1), 2.0**63), (Duration(seconds=-5), 0.0), (Duration(nanos=1_500_000), 0.0015)],
)
def test_any_time_to_wait_is_a_number_of_seconds(delay, told):
    answer = Status(code=8)
    answer.details.add().Pack(RetryInfo(retry_delay=delay))
    assert details_of(answer).retry_after_seconds == told
