"""SIGTERM: what is under way ends well, and soon."""

import queue
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from regulator.exchange import Client, ExchangeError
from regulator.exchange.v1.admin_service_pb2 import ServerInfo
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.peer_service_pb2 import ExchangeRequest, ExchangeResponse, Hello

from tests.rpc.calls import PEER, SERVER_INFO, call, client_files, connected, node_files, refusal
from tests.supervision.samples import content
from tests.support.nodes import STOP_SECONDS, Site, eventually, found_pair, running


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Site, Site]:
    return found_pair(tmp_path)


def test_a_watch_does_not_hold_up_a_node_that_stops(pair: tuple[Site, Site]) -> None:
    hk, kr = pair
    config = hk.home.config_file
    config.write_text(config.read_text() + f"\n[limits]\ndrain_seconds = {5 * STOP_SECONDS}\n")
    with running(hk, kr), hk.client() as client, client.watch_events() as watch:
        next(iter(watch))
        assert hk.stop() == 0


def test_a_watch_of_health_is_told_and_does_not_hold_up_a_node_that_stops(pair: tuple[Site, Site]) -> None:
    hk, _ = pair
    hk.configure(f"[limits]\ndrain_seconds = {5 * STOP_SECONDS}\n")
    with running(hk), connected(hk, hk.back_office_port, client_files(hk, "SFC")) as channel:
        watch = HealthStub(channel).Watch(HealthCheckRequest(), timeout=5 * STOP_SECONDS)
        assert next(watch).status == HealthCheckResponse.SERVING
        assert hk.stop() == 0
        assert [each.status for each in watch] == [HealthCheckResponse.NOT_SERVING]


def test_a_peer_that_says_nothing_is_told_and_does_not_hold_up_a_node_that_stops(pair: tuple[Site, Site]) -> None:
    hk, kr = pair
    hello = ExchangeRequest(hello=Hello(versions=[1], origin=f"{kr.domain}/to/{hk.domain}")).SerializeToString()
    said: queue.Queue[bytes | None] = queue.Queue()
    said.put(hello)
    with running(hk), connected(hk, hk.peer_port, node_files(kr)) as channel:
        stream = channel.stream_stream(PEER)(iter(said.get, None), timeout=5 * STOP_SECONDS)
        assert ExchangeResponse.FromString(next(stream)).HasField("position")
        assert hk.stop() == 0
        with pytest.raises(grpc.RpcError) as ended:
            next(stream)
        assert refusal(ended.value).text == "the node is stopping; dial again"
        said.put(None)


def test_a_call_that_is_under_way_is_answered_before_the_node_ends(pair: tuple[Site, Site]) -> None:
    hk, _ = pair
    hk.configure(f"[limits]\ndrain_seconds = {5 * STOP_SECONDS}\n")
    is_stopping = threading.Event()

    def requests() -> Iterator[bytes]:
        is_stopping.wait()
        yield b""

    with (
        running(hk),
        connected(hk, hk.back_office_port, client_files(hk, "SFC")) as channel,
        ThreadPoolExecutor() as threads,
    ):
        health = HealthStub(channel).Watch(HealthCheckRequest(), timeout=5 * STOP_SECONDS)
        assert next(health).status == HealthCheckResponse.SERVING
        under_way = channel.stream_unary(SERVER_INFO).future(requests(), timeout=5 * STOP_SECONDS)
        assert call(channel, SERVER_INFO, b"").code == grpc.StatusCode.OK  # the other came before it
        stopped = threads.submit(hk.stop)
        try:
            assert next(health).status == HealthCheckResponse.NOT_SERVING
        finally:
            is_stopping.set()
        assert ServerInfo.FromString(under_way.result()).domain == hk.domain
        assert stopped.result() == 0


def give(client: Client, answered: list[Notice]) -> None:
    """Gives one notice; while the node is away, asks again under the same request_id."""
    request_id, made = str(uuid.uuid4()), content(issuing_authority="HKMA")

    def is_answered() -> bool:
        try:
            answered.append(client.create_notice(made, recipient="KR", request_id=request_id))
        except ExchangeError:
            return False
        return True

    eventually(is_answered)


def test_calls_under_way_are_answered_once_over_a_restart(pair: tuple[Site, Site]) -> None:
    hk, kr = pair
    answered: list[Notice] = []
    with running(hk, kr), hk.client() as client:
        threads = [threading.Thread(target=give, args=(client, answered)) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert hk.stop() == 0
        hk.start()
        for thread in threads:
            thread.join()
        names = {notice.name for notice in answered}
        assert len(names) == 8
        eventually(lambda: {notice.name for notice in client.list_notices(state="DELIVERED")} == names)
