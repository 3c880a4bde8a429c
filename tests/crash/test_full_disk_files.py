"""A node whose disk has too little room for files: refused in plain words, nothing half done, and all comes in the end.

Korea's node is on a small disk. Whatever becomes of its files, notices go on.
"""

import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from regulator.exchange import Client, Overloaded
from regulator.exchange.v1.admin_service_pb2 import AttachmentUsage
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.rpc.peer_attachments import PART_BYTES
from tests.cli.transcripts import run
from tests.pair.files import attached, file_of, give_with
from tests.supervision.samples import content
from tests.support.hurried import HURRIED
from tests.support.nodes import GATEWAY, Site, eventually, found_pair, running
from tests.support.pointed import PASSES, POINT
from tests.support.small_disk import SmallDisk, needs_small_disk, small_disk

pytestmark = needs_small_disk

MIB = 2**20
DISK_BYTES = 256 * MIB
KEEP_FREE_BYTES = 8 * MIB
FILE_BYTES = 3 * PART_BYTES


@dataclass
class Pair:
    """Hong Kong, and Korea on a small disk."""

    hk: Site
    kr: Site
    disk: SmallDisk

    def verify(self) -> None:
        for site in (self.hk, self.kr):
            ran = run("check", site.home.path)
            assert ran.code == 0, ran.out


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("full-files")
    with small_disk(folder / "disk", DISK_BYTES) as disk:
        hk, kr = found_pair(folder)
        kr.configure(f"[attachments]\nkeep_free_bytes = {KEEP_FREE_BYTES}\n")
        shutil.move(kr.home.path, disk.path / "home")
        kr.home.path.symlink_to(disk.path / "home")
        kr.program = HURRIED
        with running(hk, kr):
            yield Pair(hk, kr, disk)


def usage(client: Client, owner: str) -> AttachmentUsage:
    return next(each for each in client.server_info().attachment_usages if owner in (each.authority, each.peer))


def about_files(client: Client) -> list[str]:
    return [each.detail for each in client.server_info().alarms if each.about == "attachments from HK"]


def delivered(client: Client, names: list[str]) -> bool:
    return all(client.get_notice(each).state == Notice.DELIVERED for each in names)


def test_what_there_is_no_room_for_is_refused_before_its_first_byte_and_comes_once_there_is(pair: Pair, tmp_path: Path):
    path, own = file_of(tmp_path, 1, FILE_BYTES), file_of(tmp_path, 2, FILE_BYTES)
    with pair.hk.client("SFC") as sfc, pair.kr.client("FSS") as fss:
        pair.disk.leave(FILE_BYTES)  # and of that, some must stay
        with pytest.raises(Overloaded, match="no room for it") as refused:
            fss.upload_attachment(own)
        assert (refused.value.reason, refused.value.metadata) == ("NO_ROOM", {"limit": "attachments.keep_free_bytes"})
        name = give_with(sfc, "hk-large-1", path)
        eventually(lambda: about_files(fss) != [])
        assert "no room for it" in about_files(fss)[0]
        others = [sfc.create_notice(content(), recipient="KR").name for _ in range(5)]
        eventually(lambda: delivered(sfc, others))
        assert sfc.get_notice(name).state == Notice.RELEASED
        for owner in ("FSS", "HK"):
            assert usage(fss, owner).coming_files == usage(fss, owner).whole_files == 0
        pair.disk.empty()
        eventually(lambda: delivered(sfc, [name]))
        assert fss.upload_attachment(own).complete
        eventually(lambda: about_files(fss) == [])
        pair.verify()


def test_a_disk_that_fills_while_files_come_keeps_what_is_durable_and_the_rest_comes_once_there_is_room(
    pair: Pair, tmp_path: Path
):
    """The room was there when it was asked; then somebody else took it."""
    path, own = file_of(tmp_path, 3, FILE_BYTES), file_of(tmp_path, 4, FILE_BYTES)
    pair.kr.stop()
    pair.kr.program = ("tests.support.pointed",)
    pair.kr.start(**{POINT: "after taking a part", PASSES: "0"})
    with pair.kr.client("FSS") as fss:
        (file,) = attached(own)
        declared = fss.create_attachment(file.sha256, file.size_bytes)
    with pair.hk.client("SFC") as sfc, pair.kr.client("FSS") as fss, ThreadPoolExecutor() as threads:
        name = give_with(sfc, "hk-large-2", path)
        assert pair.kr.wait_for_end() == -signal.SIGKILL, pair.kr.log_text()
        pair.kr.program = GATEWAY
        pair.disk.leave(3 * MIB)
        pair.kr.start()
        uploading = threads.submit(fss.upload_attachment, own)
        eventually(lambda: "commit_failed" in pair.kr.log_text())
        assert not uploading.done()
        assert pair.kr.process.poll() is None, "a full disk is no reason to end"
        pair.disk.empty()
        stored = uploading.result(120)
        assert (stored.name, stored.complete) == (declared.name, True)
        eventually(lambda: delivered(sfc, [name]))
        fss.download_attachment(f"{name}/attachments/1", tmp_path / "fetched")
        assert (tmp_path / "fetched").read_bytes() == path.read_bytes()
        pair.verify()
