"""The table of metrics keeps to Prometheus's conventions."""

import re

import pytest

from gateway.metrics.table import METRICS, Kind, Metric

UNITS = (
    "_seconds",
    "_bytes",
    "_total",
    "_days_left",
    "_info",
    "_envelopes",
    "_notices",
    "_files",
    "_entries",
    "_weight",
    "_limit",
)
WITHOUT_UNIT = {
    "gateway_lease_held",
    "gateway_replicas",  # what has none: states, and counts of what is there now
    "gateway_calls_under_way",
    "gateway_streams_open",
    "gateway_channel_state",
    "gateway_certificate_revoked",
    "gateway_alarm_raised",
    "gateway_can_write",
    "gateway_metrics_unreadable",
}


def named(metric: Metric) -> str:
    return metric.name


def test_each_name_is_there_once():
    assert len({each.name for each in METRICS}) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=named)
class TestMetric:
    def test_has_a_name_as_others_name_theirs(self, metric):
        assert re.fullmatch(r"(gateway|grpc_server)(_[a-z]+)+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert metric.name.endswith(UNITS) != (metric.name in WITHOUT_UNIT)

    def test_says_what_it_means_in_a_sentence(self, metric):
        assert metric.meaning.endswith(".")

    def test_has_buckets_that_rise_if_it_is_a_histogram_and_only_then(self, metric):
        assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
        assert list(metric.buckets) == sorted(set(metric.buckets))

    def test_has_no_label_that_a_caller_could_choose(self, metric):
        known = {"grpc_service", "grpc_method", "grpc_code", "reason", "limit", "listener"}  # of what is served
        known |= {"channel", "peer", "direction", "state"}  # of pairings
        known |= {"authority"}  # of the configuration, and of earlier ones
        known |= {"purpose", "subject", "sha256", "about"}  # of the home's files
        known |= {"part", "jurisdiction", "domain", "version", "python", "grpcio"}  # of the node
        assert set(metric.labels) <= known
