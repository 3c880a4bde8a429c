"""Alerts and dashboard speak of metrics that a node has; each alert fires when it should, none while all is well."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import promql_parser
import pytest
from prombed import Prombed

from gateway.home.lifetimes import EARLIER_SEAL
from gateway.metrics.table import METRICS, Kind
from tests.docs.rules import alerts, dashboard, labels_of, queries, selectors
from tests.support.commands import unknown_in

ALERTS = alerts()
EXPRESSIONS = [*(each.expr for each in ALERTS), *queries()]
TARGET = {"job": "gateway", "instance": "127.0.0.1:9464"}
MINUTES = 20  # of samples, one a minute
NOW = 1_800_000_000_000  # milliseconds since 1970

# --- what they speak of -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_an_expression_speaks_of_metrics_and_labels_that_there_are(expr):
    found = list(selectors(expr))
    assert found
    for selector in found:
        known = labels_of(selector.name)
        assert known is not None, selector.name
        assert {each.name for each in selector.matchers.matchers} <= known, selector


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_an_expression_groups_by_labels_that_there_are(expr):
    known = set[str]().union(*(labels_of(each.name) or () for each in selectors(expr)))
    for labels in re.findall(r"\bby \(([^)]*)\)", expr):
        assert {each.strip() for each in labels.split(",")} <= known


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_a_histogram_is_asked_by_its_buckets_and_keeps_them_apart(expr):
    if "histogram_quantile" in expr:
        assert all(each.name.endswith("_bucket") for each in selectors(expr))
        assert all("le" in each for each in re.findall(r"sum by \(([^)]*)\)", expr))


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_only_counters_have_a_rate(expr):
    counters = {each.name for each in METRICS if each.kind is Kind.COUNTER}
    for name in re.findall(r"\b(?:rate|increase)\((\w+)", expr):
        assert name in counters or name.endswith(("_bucket", "_sum", "_count", "cpu_seconds_total"))


def test_every_metric_is_looked_at_by_an_alert_or_shown():
    asked = {re.sub("_(bucket|sum|count)$", "", each.name) for expr in EXPRESSIONS for each in selectors(expr)}
    assert {each.name for each in METRICS} - asked == {"gateway_channel_last_receipt_timestamp_seconds"}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda each: each.name)
class TestAlert:
    def test_says_what_is_wrong_and_what_to_do(self, alert):
        assert alert.summary.endswith((".", "refused.", "ended."))
        assert len(alert.todo) > 40
        assert alert.severity in {"page", "ticket"}
        assert re.fullmatch(r"(Gateway)([A-Z][a-z]+)+", alert.name)

    def test_names_labels_that_its_expression_gives(self, alert):
        named = set(re.findall(r"\$labels\.(\w+)", alert.summary))
        grouped = [set(re.split(r",\s*", each)) for each in re.findall(r"\bby \(([^)]*)\)", alert.expr)]
        given = set.intersection(*grouped) if grouped else set.intersection(*map(_labels, selectors(alert.expr)))
        assert named <= given

    def test_lasts_a_time_that_prometheus_reads(self, alert):
        if alert.lasting:
            promql_parser.parse_duration(alert.lasting)

    def test_names_commands_that_there_are(self, alert):
        assert unknown_in(alert.todo) == []


def _labels(selector: Any) -> set[str]:
    return labels_of(selector.name) or set()


def test_names_are_there_once():
    assert len({each.name for each in ALERTS}) == len(ALERTS)
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)


def test_every_panel_says_what_it_shows_and_fits_beside_the_others():
    taken = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + dx, place["y"] + dy) for dx in range(place["w"]) for dy in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        assert panel["type"] == "row" or panel["description"].endswith(".")
        taken |= cells


# --- when they fire -----------------------------------------------------------------------------------------------

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Series:
    """A sample's value at the first minute, and what it grows by in each one."""

    name: str
    labels: Labels
    value: float = 0.0
    growth: float = 0.0


CHANNEL = {"channel": "hk-to-kr", "peer": "KR", "direction": "outgoing"}
OF_SFC = {"authority": "SFC", "peer": ""}
CERTIFICATE = {"purpose": "TLS of this node", "subject": "spiffe://gateway.hk.example/node", "sha256": "00"}
METHOD = {"grpc_service": "regulator.exchange.v1.NoticeService", "grpc_method": "GetNotice"}
GIB = 2.0**30


def histogram(metric_name: str, labels: Labels, each_takes: float) -> Iterator[Series]:
    """A histogram to which one observation a second is added."""
    metric = next(each for each in METRICS if each.name == metric_name)
    for bound in (*metric.buckets, float("inf")):
        grows = 60.0 if each_takes <= bound else 0.0
        yield Series(
            f"{metric_name}_bucket", {**labels, "le": "+Inf" if bound == float("inf") else str(bound)}, 0, grows
        )


def well() -> list[Series]:
    """A node to which nothing is wrong."""
    return [
        Series("up", {}, 1),
        *(Series("gateway_channel_state", {**CHANNEL, "state": state}, float(state == "serving")) for state in STATES),
        Series("gateway_channel_oldest_unreceipted_seconds", {"channel": "hk-to-kr"}, 0.5),
        *histogram("gateway_delivery_lag_seconds", {"channel": "hk-to-kr"}, 0.2),
        Series("gateway_channel_files_idle_seconds", {"channel": "hk-to-kr"}, 60),
        *(
            Series("gateway_attachment_bytes", {**OF_SFC, "state": state}, 9)
            for state in ("whole", "arrived", "expected")
        ),
        Series("gateway_attachment_quota_bytes", OF_SFC, 100),
        Series("gateway_replicas", {"state": "missing"}, 0),
        Series("gateway_certificate_days_left", CERTIFICATE, 90),
        Series("gateway_certificate_revoked", CERTIFICATE, 0),
        Series("gateway_crl_days_left", CERTIFICATE, 5),
        Series("gateway_refusals_total", {**METHOD, "reason": "UNAUTHENTICATED"}, 3, 1),
        Series("gateway_commit_failures_total", {}, 7),
        Series("gateway_can_write", {}, 1),
        Series("gateway_writer_queue_weight", {}, 500),
        Series("gateway_writer_queue_limit", {}, 20_000),
        *histogram("gateway_commit_seconds", {}, 0.01),
        *histogram("grpc_server_handling_seconds", METHOD, 0.02),
        *histogram("gateway_event_loop_lag_seconds", {}, 0.004),
        Series("grpc_server_handled_total", {**METHOD, "grpc_code": "OK"}, 100, 600),
        Series("grpc_server_handled_total", {**METHOD, "grpc_code": "INTERNAL"}, 1),
        Series("grpc_server_handled_total", {**METHOD, "grpc_code": "UNAVAILABLE"}, 1, 2),
        Series("gateway_limits_hit_total", {"limit": "calls_per_second"}, 4, 1),
        Series("gateway_disk_free_bytes", {}, 50 * GIB),
        Series("gateway_disk_bytes", {}, 100 * GIB),
        Series("process_resident_memory_bytes", {}, 0.2 * GIB),
        Series("gateway_metrics_unreadable", {"part": "certificates"}, 0),
    ]


STATES = ("serving", "peer_unreachable", "halted")


def state(now: str) -> list[Series]:
    return [Series("gateway_channel_state", {**CHANNEL, "state": each}, float(each == now)) for each in STATES]


SICK: dict[str, tuple[list[Series], set[str]]] = {
    "the node is down": ([Series("up", {}, 0)], {"GatewayDown"}),
    "the channel has halted": (state("halted"), {"GatewayChannelHalted"}),
    "the peer is away": (state("peer_unreachable"), {"GatewayPeerUnreachable"}),
    "a replica is missing": ([Series("gateway_replicas", {"state": "missing"}, 1)], {"GatewayReplicaMissing"}),
    "a notice is stuck": (
        [Series("gateway_channel_oldest_unreceipted_seconds", {"channel": "hk-to-kr"}, 901)],
        {"GatewayNotReceipted"},
    ),
    "files do not move": (
        [Series("gateway_channel_files_idle_seconds", {"channel": "hk-to-kr"}, 901)],
        {"GatewayFilesStuck"},
    ),
    "a quota fills": (
        [Series("gateway_attachment_bytes", {**OF_SFC, "state": "expected"}, 80)],
        {"GatewayQuotaFilling"},
    ),
    "receipts are slow": (
        [*histogram("gateway_delivery_lag_seconds", {"channel": "hk-to-kr"}, 40)],
        {"GatewayDeliverySlow"},
    ),
    "a certificate ends in a month": (
        [Series("gateway_certificate_days_left", CERTIFICATE, 29.9)],
        {"GatewayCertificateExpiring"},
    ),
    "a certificate has ended": (
        [Series("gateway_certificate_days_left", CERTIFICATE, -1)],
        {"GatewayCertificateExpiring", "GatewayCertificateEnding"},
    ),
    "the seal of a channel that was left behind has ended": (
        [Series("gateway_certificate_days_left", {**CERTIFICATE, "purpose": EARLIER_SEAL}, -1)],
        {"GatewayCertificateExpiring"},
    ),
    "a certificate is revoked": (
        [Series("gateway_certificate_revoked", CERTIFICATE, 1)],
        {"GatewayCertificateRevoked"},
    ),
    "a list is late": ([Series("gateway_crl_days_left", CERTIFICATE, -0.1)], {"GatewayCrlLate"}),
    "there is an alarm": ([Series("gateway_alarm_raised", {"about": "access.toml"}, 1)], {"GatewayAlarm"}),
    "somebody tries": (
        [Series("gateway_refusals_total", {**METHOD, "reason": "UNAUTHENTICATED"}, 3, 100)],
        {"GatewayCallersRefused"},
    ),
    "commits fail": ([Series("gateway_commit_failures_total", {}, 0, 1)], {"GatewayCommitsFail"}),
    "nothing can be written": ([Series("gateway_can_write", {}, 0)], {"GatewayCannotWrite"}),
    "the queue is full": ([Series("gateway_writer_queue_weight", {}, 19_000)], {"GatewayQueueFull"}),
    "commits are slow": ([*histogram("gateway_commit_seconds", {}, 0.9)], {"GatewayCommitsSlow"}),
    "calls fail inside": (
        [Series("grpc_server_handled_total", {**METHOD, "grpc_code": "INTERNAL"}, 0, 1)],
        {"GatewayInternalErrors"},
    ),
    "calls are answered UNAVAILABLE": (
        [Series("grpc_server_handled_total", {**METHOD, "grpc_code": "UNAVAILABLE"}, 1, 60)],
        {"GatewayUnavailable"},
    ),
    "calls are slow": ([*histogram("grpc_server_handling_seconds", METHOD, 4)], {"GatewayCallsSlow"}),
    "a limit is hit": (
        [Series("gateway_limits_hit_total", {"limit": "calls_per_second"}, 4, 100)],
        {"GatewayLimitsHit"},
    ),
    "the loop is late": ([*histogram("gateway_event_loop_lag_seconds", {}, 0.7)], {"GatewayLoopLate"}),
    "the disk fills": ([Series("gateway_disk_free_bytes", {}, 9 * GIB)], {"GatewayDiskFilling"}),
    "the disk is full": ([Series("gateway_disk_free_bytes", {}, 0.9 * GIB)], {"GatewayDiskFilling", "GatewayDiskFull"}),
    "memory is large": ([Series("process_resident_memory_bytes", {}, 1.1 * GIB)], {"GatewayMemoryLarge"}),
    "a part cannot be read": (
        [Series("gateway_metrics_unreadable", {"part": "certificates"}, 1)],
        {"GatewayMetricsUnreadable"},
    ),
}


def exposition(series: list[Series], minute: int) -> str:
    def line(each: Series) -> str:
        labels = ",".join(f'{name}="{value}"' for name, value in each.labels.items())
        return f"{each.name}{{{labels}}} {each.value + minute * each.growth}\n"

    return "".join(map(line, series))


def firing(series: list[Series]) -> set[str]:
    """The alerts whose expression gives something after a while."""
    known = Prombed(retention_ms=3_600_000)
    for minute in range(MINUTES + 1):
        at = NOW - (MINUTES - minute) * 60_000
        known.ingest(exposition(series, minute), timestamp_ms=at, labels=TARGET)
    return {alert.name for alert in ALERTS if known.query(alert.expr, NOW)["data"]["result"]}


def test_nothing_fires_while_all_is_well():
    assert firing(well()) == set()


@pytest.mark.parametrize("wrong", SICK)
def test_what_is_wrong_fires_its_own_alert_and_no_other(wrong):
    changed, expected = SICK[wrong]
    keys = {(each.name, *sorted(each.labels.items())) for each in changed}
    rest = [each for each in well() if (each.name, *sorted(each.labels.items())) not in keys]
    assert firing([*rest, *changed]) == expected


def test_every_alert_is_tried():
    assert set[str]().union(*(expected for _, expected in SICK.values())) == {each.name for each in ALERTS}


def test_the_samples_are_of_metrics_and_labels_that_there_are():
    for each in [*well(), *(series for changed, _ in SICK.values() for series in changed)]:
        assert each.labels.keys() <= (labels_of(each.name) or set()), each
