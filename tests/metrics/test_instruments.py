"""What is counted as things happen, and what counting costs."""

from time import process_time

import pytest
from prometheus_client import CollectorRegistry

from gateway.metrics.instruments import OK, Instruments

GET = "/regulator.exchange.v1.NoticeService/GetNotice"
WATCH = "/regulator.exchange.v1.EventService/WatchEvents"
OF_GET = {"grpc_service": "regulator.exchange.v1.NoticeService", "grpc_method": "GetNotice"}
OF_WATCH = {"grpc_service": "regulator.exchange.v1.EventService", "grpc_method": "WatchEvents"}
MOST_MICROSECONDS_A_CALL = 20  # it is 1.5 where nothing else runs


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def instruments(registry) -> Instruments:
    return Instruments(registry)


def test_calls_are_counted_by_method_and_code(registry, instruments):
    calls = instruments.calls_of(GET, answers_once=True)
    for code in (OK, OK, "NOT_FOUND"):
        call = calls.begin()
        call.code = code
        call.end()
    value = registry.get_sample_value
    assert value("grpc_server_handled_total", {**OF_GET, "grpc_code": "OK"}) == 2
    assert value("grpc_server_handled_total", {**OF_GET, "grpc_code": "NOT_FOUND"}) == 1
    assert value("grpc_server_handling_seconds_count", OF_GET) == 3


def test_a_call_that_is_neither_answered_nor_refused_was_cancelled(registry, instruments):
    instruments.calls_of(GET, answers_once=True).begin().end()
    assert registry.get_sample_value("grpc_server_handled_total", {**OF_GET, "grpc_code": "CANCELLED"}) == 1


def test_an_answer_passes_through(registry, instruments):
    call = instruments.calls_of(GET, answers_once=True).begin()
    assert call.answered(b"answer") == b"answer"
    call.end()
    assert registry.get_sample_value("grpc_server_handled_total", {**OF_GET, "grpc_code": "OK"}) == 1


def test_the_length_of_a_stream_is_no_time_of_a_call(registry, instruments):
    instruments.calls_of(WATCH, answers_once=False).begin().end()
    assert registry.get_sample_value("grpc_server_handled_total", {**OF_WATCH, "grpc_code": "CANCELLED"}) == 1
    assert registry.get_sample_value("grpc_server_handling_seconds_count", OF_WATCH) is None


def test_a_method_that_was_never_called_takes_no_line_but_that_of_its_failures_which_must_be_seen_to_rise(
    registry, instruments
):
    instruments.calls_of(GET, answers_once=True)
    value = registry.get_sample_value
    assert value("grpc_server_handling_seconds_count", OF_GET) is None
    assert value("grpc_server_handled_total", {**OF_GET, "grpc_code": "OK"}) is None
    assert value("grpc_server_handled_total", {**OF_GET, "grpc_code": "INTERNAL"}) == 0


def test_refusals_are_counted_by_reason_and_limits_by_name(registry, instruments):
    instruments.refused(GET, "OVERLOADED", {"limit": "concurrent_calls"})
    instruments.refused(GET, "NOT_FOUND", {})
    value = registry.get_sample_value
    assert value("gateway_refusals_total", {**OF_GET, "reason": "OVERLOADED"}) == 1
    assert value("gateway_refusals_total", {**OF_GET, "reason": "NOT_FOUND"}) == 1
    assert value("gateway_limits_hit_total", {"limit": "concurrent_calls"}) == 1


@pytest.mark.parametrize("method", ["", "/", "nonsense"])
def test_a_method_that_is_not_served_lends_no_name(registry, instruments, method):
    instruments.refused(method, "NOT_SERVED", {})
    labels = {"grpc_service": "unknown", "grpc_method": "unknown", "reason": "NOT_SERVED"}
    assert registry.get_sample_value("gateway_refusals_total", labels) == 1


def test_a_commit_that_failed_has_no_place_among_the_times_of_the_others(registry, instruments):
    instruments.committed(12, 0.004, is_durable=True)
    instruments.committed(500, 30.0, is_durable=False)
    value = registry.get_sample_value
    assert value("gateway_commit_seconds_count") == 1
    assert value("gateway_commit_seconds_bucket", {"le": "0.005"}) == 1
    assert value("gateway_commit_weight_sum") == 12
    assert value("gateway_commit_failures_total") == 1


def test_lag_is_told_by_channel_from_before_its_first_receipt_on(registry, instruments):
    instruments.may_deliver("hk-to-kr")
    assert registry.get_sample_value("gateway_delivery_lag_seconds_count", {"channel": "hk-to-kr"}) == 0
    instruments.delivered("hk-to-kr", 0.2)
    assert registry.get_sample_value("gateway_delivery_lag_seconds_sum", {"channel": "hk-to-kr"}) == 0.2


def test_files_that_are_let_go_are_told_of_whom(registry, instruments):
    value = registry.get_sample_value
    for owner, counts in ({"authority": "SFC", "peer": ""}, (0,)), ({"authority": "", "peer": "KR"}, (0, 2, 3)):
        for count in counts:
            instruments.let_go(**owner, count=count)
        assert value("gateway_attachment_files_let_go_total", owner) == sum(counts)


def test_counting_a_call_costs_little(instruments):
    calls, count = instruments.calls_of(GET, answers_once=True), 20_000
    before = process_time()
    for _ in range(count):
        call = calls.begin()
        call.answered(b"")
        call.end()
    assert (process_time() - before) / count * 1_000_000 < MOST_MICROSECONDS_A_CALL
