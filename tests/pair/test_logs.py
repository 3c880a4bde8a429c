"""The logs of a busy pair hold nothing of what notices say, and every line is one event."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from regulator.exchange import ExchangeError
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Entity, LocalizedText

from gateway.identity.access.access import Role
from tests.rpc.calls import CREATE, PEER, call, client_files, connected, node_files, root_pem
from tests.supervision.samples import content
from tests.support.logs import events
from tests.support.nodes import STOP_SECONDS, Site, eventually, found_pair, pair, running

MARK = "mark-4c1e"  # in every text of every notice
NAMES = {"title": f"title {MARK}", "summary": f"summary\n{MARK}", "subject": f"Subject {MARK} Ltd"}
FALLING = """
import sys
from gateway.commands.notices import NoticeCommands
from gateway.cli import main

async def falls(self, caller, request):
    int(request.content.title[0].text)

NoticeCommands.create_notice = falls
sys.argv = ["gateway", "serve", sys.argv[1], "--verbose"]
main()
"""


def marked(**changes: object):
    return content(
        title=[LocalizedText(language_tag="en", text=NAMES["title"])],
        summary=[LocalizedText(language_tag="en", text=NAMES["summary"])],
        subjects=[Entity(name=NAMES["subject"], jurisdiction="HK")],
        **changes,
    )


@contextmanager
def lying_peer(site: Site, trusted: bytes) -> Iterator[None]:
    """A node with the keys of a real one, which ends every stream with words of its own."""

    def exchange(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        next(requests)
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{MARK}\nsaid the peer")
        yield b""

    method = grpc.stream_stream_rpc_method_handler(exchange)
    service, _, name = PEER[1:].rpartition("/")
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {name: method})])
    server.add_secure_port(
        f"127.0.0.1:{site.peer_port}",
        grpc.ssl_server_credentials([node_files(site)], trusted, require_client_auth=True),
    )
    server.start()
    yield
    server.stop(None).wait(STOP_SECONDS)


def keep_busy(hk: Site, kr: Site) -> None:
    """Creates, acts, bad requests, refused callers, strangers, and peers that break the protocol."""
    with hk.client("SFC") as client, hk.client("HKMA", "reader") as reader, kr.client("FSS") as fss:
        for number in range(20):
            client.create_notice(marked(), recipient="KR", notice_id=f"hk-{number}")
        for refused in (marked(issuing_authority=MARK), marked(handling=None), marked(event_date={"year": 1})):
            with pytest.raises(ExchangeError):
                client.create_notice(refused, recipient="KR")
        with pytest.raises(ExchangeError):
            client.create_notice(marked(), recipient="KR", notice_id="hk-1")
        with pytest.raises(ExchangeError):
            client.get_notice(f"notices/{MARK}")
        with pytest.raises(ExchangeError):
            reader.create_notice(marked(), recipient="KR")
        eventually(lambda: client.get_notice("hk-19").state == Notice.DELIVERED)
        fss.acknowledge_notice("hk-1", comment={"en": f"noted {MARK}"})
        with pytest.raises(ExchangeError):
            fss.acknowledge_notice("hk-1", comment={"en": f"noted {MARK}"}, case_reference=MARK)
    with connected(hk, hk.back_office_port, client_files(hk, "SFC")) as channel:
        call(channel, CREATE, marked().SerializeToString() + b"\xff")
        call(channel, f"/{MARK}/{MARK}", b"")
    with connected(hk, hk.peer_port, node_files(kr)) as channel:
        call(channel, PEER, MARK.encode())


def fall(site: Site) -> None:
    """A node with a defect that has what a notice says in its error."""
    with (site.path / "serve.log").open("a") as log:
        command = [sys.executable, "-c", FALLING, str(site.home.path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        with process, site.client("SFC") as client:
            assert process.stdout
            assert "serves back offices" in process.stdout.readline()
            with pytest.raises(ExchangeError) as refused:
                client.create_notice(marked(), recipient="KR")
            assert refused.value.code == grpc.StatusCode.INTERNAL
            process.terminate()
            assert process.wait(STOP_SECONDS) == 0


def test_the_logs_of_a_busy_pair_hold_nothing_that_notices_say(tmp_path: Path):
    hk, kr = found_pair(tmp_path)
    sg = Site("SG", tmp_path / "sg").found()
    pair(hk, sg)
    hk.add_client("HKMA", [Role.READER], system="reader")
    hk.configure('[logging]\nformat = "json"\n')
    with lying_peer(sg, root_pem(hk)), running(hk, kr):
        keep_busy(hk, kr)
        eventually(lambda: "FAILED_PRECONDITION" in hk.log_text())
        hk.kill()
        kr.stop()
        hk.start()
        eventually(lambda: "UNAVAILABLE" in hk.log_text())  # Korea is gone
        hk.stop()
        fall(hk)
    assert {"call_refused", "stream_failed", "stream_connected", "call_failed"} <= set(events(hk.log_text(), "json"))
    assert {"call_refused", "stream_failed", "stream_connected"} <= set(events(kr.log_text(), "text"))
    assert MARK not in hk.log_text() + kr.log_text()


def test_a_node_that_does_not_start_says_so_in_the_form_that_is_asked_for(tmp_path: Path):
    site = Site("HK", tmp_path / "hk").found()
    site.configure('[logging]\nformat = "json"\n')
    site.home.key("node").chmod(0o640)
    process = site.launch()
    with process:
        assert process.wait(STOP_SECONDS) == 5
    (line,) = site.log_text().splitlines()
    read = json.loads(line)
    assert (read["level"], read["event"]) == ("CRITICAL", "node_ended")
    assert "node.key" in read["error"]
