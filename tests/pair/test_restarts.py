"""Both nodes are stopped and killed: what a back office was told, and what it asked for, is as if they had not been."""

import signal
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from regulator.exchange import AlreadyExists, Client, Unavailable
from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsResponse
from regulator.exchange.v1.notice_service_pb2 import Notice

from tests.supervision.samples import content
from tests.support.nodes import Site, eventually, found_pair, running

ROUNDS = (signal.SIGTERM, signal.SIGKILL)


@pytest.fixture(scope="module")
def own_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(tmp_path_factory.mktemp("restarts"))
    for site in (hk, kr):
        config = site.home.config_file
        config.write_text(config.read_text() + "\n[limits]\ndrain_seconds = 0.5\n")
    with running(hk, kr):
        yield hk, kr


class Watcher:
    """One client's watch, in a thread of its own, from the first event on; it resumes by itself."""

    def __init__(self, site: Site) -> None:
        self.seen: list[WatchEventsResponse] = []
        self._client = site.client()
        self._watch = self._client.watch_events()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for response in self._watch:
            if response.HasField("event"):
                self.seen.append(response)

    def names(self, kind: Event.Kind.ValueType) -> list[str]:
        return [each.event.notice for each in self.seen if each.event.kind == kind]

    def close(self) -> None:
        self._watch.close()
        self._thread.join(60)
        self._client.close()


def give(site: Site, count: int) -> list[str]:
    def made() -> str:
        while True:
            try:
                return client.create_notice(content(), recipient="KR", request_id=request_id).name
            except Unavailable:
                continue

    names = []
    with site.client("SFC") as client:
        for _ in range(count):
            request_id = str(uuid.uuid4())
            names.append(made())
    return names


def test_a_watch_misses_and_repeats_nothing_over_restarts_of_either_node(own_pair):
    hk, kr = own_pair
    at_hk, at_kr = Watcher(hk), Watcher(kr)
    given = give(hk, 3)
    for site in (hk, kr):
        for number in ROUNDS:
            site.stop(number)
            if site is kr:
                given += give(hk, 3)  # while the receiver is away
            site.start()
            given += give(hk, 3)
    try:
        eventually(lambda: at_kr.names(Event.NOTICE_RECEIVED) == given)
        eventually(lambda: sorted(at_hk.names(Event.NOTICE_DELIVERED)) == sorted(given))
        assert at_hk.names(Event.NOTICE_RELEASED) == given
        for watcher in (at_hk, at_kr):
            events = [(each.event.kind, each.event.notice) for each in watcher.seen if each.HasField("event")]
            assert len(events) == len(set(events))
    finally:
        at_hk.close()
        at_kr.close()


def test_a_watch_is_told_the_same_again_after_a_restart(own_pair):
    hk, _ = own_pair
    give(hk, 2)

    before = told(hk)
    hk.stop(signal.SIGKILL)
    hk.start()
    assert told(hk) == before


def told(site: Site) -> list[Event]:
    """All that was released, so far."""
    found = []
    with site.client() as client, client.watch_events(kinds=[Event.NOTICE_RELEASED]) as watch:
        for response in watch:
            if not response.HasField("event"):
                break
            found.append(response.event)
    return found


@pytest.mark.parametrize("number", ROUNDS)
def test_a_call_outlasts_a_node_that_is_started_again(own_pair, number):
    """By the deadline alone, as profiles have it that name no number of attempts."""
    hk, _ = own_pair
    patient = replace(hk.profile("SFC"), deadline_seconds=60, max_attempts=None)
    with Client(patient) as client, ThreadPoolExecutor(1) as office:
        hk.stop(number)
        given = office.submit(client.create_notice, content(), recipient="KR")
        hk.start()
        assert given.result().state == Notice.RELEASED


@pytest.mark.parametrize("number", ROUNDS)
def test_a_request_id_is_remembered_over_a_restart(own_pair, number):
    hk, _ = own_pair
    request_id = str(uuid.uuid4())
    with hk.client("SFC") as client:
        first = client.create_notice(content(), recipient="KR", request_id=request_id)
        acted = client.withdraw_notice(first.name, explanation={"en": "Why."}, request_id=str(uuid.uuid4()))
        size = client.get_channel("hk-to-kr").size
    hk.stop(number)
    hk.start()
    with hk.client("SFC") as client:
        again = client.create_notice(content(), recipient="KR", request_id=request_id)
        assert (again.name, again.position) == (first.name, acted.position)
        with pytest.raises(AlreadyExists) as refused:
            client.create_notice(content(urgency=2), recipient="KR", request_id=request_id)
        assert refused.value.reason == "REQUEST_ID_REUSED"
        assert client.get_channel("hk-to-kr").size == size


def test_a_request_id_belongs_to_its_client(own_pair):
    hk, _ = own_pair
    request_id = str(uuid.uuid4())
    names = set()
    for authority in ("SFC", "HKMA"):
        with hk.client(authority) as client:
            made = client.create_notice(content(issuing_authority=authority), recipient="KR", request_id=request_id)
            names.add(made.name)
    assert len(names) == 2


def test_a_notice_id_stands_for_one_notice(own_pair):
    hk, _ = own_pair
    taken = f"hk-{uuid.uuid4()}"
    with hk.client("SFC") as client:
        client.create_notice(content(), recipient="KR", notice_id=taken)
        with pytest.raises(AlreadyExists) as refused:
            client.create_notice(content(), recipient="KR", notice_id=taken)
    assert refused.value.reason == "ALREADY_EXISTS"
