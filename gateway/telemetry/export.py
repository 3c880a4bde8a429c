"""Tells spans to a collector, on a thread of its own and from a bounded queue: if it fails, nothing else does."""

import threading
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import Tracer

from gateway.errors import Unavailable
from gateway.identity.certificates.keyfiles import read_private, read_public
from gateway.logs import Log
from gateway.telemetry.settings import TelemetrySection
from gateway.telemetry.tracing import Tracing

_log = Log(__name__)

EXPORT_SECONDS = 5.0  # that the collector may take for a batch of spans, with what is tried again
DELAY_SECONDS = 1.0  # that a span waits for others
SPANS_AT_ONCE = 512
CLOSE_SECONDS = 2.0  # that the last spans may take, while the node stops


def exported(section: TelemetrySection, home: Path, node: str) -> Tracing:
    """Gives what makes spans that a collector is told (``starting.tracing_of``)."""
    exporter = _exporter(section, home)
    processor = BatchSpanProcessor(
        exporter,
        max_queue_size=section.max_queue_spans,
        schedule_delay_millis=DELAY_SECONDS * 1000,
        max_export_batch_size=SPANS_AT_ONCE,
    )
    own = version("regulatory-gateway")
    told = {"service.name": "regulatory-gateway", "service.version": own, "service.instance.id": node}

    def tracer(sampler: Sampler) -> Tracer:
        provider = TracerProvider(sampler, Resource(told), shutdown_on_exit=False)
        provider.add_span_processor(processor)
        return provider.get_tracer("gateway", own)

    by_ratio = TraceIdRatioBased(section.sample_ratio)
    from_outside = ParentBased(by_ratio, remote_parent_sampled=by_ratio, remote_parent_not_sampled=ALWAYS_OFF)
    close = partial(_close, processor, exporter)
    return Tracing(tracer(from_outside), tracer(ALWAYS_ON), close, tells_peers=section.tell_peers)


def require_collector(section: TelemetrySection, home: Path) -> None:
    """Passes if the collector answers.

    Raises:
        ConfigError: a file cannot be read, or others can read the key.
        Unavailable: it does not, in time.
    """
    address, options = urlsplit(section.endpoint).netloc, (("grpc.enable_http_proxy", 0),)
    credentials = _credentials(section, home)
    make = partial(grpc.secure_channel, credentials=credentials) if credentials else grpc.insecure_channel
    with make(address, options=options) as channel:
        try:
            grpc.channel_ready_future(channel).result(EXPORT_SECONDS)
        except grpc.FutureTimeoutError as error:
            raise Unavailable("nothing answers, or not with TLS 1.3 and a certificate that is trusted") from error


def _close(processor: BatchSpanProcessor, exporter: OTLPSpanExporter) -> None:
    """Tells what is left, if the collector takes it in time."""
    ending = threading.Thread(target=processor.shutdown, daemon=True)
    ending.start()
    ending.join(CLOSE_SECONDS)
    if ending.is_alive():
        exporter.shutdown()  # ends what is under way
        ending.join(CLOSE_SECONDS)


class _Exporter(OTLPSpanExporter):
    """Says once that the collector takes nothing, and once that it does again; the library's own words are silenced."""

    _fails = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Tells spans, and tries for ``EXPORT_SECONDS``."""
        result = super().export(spans)
        if (fails := result is not SpanExportResult.SUCCESS) is not self._fails:
            self._fails = fails
            if fails:
                _log.warning("collector_failed")
            else:
                _log.warning("collector_answers")
        return result


def _exporter(section: TelemetrySection, home: Path) -> OTLPSpanExporter:
    credentials = _credentials(section, home)
    # Headers that a collector asks for are secrets: OTEL_EXPORTER_OTLP_HEADERS, in the environment, gives them.
    return _Exporter(
        section.endpoint,
        insecure=credentials is None,
        credentials=credentials,
        timeout=EXPORT_SECONDS,
        compression=grpc.Compression.NoCompression,
        channel_options=(("grpc.enable_http_proxy", 0),),  # type: ignore[arg-type]
    )


def _credentials(section: TelemetrySection, home: Path) -> grpc.ChannelCredentials | None:
    """What shows the node and trusts the collector; None: it is on this machine, and without TLS."""
    if section.endpoint.startswith("http:"):
        return None
    root, certificate = (read_public(home / name) if name else None for name in (section.ca, section.certificate))
    key = read_private(home / section.key) if section.key else None
    return grpc.ssl_channel_credentials(root, key, certificate)
