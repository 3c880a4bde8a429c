"""SIGTERM: what is under way ends well, and soon."""

import threading
import uuid
from pathlib import Path

import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from regulator.exchange import Client, ExchangeError
from regulator.exchange.v1.notice_service_pb2 import Notice

from tests.rpc.calls import client_files, connected
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
