"""Between two real nodes: files follow their notices beside the channel, resumed wherever a node was killed."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from regulator.exchange import Client, NotFound
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.evidence_service_pb2 import GetEvidenceRequest
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Attachment

from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.evidence.evidence import verify_evidence
from tests.cli.transcripts import run
from tests.pair.files import file_of, give_with
from tests.supervision.samples import content
from tests.support.long_form import long_form_where
from tests.support.nodes import Site, eventually, found_pair, running

LARGE_BYTES = 48 * 1024 * 1024
SMALL_BYTES = 700_001


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(tmp_path_factory.mktemp("attachments"))
    with running(hk, kr):
        yield hk, kr


def is_there(client: Client, name: str) -> bool:
    try:
        client.get_notice(name)
    except NotFound:
        return False
    return True


def test_a_notice_is_delivered_with_its_files_and_nothing_waits_behind_them(pair, tmp_path: Path):
    hk, kr = pair
    large, small = file_of(tmp_path, 1, LARGE_BYTES), file_of(tmp_path, 2, SMALL_BYTES)
    roots = [site.authority(AuthorityKind.NODE).certificate for site in pair]
    with hk.client("SFC") as sfc, kr.client("FSS") as fss:
        name = give_with(sfc, "hk-files-1", large, small)
        plain = [sfc.create_notice(content(), recipient="KR").name for _ in range(20)]
        quick = give_with(sfc, "hk-files-2", small)
        eventually(lambda: is_there(fss, name))
        before = fss.get_notice(name)
        eventually(lambda: all(sfc.get_notice(each).state == Notice.DELIVERED for each in plain))
        eventually(lambda: sfc.get_notice(quick).state == Notice.DELIVERED)
        eventually(lambda: sfc.get_notice(name).state == Notice.DELIVERED)
        eventually(lambda: fss.get_notice(name).HasField("attachments_receipt"))
        assert before.state == Notice.RECEIVED
        for place, path in enumerate((large, small), 1):
            fss.download_attachment(f"{name}/attachments/{place}", tmp_path / "fetched")
            assert (tmp_path / "fetched").read_bytes() == path.read_bytes()
        told = [each.kind for each in events_of(sfc, name)]
        assert told == [Event.NOTICE_RELEASED, Event.NOTICE_RECEIPTED, Event.NOTICE_DELIVERED]
        assert [each.kind for each in events_of(fss, name)] == [Event.NOTICE_RECEIVED, Event.ATTACHMENTS_RECEIVED]
        eventually(lambda: sfc.get_evidence(name, act=GetEvidenceRequest.ATTACHMENTS).receipted)
        proven = verify_evidence(sfc.get_evidence(name, act=GetEvidenceRequest.ATTACHMENTS).tlog_proof, roots)
        assert (proven.sender.domain, proven.envelope.attachments_received.notice) == (kr.domain, name)


def events_of(client: Client, name: str) -> list[Event]:
    """What was told of a notice so far."""
    found = []
    with client.watch_events() as watch:
        for message in watch:
            if not message.HasField("event"):
                return found
            if message.event.notice == name:
                found.append(message.event)
    return found


@pytest.mark.parametrize("killed", ["sender", "receiver"])
def test_a_file_goes_on_after_a_node_is_killed(pair, tmp_path: Path, killed: str):
    hk, kr = pair
    seed = {"sender": 10, "receiver": 11}[killed]
    path = file_of(tmp_path, seed, LARGE_BYTES)
    site = hk if killed == "sender" else kr
    with hk.client("SFC") as sfc, kr.client("FSS") as fss:
        kr.stop()
        name = give_with(sfc, f"hk-killed-{seed}", path)
        kr.start()
        file = f"{name}/attachments/1"
        eventually(lambda: is_there(fss, name) and fss.get_attachment(file).durable_bytes > 0)
        durable = fss.get_attachment(file).durable_bytes
        site.kill()
        if killed == "receiver":
            kr.start()
        after = fss.get_attachment(file)
        assert durable <= after.durable_bytes < LARGE_BYTES
        assert not fss.get_notice(name).HasField("attachments_receipt")
        if killed == "sender":
            hk.start()
        assert sfc.get_notice(name).state in (Notice.RELEASED, Notice.DELIVERED)
        eventually(lambda: sfc.get_notice(name).state == Notice.DELIVERED)
        fss.download_attachment(file, tmp_path / "fetched")
        assert (tmp_path / "fetched").read_bytes() == path.read_bytes()


def test_a_file_that_has_no_room_at_the_peer_is_told_at_both_nodes_and_comes_once_it_has(tmp_path: Path):
    hk, kr = found_pair(tmp_path)
    plain = kr.home.config_file.read_text()
    kr.configure("[attachments]\npeer_quota_bytes = 1000\n")
    with running(hk, kr), hk.client("SFC") as sfc, kr.client("FSS") as fss:
        name = give_with(sfc, "hk-large-1", file_of(tmp_path, 1, SMALL_BYTES))
        eventually(lambda: alarms_about_files(fss) == 1)
        ran = run("status", "--profile", kr.path / "clients" / "FSS-office" / "profile.toml", "--json")
        there = next(each for each in sfc.list_channels() if each.name == "channels/hk-to-kr")
        assert sfc.get_notice(name).state == Notice.RELEASED
        assert ran.code == 1
        told = json.loads(ran.out)
        here = next(each for each in told["channels"] if each["name"] == "hk-to-kr")
        assert "not so many left" in here["attachments_error"]
        for notices, to_come in (
            (here["unattached_notices"], here["unattached_bytes"]),
            (there.unattached_notices, there.unattached_bytes),
        ):
            assert (notices, to_come) == (1, SMALL_BYTES)
        assert there.HasField("attachments_idle_time")
        alarm = next(each for each in told["findings"] if each["said"].startswith("attachments from HK"))
        assert "raise the bound under [attachments]" in alarm["todo"]
        assert "files" not in [each["about"] for each in told["findings"]], "not for so long yet"
        usages = {each.authority or each.peer: each for each in sfc.server_info().attachment_usages}
        assert (usages["SFC"].whole_files, usages["SFC"].whole_bytes) == (1, SMALL_BYTES)
        kr.stop()
        kr.home.config_file.write_text(plain)
        kr.start()
        eventually(lambda: sfc.get_notice(name).state == Notice.DELIVERED)
        assert not any(each.unattached_notices for each in [*sfc.list_channels(), *fss.list_channels()])
        assert alarms_about_files(fss) == 0


def alarms_about_files(client: Client) -> int:
    return sum(each.about.startswith("attachments") for each in client.server_info().alarms)


@long_form_where("GATEWAY_LARGEST_BYTES")
@pytest.mark.timeout(7200)
def test_the_largest_file_goes_from_end_to_end(tmp_path: Path, capsys):
    """Prints how long each way took, and what both took of memory and disk."""
    hk, kr = found_pair(tmp_path)
    path, size = tmp_path / "largest.bin", int(os.environ["GATEWAY_LARGEST_BYTES"])
    block = Random(0).randbytes(1 << 20)
    with path.open("wb") as file:
        for number in range(size >> 20):
            file.write(number.to_bytes(4) + block[4:])
    with running(hk, kr), hk.client("SFC") as sfc, kr.client("FSS") as fss:
        for site in (hk, kr):
            Path(f"/proc/{site.pid}/clear_refs").write_text("5")
        began = time.monotonic()
        stored = sfc.upload_attachment(path)
        uploaded = time.monotonic()
        named = Attachment(file_name="largest.bin", media_type="a/b", size_bytes=size, sha256=stored.sha256)
        name = sfc.create_notice(content(attachments=[named]), recipient="KR").name
        eventually(lambda: sfc.get_notice(name).state == Notice.DELIVERED, 7200)
        delivered = time.monotonic()
        path.unlink()
        fss.download_attachment(f"{name}/attachments/1", tmp_path / "fetched")
        fetched = time.monotonic()
        figures = {site.jurisdiction: (site.highest_bytes, disk_bytes(site)) for site in (hk, kr)}
    sent, carried, taken = uploaded - began, delivered - uploaded, fetched - delivered
    told = [f"upload {sent:.0f} s, node to node {carried:.0f} s, download {taken:.0f} s"]
    for jurisdiction, (memory, disk) in figures.items():
        told.append(f"{jurisdiction}: {memory >> 20} MiB of memory at most, {disk >> 20} MiB of disk")
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *told, ""]))
    assert all(memory < 600 << 20 for memory, _ in figures.values())


def disk_bytes(site: Site) -> int:
    return sum(path.stat().st_size for path in site.home.path.rglob("*") if path.is_file())
