"""One notice, followed through both nodes by one trace id, as a collector is told it on a real port."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from regulator.exchange import Client, notice_request
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import LocalizedText

from gateway.cli.findings.findings import Level
from gateway.telemetry import export
from tests.cli.test_doctor import findings
from tests.cli.transcripts import run
from tests.pair.test_logs import MARK
from tests.rpc.calls import DEADLINE_SECONDS, SERVER_INFO, client_files, connected
from tests.supervision.samples import content
from tests.support.collector import Collector, Told, collector_files
from tests.support.hurried import HURRIED
from tests.support.nodes import Site, eventually, found_pair, running

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
CREATE = "regulator.exchange.v1.NoticeService/CreateNotice"
HK, KR = "gateway.hk.example", "gateway.kr.example"
TRACED = """
[telemetry]
sample_ratio = 1.0
endpoint = """
WAY = [
    (HK, CREATE),
    (HK, "commit"),
    (HK, "deliver"),
    (KR, "receive"),
    (KR, "commit"),
    (HK, "receipt"),
]
"""From the call to the receipt, in order of the beginnings."""


def traceparent(trace_id: str, span_id: str = SPAN, flags: str = "01") -> str:
    return f"00-{trace_id}-{span_id}-{flags}"


@dataclass(frozen=True)
class Traced:
    hk: Site
    kr: Site
    collector: Collector

    def spans(self, trace_id: str, count: int = len(WAY)) -> list[Told]:
        eventually(lambda: len(self.collector.of(trace_id)) >= count)
        return self.collector.of(trace_id)


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """Both nodes tell one collector: Hong Kong over mutual TLS, Korea as if it were on its machine."""
    hk, kr = found_pair(tmp_path_factory.mktemp("traced"))
    credentials, collector, beside = collector_files(hk.home.path), Collector(), Collector()
    beside.told = collector.told
    with collector.serving(credentials), beside.serving():
        files = 'ca = "ca.pem"\ncertificate = "own.pem"\nkey = "own.key"\n'
        hk.configure(f'{TRACED}"https://localhost:{collector.port}"\n{files}')
        kr.configure(f'{TRACED}"http://localhost:{beside.port}"\n')
        hk.program = kr.program = HURRIED
        with running(hk, kr):
            yield Traced(hk, kr, collector)


def events(client: Client, *names: str) -> dict[str, Event]:
    """The events of notices, by kind and name, once all of them are told."""
    found: dict[str, Event] = {}
    with client.watch_events(kinds=[Event.NOTICE_RELEASED, Event.NOTICE_DELIVERED, Event.NOTICE_RECEIVED]) as watch:
        for response in watch:
            found[f"{Event.Kind.Name(response.event.kind)} {response.event.notice}"] = response.event
            if found.keys() >= set(names):
                return found
    raise AssertionError(found)


def test_one_trace_leads_from_the_call_through_both_nodes_to_the_event_of_the_receipt(traced: Traced):
    with traced.hk.client("SFC") as client:
        client.within(traceparent(TRACE)).create_notice(content(), recipient="KR", notice_id="hk-traced")
        delivered = events(client, "NOTICE_DELIVERED notices/hk-traced")["NOTICE_DELIVERED notices/hk-traced"]
    with traced.kr.client("FSS") as client:
        received = events(client, "NOTICE_RECEIVED notices/hk-traced")["NOTICE_RECEIVED notices/hk-traced"]

    spans = traced.spans(TRACE)
    assert [(each.node, each.name) for each in spans] == WAY
    call, commit, deliver, receive, taken, receipt = spans
    assert call.span.parent_span_id.hex() == SPAN
    for below, above in (
        (commit, call),
        (deliver, commit),
        (receive, deliver),
        (taken, receive),
        (receipt, deliver),
    ):
        assert below.is_under(above), (below.name, above.name)
    assert call.span.kind == call.span.SPAN_KIND_SERVER
    assert deliver.span.kind == deliver.span.SPAN_KIND_PRODUCER
    assert receive.span.kind == receive.span.SPAN_KIND_CONSUMER
    assert receipt.span.end_time_unix_nano <= deliver.span.end_time_unix_nano
    assert not [each for each in spans if each.span.status.code == each.span.status.STATUS_CODE_ERROR]
    assert call.attributes == {"rpc.system.name": "grpc", "rpc.method": CREATE, "rpc.response.status_code": "OK"}

    assert delivered.traceparent == traceparent(TRACE, commit.span.span_id.hex())
    assert received.traceparent == traceparent(TRACE, receive.span.span_id.hex())


def test_nothing_that_is_sealed_or_stored_holds_a_trace(traced: Traced):
    own = "9f" * 16
    with traced.hk.client("SFC") as client:
        client.within(traceparent(own)).create_notice(content(), recipient="KR", notice_id="hk-stored")
        events(client, "NOTICE_DELIVERED notices/hk-stored")
        evidence = client.get_evidence("hk-stored").SerializeToString()
    traced.spans(own)
    files = [file for site in (traced.hk, traced.kr) for file in site.home.path.glob("node.db*")]
    assert len(files) >= 4, "each database and its write-ahead log"
    assert any(b"hk-stored" in file.read_bytes() for file in files)
    for data in (evidence, *(file.read_bytes() for file in files)):
        assert bytes.fromhex(own) not in data
        assert own.encode() not in data


def test_an_applications_own_span_is_the_parent(traced: Traced):
    tracer = TracerProvider().get_tracer("case desk")
    with traced.hk.client("SFC") as client, tracer.start_as_current_span("send out") as span:
        own = span.get_span_context()
        client.create_notice(content(), recipient="KR")
    spans = traced.spans(trace.format_trace_id(own.trace_id))
    assert [(each.node, each.name) for each in spans] == WAY
    assert spans[0].span.parent_span_id.hex() == trace.format_span_id(own.span_id)


def test_a_call_without_a_trace_begins_one_which_its_event_names(traced: Traced):
    with traced.hk.client("SFC") as client:
        name = client.create_notice(content(), recipient="KR").name
        event = events(client, f"NOTICE_DELIVERED {name}")[f"NOTICE_DELIVERED {name}"]
    spans = traced.spans(event.traceparent.split("-")[1])
    assert [(each.node, each.name) for each in spans] == WAY
    assert spans[0].span.parent_span_id == b""


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "nonsense",
        traceparent("0" * 32),
        traceparent(TRACE, "0" * 16),
        traceparent(TRACE.upper()),
        traceparent(TRACE) + "-more",
        "ff" + traceparent(TRACE)[2:],
        traceparent(TRACE) * 100,
    ],
)
def test_a_malformed_trace_is_ignored_and_the_call_begins_its_own(traced: Traced, sent: str):
    with traced.hk.client("SFC") as client:
        client._traceparent = sent
        before = len(traced.collector.of(TRACE))
        name = client.create_notice(content(), recipient="KR").name
        event = events(client, f"NOTICE_RELEASED {name}")[f"NOTICE_RELEASED {name}"]
    own = event.traceparent.split("-")[1]
    assert own != TRACE
    traced.spans(own)
    assert len(traced.collector.of(TRACE)) == before


def test_what_a_caller_does_not_record_is_not_recorded(traced: Traced):
    quiet = "ab" * 16
    with traced.hk.client("SFC") as client:
        office = client.within(traceparent(quiet, flags="00"))
        name = office.create_notice(content(), recipient="KR").name
        event = events(client, f"NOTICE_DELIVERED {name}")[f"NOTICE_DELIVERED {name}"]
        assert event.traceparent == ""
        after = client.create_notice(content(), recipient="KR").name
        event = events(client, f"NOTICE_DELIVERED {after}")[f"NOTICE_DELIVERED {after}"]
    traced.spans(event.traceparent.split("-")[1])
    assert traced.collector.of(quiet) == []


def test_traces_that_share_a_commit_or_a_batch_are_linked(traced: Traced):
    """A stream of many notices is one call: its notices are of one trace, and others share commits with it."""
    ids = [f"{number:032x}" for number in range(1, 9)]
    with traced.hk.client("SFC") as client:

        def create(trace_id: str) -> str:
            return client.within(traceparent(trace_id)).create_notice(content(), recipient="KR").name

        for _ in range(20):
            with ThreadPoolExecutor(len(ids)) as pool:
                names = list(pool.map(create, ids))
            events(client, *(f"NOTICE_DELIVERED {name}" for name in names))
            if shared(traced, "commit for all") and shared(traced, "deliver for all"):
                break
    assert shared(traced, "commit for all")
    spans = {each.span.span_id: each for each in list(traced.collector.told)}
    for name in ("commit", "deliver", "receive"):
        for each in shared(traced, f"{name} for all"):
            members = [spans[link.span_id] for link in each.span.links]
            assert len(members) == each.attributes["exchange.shared_by"] >= 2
            assert {member.name for member in members} <= {name}
            for member in members:
                assert [link.span_id for link in member.span.links] == [each.span.span_id]


def shared(traced: Traced, name: str) -> list[Told]:
    """Those whose members have come too."""
    told = list(traced.collector.told)
    known = {each.span.span_id for each in told}
    return [each for each in told if each.name == name and all(link.span_id in known for link in each.span.links)]


def test_all_notices_of_a_stream_are_of_its_trace(traced: Traced):
    own, count = "7e" * 16, 300
    requests = [notice_request(content(), recipient="KR", notice_id=f"hk-stream-{number}") for number in range(count)]
    with traced.hk.client("SFC") as client:
        client.within(traceparent(own)).submit_notices(requests, chunk=50)
        names = {f"NOTICE_DELIVERED notices/hk-stream-{number}" for number in range(count)}
        told = events(client, *names)
    assert {told[name].traceparent.split("-")[1] for name in names} == {own}
    eventually(lambda: delivered(traced, own) == count)
    (call,) = [each for each in traced.collector.of(own) if each.name.endswith("SubmitNotices")]
    assert (
        sum(each.attributes["exchange.envelopes"] for each in traced.collector.of(own) if each.is_under(call)) == count
    )


def delivered(traced: Traced, trace_id: str) -> int:
    return sum(
        each.attributes["exchange.envelopes"] for each in traced.collector.of(trace_id) if each.name == "deliver"
    )


def test_no_span_holds_what_a_notice_says_or_names(traced: Traced):
    said = content(title=[LocalizedText(language_tag="en", text=f"title {MARK}")])
    with traced.hk.client("SFC") as client, traced.kr.client("FSS") as fss:
        client.create_notice(said, recipient="KR", notice_id=f"hk-{MARK}")
        eventually(lambda: client.get_notice(f"hk-{MARK}").state == Notice.DELIVERED)
        fss.acknowledge_notice(f"hk-{MARK}", case_reference=MARK)
        with pytest.raises(Exception, match="hk-nothing"):
            client.get_notice(f"hk-nothing-{MARK}")
        last = client.create_notice(said, recipient="KR").name
        event = events(client, f"NOTICE_DELIVERED {last}")[f"NOTICE_DELIVERED {last}"]
    traced.spans(event.traceparent.split("-")[1])
    told = list(traced.collector.told)
    assert {key for each in told for key in each.attributes} == {
        "rpc.system.name",
        "rpc.method",
        "rpc.response.status_code",
        "error.type",
        "exchange.channel",
        "exchange.envelopes",
        "exchange.shared_by",
    }
    for each in told:
        assert MARK.encode() not in each.raw
        assert b"hk-" not in each.raw
        assert not re.search(rb"SFC|FSS|officer|spiffe", each.raw)


def test_a_line_of_the_log_names_the_trace_of_its_call(traced: Traced):
    refused = "cd" * 16
    with traced.hk.client("FSTB") as client:  # of whom nothing else was refused: equal refusals are told together
        with pytest.raises(Exception, match="nobody"):
            client.within(traceparent(refused)).get_notice("hk-nobody")
        (call,) = [each for each in traced.spans(refused, 2) if each.name.endswith("GetNotice")]
    assert call.attributes["rpc.response.status_code"] == "NOT_FOUND"
    assert call.attributes["error.type"] == "NOT_FOUND"
    (line,) = [line for line in traced.hk.log_text().splitlines() if refused in line]
    assert " call_refused " in line
    assert line.endswith(f"trace_id={refused}")


def test_of_two_traces_that_are_sent_the_last_counts(traced: Traced):
    """An interceptor of the application may add its own, which is nearer to the call."""
    first, second = "1a" * 16, "2b" * 16
    metadata = (("traceparent", traceparent(first)), ("traceparent", traceparent(second)))
    with connected(traced.hk, traced.hk.back_office_port, client_files(traced.hk, "SFC")) as channel:
        channel.unary_unary(SERVER_INFO)(b"", metadata=metadata, timeout=DEADLINE_SECONDS)
    assert traced.spans(second, 1)
    assert traced.collector.of(first) == []


def test_the_doctor_finds_the_collector(traced: Traced):
    for site in (traced.hk, traced.kr):
        assert " answers" in next(
            line for line in run("doctor", site.home.path).out.splitlines() if "collector" in line
        )


def test_a_node_whose_collector_is_gone_delivers_and_stops_as_ever(traced: Traced, monkeypatch):
    """The last of this module: nobody collects after it."""
    traced.collector.stop()
    with traced.hk.client("SFC") as client:
        names = [client.create_notice(content(), recipient="KR").name for _ in range(50)]
        told = events(client, *(f"NOTICE_DELIVERED {name}" for name in names))
        assert all(event.traceparent for event in told.values() if event.notice in names)
    assert traced.hk.stop() == 0
    monkeypatch.setattr(export, "EXPORT_SECONDS", 0.5)  # that the doctor waits for nobody
    (told,) = [each for each in findings(traced.hk.home) if each.about == "collector"]
    assert told.level is Level.WARN


def test_a_node_that_does_not_trace_ignores_what_it_is_sent(started_pair: tuple[Site, Site]):
    hk, _ = started_pair
    with hk.client("SFC") as client:
        name = client.within(traceparent(TRACE)).create_notice(content(), recipient="KR").name
        event = events(client, f"NOTICE_DELIVERED {name}")[f"NOTICE_DELIVERED {name}"]
    assert event.traceparent == ""
    assert TRACE not in hk.log_text()
