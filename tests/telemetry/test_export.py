"""Telling a collector: whatever it does, nobody waits for it."""

import threading
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace.export import SpanExportResult
from pydantic import ValidationError

from gateway.errors import ConfigError
from gateway.telemetry import export
from gateway.telemetry.export import CLOSE_SECONDS
from gateway.telemetry.settings import TelemetrySection
from gateway.telemetry.starting import tracing_of
from gateway.telemetry.tracing import OFF, Tracing
from tests.support.collector import Collector, collector_files
from tests.support.nodes import eventually
from tests.support.ports import free_port

METHOD = "/regulator.exchange.v1.NoticeService/CreateNotice"
NODE = "gateway.hk.example"


def section(endpoint: str, **keys: Any) -> TelemetrySection:
    return TelemetrySection(endpoint=endpoint, **{"sample_ratio": 1.0} | keys)


def calls(tracing: Tracing, count: int) -> None:
    for _ in range(count):
        with tracing.call(METHOD, None):
            pass


class Stuck(Collector):
    """Takes spans and never says so."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def Export(self, request: Any, context: grpc.ServicerContext) -> ExportTraceServiceResponse:
        self.released.wait(60)
        return ExportTraceServiceResponse()


def test_what_is_left_is_told_when_the_node_stops(tmp_path: Path):
    with Collector().serving() as collector:
        tracing = tracing_of(section(f"http://localhost:{collector.port}"), tmp_path, NODE)
        calls(tracing, 3)
        tracing.close()
        assert [each.node for each in collector.told] == [NODE] * 3


def test_a_collector_is_reached_over_mutual_tls(tmp_path: Path):
    credentials = collector_files(tmp_path)
    with Collector().serving(credentials) as collector:
        files = {"ca": "ca.pem", "certificate": "own.pem", "key": "own.key"}
        tracing = tracing_of(section(f"https://localhost:{collector.port}", **files), tmp_path, NODE)
        calls(tracing, 1)
        tracing.close()
        assert len(collector.told) == 1
        stranger = tracing_of(section(f"https://localhost:{collector.port}", ca="ca.pem"), tmp_path, NODE)
        calls(stranger, 1)
        stranger.close()
        assert len(collector.told) == 1


def test_nobody_waits_for_a_collector_that_is_not_there(tmp_path: Path):
    tracing = tracing_of(section(f"http://127.0.0.1:{free_port()}", max_queue_spans=512), tmp_path, NODE)
    began = time.process_time()
    calls(tracing, 5000)
    assert time.process_time() - began < 5
    began = time.monotonic()
    tracing.close()
    assert time.monotonic() - began < 10 * CLOSE_SECONDS  # of a machine that has other things to do


def test_nobody_waits_for_a_collector_that_does_not_answer(tmp_path: Path):
    with Stuck().serving() as collector:
        tracing = tracing_of(section(f"http://localhost:{collector.port}"), tmp_path, NODE)
        calls(tracing, 1000)
        began = time.monotonic()
        tracing.close()
        assert time.monotonic() - began < 10 * CLOSE_SECONDS  # of a machine that has other things to do
        collector.released.set()


def test_a_collector_that_comes_later_is_told_what_comes_then(tmp_path: Path):
    port = free_port()
    tracing = tracing_of(section(f"http://localhost:{port}"), tmp_path, NODE)
    calls(tracing, 1)
    collector = Collector()
    with collector.serving(port=port):

        def told() -> bool:
            calls(tracing, 1)
            return bool(collector.told)

        eventually(told)
        tracing.close()


def test_a_collector_that_takes_nothing_is_told_once_and_so_is_that_it_answers_again(
    tmp_path: Path, monkeypatch, caplog
):
    came = [SpanExportResult.SUCCESS, *[SpanExportResult.FAILURE] * 3, *[SpanExportResult.SUCCESS] * 2]
    left = list(came)
    monkeypatch.setattr(export, "DELAY_SECONDS", 0.01)
    monkeypatch.setattr(export.OTLPSpanExporter, "export", lambda _exporter, _spans: left.pop(0))
    tracing = tracing_of(section(f"http://localhost:{free_port()}"), tmp_path, NODE)
    for count in range(1, len(came) + 1):
        calls(tracing, 1)
        eventually(lambda count=count: len(left) == len(came) - count)
    tracing.close()
    assert [each.message for each in caplog.records if each.name == export.__name__] == [
        "collector_failed",
        "collector_answers",
    ]


@pytest.mark.parametrize(("ratio", "least", "most"), [(0.0, 0, 0), (0.25, 150, 350), (1.0, 1000, 1000)])
def test_a_ratio_is_kept(tmp_path: Path, ratio: float, least: int, most: int):
    with Collector().serving() as collector:
        tracing = tracing_of(section(f"http://localhost:{collector.port}", sample_ratio=ratio), tmp_path, NODE)
        calls(tracing, 1000)
        tracing.close()
        assert least <= len(collector.told) <= most


def test_nodes_of_one_ratio_record_the_same_traces_and_a_callers_word_changes_nothing(tmp_path: Path):
    """Whoever asks for all of its traces gets the share that the operator set."""
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    from opentelemetry.trace import SpanContext, TraceFlags

    ids = [RandomIdGenerator().generate_trace_id() for _ in range(400)]
    recorded = []
    for _ in range(2):
        with Collector().serving() as collector:
            tracing = tracing_of(section(f"http://localhost:{collector.port}", sample_ratio=0.5), tmp_path, NODE)
            for trace_id in ids:
                with tracing.call(METHOD, SpanContext(trace_id, 1, is_remote=True, trace_flags=TraceFlags(1))):
                    pass
            tracing.close()
            recorded.append({each.trace_id for each in collector.told})
    assert recorded[0] == recorded[1]
    assert 100 < len(recorded[0]) < 300


def test_without_a_collector_nothing_is_traced(tmp_path: Path):
    assert tracing_of(TelemetrySection(), tmp_path, NODE) is OFF
    OFF.close()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"ca\.pem cannot be read: No such file"):
        tracing_of(section("https://localhost:4317", ca="ca.pem"), tmp_path, NODE)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path):
    collector_files(tmp_path)
    (tmp_path / "own.key").chmod(0o640)
    with pytest.raises(ConfigError, match=r"own\.key can be read or changed by others"):
        tracing_of(section("https://localhost:4317", certificate="own.pem", key="own.key"), tmp_path, NODE)


def test_files_that_hold_something_else_harm_nobody(tmp_path: Path):
    for name in ("ca.pem", "own.pem", "own.key"):
        (tmp_path / name).write_text("nothing of the kind")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "good").mkdir()
    with Collector().serving(collector_files(tmp_path / "good")) as collector:
        files = {"ca": "ca.pem", "certificate": "own.pem", "key": "own.key"}
        tracing = tracing_of(section(f"https://localhost:{collector.port}", **files), tmp_path, NODE)
        calls(tracing, 1)
        tracing.close()
        assert collector.told == []


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"endpoint": "collector.example:4317"}, "must be a URL"),
        ({"endpoint": "https://collector.example"}, "must be a URL"),
        ({"endpoint": "https://user@collector.example:4317"}, "must be a URL"),
        ({"endpoint": "https://collector.example:4317/v1/traces"}, "must be a URL"),
        ({"endpoint": "https://collector.example:99999"}, "must be a URL"),
        ({"endpoint": "http://collector.example:4317"}, "must be https"),
        ({"endpoint": "http://10.0.0.1:4317"}, "must be https"),
        ({"endpoint": "https://c.example:4317", "certificate": "own.pem"}, "belong together"),
        ({"endpoint": "http://127.0.0.1:4317", "ca": "ca.pem"}, "needs an https endpoint"),
        ({"sample_ratio": 1.1}, "less than or equal to 1"),
        ({"max_queue_spans": 1}, "greater than or equal to 512"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(keys: dict[str, Any], wrong: str):
    with pytest.raises(ValidationError, match=wrong):
        TelemetrySection(**keys)


@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:4317", "http://[::1]:4317", "https://c.example:4317/"])
def test_a_setting_that_fits_is_taken(endpoint: str):
    assert TelemetrySection(endpoint=endpoint).endpoint == endpoint
