"""Several replicas of Hong Kong's node on one PostgreSQL database: whatever happens to one, the others go on.

Korea's node is one process on SQLite, and knows the addresses of all replicas. At the end both nodes are verified.
"""

import shutil
import signal
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest
from regulator.exchange import Client, ExchangeError, InvalidRequest
from regulator.exchange.v1.admin_service_pb2 import Channel
from regulator.exchange.v1.attachment_service_pb2 import UploadAttachmentRequest
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.backups.upgrading import upgrade_database
from gateway.cli.findings import doctor_store
from gateway.cli.findings.findings import Subject
from gateway.errors import StoreError
from gateway.home.home import Home
from gateway.home.pairing import ended_peers
from gateway.rpc.peer_attachments import PART_BYTES
from gateway.supervision.attachments import CHUNK_BYTES
from tests.cli.sites import profile_path
from tests.cli.transcripts import run
from tests.pair.files import attached, file_of, give_with
from tests.pair.test_ended import alarms, import_again, states
from tests.rpc.calls import ATTACHMENTS, client_files, connected
from tests.supervision.samples import content
from tests.support.forking import finished
from tests.support.long_form import long_form
from tests.support.nodes import CALL_SECONDS, GATEWAY, Site, eventually, running
from tests.support.pointed import PASSES, POINT
from tests.support.postgresql import Server
from tests.support.replicas import Replicated, found_replicas
from tests.support.scraped import Scraped

CHANNELS = ("hk-to-kr", "kr-to-hk")
SHORTEST_CALL_SECONDS = 1.0  # at a replica that may stand still; then twice as long, each time
SENT_CHUNKS = 3  # of an upload that breaks
SENT_PARTS = 2  # of a file, by the replica that dies


@pytest.fixture(scope="module")
def shared(database: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicated]:
    found = found_replicas(tmp_path_factory.mktemp("replicas"), database)
    with running(*found.replicas, found.kr):
        yield found


class Office:
    """A back office that gives notices one after the other, at whichever replica answers, as behind one address."""

    def __init__(self, replicas: list[Site]) -> None:
        self.given: list[str] = []
        self._replicas, self._stopping = replicas, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(120)

    def _run(self) -> None:
        turn = 0
        while not self._stopping.is_set():
            request_id, seconds = str(uuid.uuid4()), SHORTEST_CALL_SECONDS
            while True:
                turn += 1
                site = self._replicas[turn % len(self._replicas)]
                patience = replace(site.profile("SFC"), deadline_seconds=seconds, max_attempts=1)
                try:
                    with Client(patience) as client:
                        self.given.append(client.create_notice(content(), recipient="KR", request_id=request_id).name)
                    break
                except ExchangeError:
                    seconds = min(2 * seconds, CALL_SECONDS)
                    continue


def holders(site: Site) -> dict[str, str]:
    with site.client() as client:
        return {each: client.get_channel(each).replica for each in CHANNELS}


def moved(site: Site, names: list[str]) -> bool:
    """Tells whether both channels are moved by one of these replicas, and their streams are up."""
    with site.client() as client:
        channels = [client.get_channel(each) for each in CHANNELS]
    return all(each.replica in names and each.connected for each in channels)


def names(sites: list[Site]) -> list[str]:
    return [site.path.name for site in sites]


def arrived(office: Office, kr: Site) -> bool:
    return set(office.given) <= set(received(kr))


def received(kr: Site) -> list[str]:
    with kr.client() as client:
        return [each.name for each in client.list_notices(direction="INCOMING")]


def test_an_end_that_is_said_on_one_home_holds_at_every_replica_and_so_does_its_own_end_on_another(shared):
    a, b = shared.replicas
    eventually(lambda: moved(a, names(shared.replicas)))
    ran = run("pair", "end", a.home.path, "KR", "--reason", "it is over", "--yes")
    assert ran.code == 0, ran.err
    with a.client("SFC") as at_a, b.client("SFC") as at_b, shared.kr.client() as peer:
        for client in (at_a, at_b):
            eventually(lambda client=client: states(client) == {Channel.ENDED})
            with pytest.raises(InvalidRequest, match="the pairing with KR ended"):
                client.create_notice(content(), recipient="KR")
        eventually(lambda: "pairing with HK" in alarms(peer))
        assert not b.home.endings.path("KR").exists()
        again = run("pair", "end", b.home.path, "KR", "--reason", "again", "--yes")
        assert "has ended already" in again.out
        assert "is paired again" in import_again(b)
        for client in (at_a, at_b):
            eventually(lambda client=client: states(client) == {Channel.OPEN})
    assert ended_peers(a.home) == {}, "its mark is of before"
    eventually(lambda: moved(a, names(shared.replicas)))


class Watcher:
    """Follows what is released at one replica, and goes on at another with the last cursor that it was given."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.cursor = ""

    def follow(self, site: Site, wanted: int) -> None:
        """Watches until so many were seen."""
        with site.client() as client, client.watch_events(cursor=self.cursor, kinds=[Event.NOTICE_RELEASED]) as watch:
            for response in watch:
                self.cursor = response.cursor
                if response.HasField("event"):
                    self.seen.append(response.event.notice)
                if len(self.seen) >= wanted:
                    return


def test_any_replica_serves_any_call(shared):
    """What one did, the other knows at once: the same request, the same notice, pages and evidence of it."""
    a, b = shared.replicas
    eventually(lambda: moved(a, names(shared.replicas)))
    request_id = str(uuid.uuid4())
    with a.client("SFC") as at_a, b.client("SFC") as at_b:
        given = [each.create_notice(content(), recipient="KR").name for each in (at_a, at_b) * 3]
        once = {each.create_notice(content(), recipient="KR", request_id=request_id).name for each in (at_a, at_b) * 2}
        assert len(once) == 1
        given += once
        for client in (at_a, at_b):
            assert [each.name for each in client.list_notices()] == given[::-1]
        eventually(lambda: all(at_b.get_notice(each).HasField("receipt_time") for each in given))
        for one, other in ((at_a, at_b), (at_b, at_a)):
            assert other.get_channel("hk-to-kr").size == one.get_channel("hk-to-kr").size == 7
            assert one.get_evidence(given[0]).tlog_proof == other.get_evidence(given[0]).tlog_proof
            assert one.get_checkpoint(one.get_channel("hk-to-kr").origin) is not None
    info = [site.client("SFC").server_info() for site in (a, b)]
    assert [each.replica for each in info] == ["hk-a", "hk-b"]
    for each in info:
        assert [(known.name, known.running) for known in each.replicas] == [("hk-a", True), ("hk-b", True)]
        assert sorted(name for known in each.replicas for name in known.channels) == [f"channels/{c}" for c in CHANNELS]


def test_a_watch_goes_on_at_another_replica_and_misses_and_repeats_nothing(shared):
    a, b = shared.replicas
    watcher = Watcher()
    with Office([a, b]) as office:
        with a.client() as client:
            before = client.get_channel("hk-to-kr").size
        for turn, site in enumerate((a, b, a, b), 1):
            watcher.follow(site, before + 2 * turn)
    watcher.follow(b, 7 + len(office.given))
    assert watcher.seen[7:] == office.given
    assert len(set(watcher.seen)) == len(watcher.seen)


def test_the_death_of_the_replica_that_moves_a_channel_moves_it_to_another(shared):
    """Under load; what was given before, during and after it arrives, each once and in order."""
    a, b = shared.replicas
    with Office([a, b]) as office:
        eventually(lambda: len(office.given) > 3)
        dead = next(site for site in (a, b) if site.path.name == holders(a)["hk-to-kr"])
        other = b if dead is a else a
        dead.kill()
        eventually(lambda: moved(other, names([other])))
        known = len(office.given)
        eventually(lambda: len(office.given) > known + 3)
    eventually(lambda: arrived(office, shared.kr))
    assert [name for name in received(shared.kr) if name in set(office.given)] == office.given[::-1]
    with other.client() as client:
        gone = [each.name for each in client.server_info().replicas if not each.running]
    assert gone == [dead.path.name]
    dead.start()
    eventually(lambda: _is_seen(other, dead))


def _is_seen(site: Site, other: Site) -> bool:
    with site.client() as client:
        return other.path.name in [each.name for each in client.server_info().replicas if each.running]


def test_a_replica_that_was_paused_and_wakes_finds_its_place_taken_and_forks_nothing(shared):
    a, b = shared.replicas
    held = holders(a)["hk-to-kr"]
    paused, other = (a, b) if held == a.path.name else (b, a)
    with Office([a, b]) as office:
        eventually(lambda: len(office.given) > 2)
        paused.process.send_signal(signal.SIGSTOP)
        try:
            eventually(lambda: holders(other)["hk-to-kr"] == other.path.name)
            known = len(office.given)
            eventually(lambda: len(office.given) > known + 2)
        finally:
            paused.process.send_signal(signal.SIGCONT)
        known = len(office.given)
        eventually(lambda: len(office.given) > known + 3)
    eventually(lambda: arrived(office, shared.kr))
    eventually(lambda: holders(paused) == holders(other))
    with paused.client("SFC") as client:
        name = client.create_notice(content(), recipient="KR").name
        eventually(lambda: client.get_notice(name).HasField("receipt_time"))


@long_form
def test_a_replica_that_stands_still_is_left_by_the_peer_for_another(shared):
    """Its machine answers for it, and nothing waits: only that the other one answers tells that it stands still."""
    a, b = shared.replicas
    eventually(lambda: moved(a, names([a, b])))
    paused, other = (a, b) if holders(a)["kr-to-hk"] == a.path.name else (b, a)
    paused.process.send_signal(signal.SIGSTOP)
    try:
        with shared.kr.client("FSS") as client:
            name = client.create_notice(content(issuing_authority="FSS"), recipient="HK").name
            eventually(lambda: client.get_notice(name).HasField("receipt_time"), 75)  # a ping is given up after 90 s
            assert "another one answers" in shared.kr.log_text()
        eventually(lambda: holders(other)["kr-to-hk"] == other.path.name)
    finally:
        paused.process.send_signal(signal.SIGCONT)


def test_all_replicas_outlive_a_crash_of_their_database(shared, database):
    a, b = shared.replicas
    pids = [site.pid for site in (a, b)]
    with Office([a, b]) as office:
        eventually(lambda: len(office.given) > 2)
        database.stop()
        with pytest.raises(ExchangeError) as refused, Client(replace(a.profile("SFC"), max_attempts=1)) as client:
            client.create_notice(content(), recipient="KR")
        assert refused.value.code.name in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
        database.start()
        known = len(office.given)
        eventually(lambda: len(office.given) > known + 3)
    eventually(lambda: moved(a, names([a, b])))
    eventually(lambda: arrived(office, shared.kr))
    assert [site.pid for site in (a, b)] == pids
    assert all(site.process.poll() is None for site in (a, b))


@long_form
def test_replicas_whose_database_is_put_back_all_begin_anew_and_fork_nothing(shared, database, tmp_path):
    """What the peer had not received yet is gone, as with a backup; all that is given afterwards arrives."""
    a, b = shared.replicas
    pids = [site.pid for site in (a, b)]
    copy = database.copy(tmp_path / "copy")
    with Office([a, b]) as office:
        eventually(lambda: len(office.given) > 5)
        database.put_back(copy)
        eventually(lambda: all("node_broken" in site.log_text() for site in (a, b)))
        known = len(office.given)
        eventually(lambda: len(office.given) > known + 5)
    eventually(lambda: all(answers(site) and moved(site, names([a, b])) for site in (a, b)))
    eventually(lambda: set(office.given[known:]) <= set(received(shared.kr)))
    assert [site.pid for site in (a, b)] == pids
    with a.client() as client:
        assert all(client.get_channel(each).state == Channel.OPEN for each in CHANNELS)


def answers(site: Site) -> bool:
    """Whether it does not just begin anew."""
    with Client(replace(site.profile("SFC"), max_attempts=1)) as client:
        try:
            client.server_info()
        except ExchangeError:
            return False
    return True


def test_an_operator_is_told_which_replica_does_what(shared):
    a, b = shared.replicas
    said = [each.said for each in doctor_store.replicas(Subject(b.home, datetime.now(UTC)))]
    for site in (a, b):
        mine = [channel for channel, name in sorted(holders(site).items()) if name == site.path.name]
        assert f"{site.path.name} runs, and moves {', '.join(mine) or 'no channel'}" in said
    third = Home(shutil.copytree(a.home.path, a.path / "third"))  # of another machine: those who run lock the others
    with pytest.raises(StoreError, match="hk-a, hk-b; stop all of them"):
        upgrade_database(third, datetime.now(UTC))


def test_a_replica_that_was_killed_is_missed_by_the_others_until_it_is_back(shared):
    a, b = shared.replicas
    a.stop()
    scraped = Scraped(a, shared.kr)
    a.start()
    b.kill()
    eventually(lambda: "GatewayReplicaMissing" in scraped.firing())
    told = run("status", "--profile", profile_path(a, "SFC")).out
    assert f"WARN  replica         {b.path.name} was last seen" in told
    b.start()
    eventually(lambda: scraped.firing() == set())


def begin_upload(site: Site, path: Path) -> str:
    """Sends some chunks of a file to a replica, and breaks off; gives the file's name."""
    (file,), data, broken = attached(path), path.read_bytes(), threading.Event()
    with site.client("SFC") as client:
        name = client.create_attachment(file.sha256, file.size_bytes).name

        def messages() -> Iterator[bytes]:
            for start in range(0, SENT_CHUNKS * CHUNK_BYTES, CHUNK_BYTES):
                piece = UploadAttachmentRequest(name=name, data=data[start : start + CHUNK_BYTES])
                yield piece.SerializeToString()
            broken.wait(60)

        with connected(site, site.back_office_port, client_files(site, "SFC")) as channel:
            stream = channel.stream_unary(f"{ATTACHMENTS}UploadAttachment").future(messages(), timeout=60)
            eventually(lambda: client.get_attachment(name).durable_bytes == SENT_CHUNKS * CHUNK_BYTES)
            stream.cancel()
            broken.set()
    return name


def test_an_upload_that_broke_at_one_replica_goes_on_at_the_other(shared, tmp_path):
    a, b = shared.replicas
    path = file_of(tmp_path, 1, (SENT_CHUNKS + 2) * CHUNK_BYTES + 9)
    name = begin_upload(a, path)
    with b.client("SFC") as client:
        assert client.get_attachment(name).durable_bytes == SENT_CHUNKS * CHUNK_BYTES
        stored = client.upload_attachment(path)
    assert (stored.name, stored.complete) == (name, True)
    for site in (a, b):
        with site.client("SFC") as client:
            client.download_attachment(name, tmp_path / site.path.name)
        assert (tmp_path / site.path.name).read_bytes() == path.read_bytes()


def test_a_file_whose_sender_dies_is_sent_on_by_the_other_replica(shared, tmp_path):
    """The one that has the stream to Korea is killed once it has sent some parts of it."""
    a, b = shared.replicas
    path = file_of(tmp_path, 2, (SENT_PARTS + 2) * PART_BYTES)
    a.stop()
    a.program = ("tests.support.pointed",)
    a.start(**{POINT: "after sending a part", PASSES: str(SENT_PARTS - 1)})
    b.stop()
    eventually(lambda: holders(a)["hk-to-kr"] == a.path.name)
    b.start()
    with b.client("SFC") as sfc, shared.kr.client("FSS") as fss:
        name = give_with(sfc, "hk-replica-1", path)
        assert a.wait_for_end() == -signal.SIGKILL, a.log_text()
        a.program = GATEWAY
        durable = fss.get_attachment(f"{name}/attachments/1").durable_bytes
        assert durable >= (SENT_PARTS - 1) * PART_BYTES, "what a part brought stays"
        eventually(lambda: sfc.get_notice(name).state == Notice.DELIVERED)
        moved_by = sfc.get_channel("hk-to-kr")
        assert (moved_by.replica, moved_by.unattached_notices) == (b.path.name, 0)
        for client in (sfc, fss):
            client.download_attachment(f"{name}/attachments/1", tmp_path / "fetched")
            assert (tmp_path / "fetched").read_bytes() == path.read_bytes()
    a.start()


def test_both_nodes_verify_after_all_that(shared):
    """By the nodes' own command, which shares no code with the writer, while they run."""
    for site in (shared.replicas[0], shared.kr):
        check = finished("check", site.home.path)
        assert check.returncode == 0, check.stdout + check.stderr
        assert "everything verifies" in check.stdout
