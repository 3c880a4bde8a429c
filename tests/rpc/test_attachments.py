"""Files are sent to a real node and fetched from it: resumed wherever they broke, bounded, and for whom they are."""

import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from regulator.exchange import Client, ExchangeError, InvalidRequest, NotFound, Overloaded, WrongState
from regulator.exchange.requests import create_notice, supersede_notice, withdraw_notice
from regulator.exchange.transfers import LocalFile
from regulator.exchange.v1 import attachment_service_pb2 as pb
from regulator.exchange.v1.journal_pb2 import JournalEntry
from regulator.exchange.v1.values_pb2 import Handling

from gateway.identity.access.access import Role
from gateway.supervision.attachments import CHUNK_BYTES
from tests.cli.transcripts import run
from tests.pair.files import attached, file_of
from tests.rpc.calls import ATTACHMENTS, call, client_files, connected, refused
from tests.supervision.samples import content, handling
from tests.support.nodes import Site, eventually, found_pair, running

UPLOAD = f"{ATTACHMENTS}UploadAttachment"
QUOTA = 400 * 1024 * 1024
LARGE_BYTES = 160 * 1024 * 1024
FLAT_BYTES = 100 * 1024 * 1024  # that it may add to a node's memory: SQLite keeps 64 MiB of pages


@pytest.fixture(scope="module")
def hk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    hk, _ = found_pair(tmp_path_factory.mktemp("attachments"))
    hk.configure(f"[attachments]\nauthority_quota_bytes = {QUOTA}\nmax_bytes = {QUOTA}\n")
    hk.add_client("SFC", [Role.AUTHOR, Role.READER], "amber", Handling.AMBER)
    hk.add_client("SFC", [Role.APPROVER], "approver")
    hk.add_client("SFC", [Role.READER], "reader")
    with running(hk):
        yield hk


@pytest.fixture
def sfc(hk: Site) -> Iterator[Client]:
    with hk.client("SFC") as client:
        yield client


@pytest.fixture
def channel(hk: Site) -> Iterator[grpc.Channel]:
    with connected(hk, hk.back_office_port, client_files(hk, "SFC")) as channel:
        yield channel


def declare(client: Client, path: Path) -> pb.StoredAttachment:
    (file,) = attached(path)
    return client.create_attachment(file.sha256, file.size_bytes)


def test_what_is_sent_is_named_by_a_notice_and_fetched_by_it(sfc: Client, tmp_path: Path):
    path = file_of(tmp_path, 1)
    stored = sfc.upload_attachment(str(path))
    assert (stored.complete, stored.durable_bytes) == (True, path.stat().st_size)
    assert stored.HasField("expire_time")
    name = sfc.create_notice(content(attachments=attached(path)), recipient="KR").name
    assert list(sfc.get_attachment(stored.name).notices) == [name]
    assert not sfc.get_attachment(stored.name).HasField("expire_time")
    for each in (f"{name}/attachments/1", stored.name):
        fetched = tmp_path / "fetched"
        assert sfc.download_attachment(each, str(fetched)).sha256 == stored.sha256
        assert fetched.read_bytes() == path.read_bytes()
    with pytest.raises(NotFound):
        sfc.get_attachment(f"{name}/attachments/2")


def test_a_download_goes_on_from_what_is_there(sfc: Client, tmp_path: Path):
    path = file_of(tmp_path, 2)
    stored, fetched = sfc.upload_attachment(path), tmp_path / "fetched"
    data = path.read_bytes()
    (tmp_path / "fetched.part").write_bytes(data[: CHUNK_BYTES + 5])
    sfc.download_attachment(stored.name, fetched)
    assert fetched.read_bytes() == data


@pytest.mark.parametrize("left", [b"something else", bytes(CHUNK_BYTES * 5)], ids=["less", "more"])
def test_what_is_there_of_another_file_is_fetched_anew(sfc: Client, tmp_path: Path, left: bytes):
    path = file_of(tmp_path, 3)
    stored, fetched = sfc.upload_attachment(path), tmp_path / "fetched"
    (tmp_path / "fetched.part").write_bytes(left)
    sfc.download_attachment(stored.name, fetched)
    assert fetched.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("change", ["longer", "shorter", "other"])
def test_a_file_that_changes_while_it_is_sent_is_said_to_have(sfc: Client, tmp_path: Path, monkeypatch, change: str):
    path, read = file_of(tmp_path, 50), LocalFile.of
    data = path.read_bytes()

    def changing(where: Path) -> LocalFile:
        found = read(where)
        path.write_bytes({"longer": data + b"more", "shorter": data[:-1], "other": data[::-1]}[change])
        return found

    monkeypatch.setattr(LocalFile, "of", changing)
    with pytest.raises(ExchangeError, match="has changed while it was sent"):
        sfc.upload_attachment(path)
    assert sfc.upload_attachment(path).complete, "as it is now"


def test_other_bytes_that_somebody_sent_before_are_found_and_sent_over(sfc: Client, tmp_path: Path):
    path = file_of(tmp_path, 51)
    name = declare(sfc, path).name
    sfc._stubs.attachments.UploadAttachment(iter([pb.UploadAttachmentRequest(name=name, data=bytes(CHUNK_BYTES))]))
    assert sfc.upload_attachment(path).complete
    sfc.download_attachment(declare(sfc, path).name, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("sent", range(4), ids=lambda sent: f"after {sent} chunks")
def test_an_upload_goes_on_from_the_last_durable_chunk(sfc: Client, channel, tmp_path: Path, sent: int):
    path = file_of(tmp_path, 10 + sent)
    name, data = declare(sfc, path).name, path.read_bytes()
    broken = threading.Event()

    def messages() -> Iterator[bytes]:
        half = sent * CHUNK_BYTES + 1000  # of the next chunk a part comes, too, and is not kept
        for start in range(0, half, 300_000):
            piece = pb.UploadAttachmentRequest(name=name, data=data[start : min(start + 300_000, half)])
            yield piece.SerializeToString()
        broken.wait(60)

    stream = channel.stream_unary(UPLOAD).future(messages(), timeout=60)
    eventually(lambda: sfc.get_attachment(name).durable_bytes == sent * CHUNK_BYTES)
    stream.cancel()
    broken.set()
    stored = sfc.upload_attachment(path)
    assert (stored.name, stored.complete) == (name, True)
    assert declare(sfc, path) == stored


def test_only_what_is_not_durable_is_sent_again(sfc: Client, tmp_path: Path, monkeypatch):
    path = file_of(tmp_path, 20)
    name, data = declare(sfc, path).name, path.read_bytes()
    sfc._stubs.attachments.UploadAttachment(iter([pb.UploadAttachmentRequest(name=name, data=data[: 2 * CHUNK_BYTES])]))
    sent, real = [], sfc._stubs.attachments.UploadAttachment

    def counted(messages, **options):
        return real((sent.append(len(each.data)) or each for each in messages), **options)

    monkeypatch.setattr(sfc._stubs.attachments, "UploadAttachment", counted)
    assert sfc.upload_attachment(path).complete
    assert sum(sent) == len(data) - 2 * CHUNK_BYTES


def test_a_wrong_digest_is_refused_and_what_came_is_dropped(sfc: Client, tmp_path: Path):
    path = file_of(tmp_path, 30, CHUNK_BYTES + 1)
    stored = sfc.create_attachment(bytes(32), path.stat().st_size)
    request = pb.UploadAttachmentRequest(name=stored.name, data=path.read_bytes())
    with pytest.raises(grpc.RpcError) as error:
        sfc._stubs.attachments.UploadAttachment(iter([request]))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "declare it again" in error.value.details()
    with pytest.raises(NotFound):
        sfc.get_attachment(stored.name)
    assert sfc.create_attachment(bytes(32), path.stat().st_size).durable_bytes == 0


def test_a_file_that_is_too_long_is_refused_and_one_that_is_too_short_is_not_whole(sfc: Client, channel, tmp_path):
    path = file_of(tmp_path, 31)
    name, data = declare(sfc, path).name, path.read_bytes()
    pieces = [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)]
    short = [pb.UploadAttachmentRequest(name=name), *(pb.UploadAttachmentRequest(data=each) for each in pieces[:-1])]
    answer = pb.StoredAttachment.FromString(call(channel, UPLOAD, *short).data)
    assert (answer.complete, answer.durable_bytes) == (False, 4 * CHUNK_BYTES)
    long = pb.UploadAttachmentRequest(name=name, offset=answer.durable_bytes, data=pieces[-1] + b"more")
    assert refused(channel, UPLOAD, long).fields == ("data",)
    assert sfc.upload_attachment(path).complete


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ([], "name"),
        ([{}], "name"),
        ([{"name": "notices/hk-1/attachments/1"}], "name"),
        ([{"offset": 5}], "offset"),
        ([{"offset": CHUNK_BYTES}], "offset"),
        ([{}, {"name": "attachments/other"}], "name"),
        ([{}, {"offset": 5}], "offset"),
        ([{"data": bytes(1024 * 1024 + 1)}], "data"),
    ],
)
def test_a_malformed_upload(sfc: Client, channel, tmp_path: Path, messages, field):
    name = declare(sfc, file_of(tmp_path, 32)).name
    own = {"name": name} if messages != [{}] else {}
    made = [pb.UploadAttachmentRequest(**(own if place == 0 else {}) | each) for place, each in enumerate(messages)]
    assert refused(channel, UPLOAD, *made).fields == (field,)


def test_two_uploads_of_one_file_at_once_do_not_disturb_each_other(hk: Site, tmp_path: Path):
    path, found = file_of(tmp_path, 40, 12 * CHUNK_BYTES), []

    def upload() -> None:
        with hk.client("SFC") as client:
            found.append(client.upload_attachment(path))

    threads = [threading.Thread(target=upload) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.complete for each in found] == [True, True]
    assert found[0].name == found[1].name


def test_another_authority_is_not_told_of_a_file(hk: Site, sfc: Client, tmp_path: Path):
    path = file_of(tmp_path, 50)
    stored = sfc.upload_attachment(path)
    with hk.client("HKMA") as hkma:
        for ask in (hkma.get_attachment, lambda name: hkma.download_attachment(name, tmp_path / "x")):
            with pytest.raises(NotFound):
                ask(stored.name)
        again = declare(hkma, path)
        assert (again.durable_bytes, again.name == stored.name) == (0, False)
        with pytest.raises(WrongState) as refusal:
            hkma.create_notice(content(issuing_authority="HKMA", attachments=attached(path)), recipient="KR")
        assert refusal.value.reason == "ATTACHMENT_MISSING"


def test_who_is_not_cleared_for_a_notice_is_not_told_of_its_files(hk: Site, sfc: Client, tmp_path: Path):
    path = file_of(tmp_path, 51)
    stored = sfc.upload_attachment(path)
    red = content(handling=handling(tlp=Handling.RED), attachments=attached(path))
    name = sfc.create_notice(red, recipient="KR").name
    with hk.client("SFC", "amber") as amber, hk.client("SFC", "approver") as approver:
        for asked in (stored.name, f"{name}/attachments/1"):
            with pytest.raises(NotFound):
                amber.get_attachment(asked)
            with pytest.raises(NotFound):
                amber.download_attachment(asked, tmp_path / "x")
        assert declare(amber, path).durable_bytes == 0
        with pytest.raises(NotFound):
            approver.get_attachment(f"{name}/attachments/1")


def test_who_sent_what_a_hidden_notice_named_meanwhile_sends_a_file_of_its_own(hk: Site, sfc: Client, tmp_path: Path):
    """To it the one of before is as one that a colleague dropped."""
    path = file_of(tmp_path, 54)
    with hk.client("SFC", "amber") as amber:
        first = amber.upload_attachment(path).name
        red = content(handling=handling(tlp=Handling.RED), attachments=attached(path))
        hidden = sfc.create_notice(red, recipient="KR").name
        for asked in (amber.get_attachment, amber.delete_attachment):
            with pytest.raises(NotFound, match=f"there is no attachment {first.removeprefix('attachments/')}"):
                asked(first)
        own = amber.upload_attachment(path).name
        given = amber.create_notice(content(attachments=attached(path)), recipient="KR").name
        assert own != first
        assert list(amber.get_attachment(own).notices) == [given]
    assert list(sfc.get_attachment(first).notices) == [hidden, given]


def test_a_notice_whose_file_is_not_whole_here_is_refused_and_so_is_a_draft(sfc: Client, tmp_path: Path):
    path, other = file_of(tmp_path, 60), file_of(tmp_path, 61)
    sfc.upload_attachment(other)
    declare(sfc, path)
    said = content(attachments=attached(other, path))
    with pytest.raises(WrongState) as refusal:
        sfc.create_notice(said, recipient="KR")
    assert (refusal.value.reason, refusal.value.metadata["field"]) == (
        "ATTACHMENT_MISSING",
        "notice.content.attachments[1]",
    )
    with pytest.raises(WrongState) as refusal:
        sfc.create_draft(create_notice(said, recipient="KR"))
    assert refusal.value.metadata["field"] == "draft.create_notice.notice.content.attachments[1]"


def test_an_approver_reads_the_files_of_a_draft_by_its_name_until_it_is_final(hk: Site, sfc: Client, tmp_path: Path):
    path = file_of(tmp_path, 62)
    sfc.upload_attachment(path)
    named = content(handling=handling(tlp=Handling.RED), attachments=attached(path))
    draft = sfc.create_draft(create_notice(named, recipient="KR"))
    file = f"{draft.name}/attachments/1"
    with hk.client("SFC", "approver") as approver:
        assert approver.download_attachment(file, tmp_path / "fetched").name == file
        assert (tmp_path / "fetched").read_bytes() == path.read_bytes()
        for none in (f"{draft.name}/attachments/2", "drafts/hk-none/attachments/1"):
            with pytest.raises(NotFound):
                approver.get_attachment(none)
        for system in ("amber", "reader"):  # not cleared for it; reads no drafts
            with hk.client("SFC", system) as other, pytest.raises(NotFound):
                other.get_attachment(file)
        with hk.client("HKMA") as hkma, pytest.raises(NotFound):
            hkma.get_attachment(file)
        pending = sfc.submit_draft(draft.name)
        released = approver.approve_draft(draft.name, etag=pending.etag).released
        for reading in (approver, sfc):
            with pytest.raises(NotFound):
                reading.get_attachment(file)
    assert sfc.get_attachment(f"{released}/attachments/1").complete


def test_a_draft_in_place_of_a_notice_has_files_and_one_that_takes_back_has_none(sfc: Client, tmp_path: Path):
    path = file_of(tmp_path, 63)
    sfc.upload_attachment(path)
    name = sfc.create_notice(content(), recipient="KR").name
    replacing = sfc.create_draft(supersede_notice(name, content(attachments=attached(path))))
    assert sfc.get_attachment(f"{replacing.name}/attachments/1").sha256 == attached(path)[0].sha256
    taking = sfc.create_draft(withdraw_notice(name, explanation={"en": "In error."}))
    with pytest.raises(NotFound):
        sfc.get_attachment(f"{taking.name}/attachments/1")


def test_a_quota_is_told_before_the_first_byte(hk: Site, tmp_path: Path):
    with hk.client("HKMA") as hkma:
        hkma.create_attachment(bytes(32), QUOTA - 5 * CHUNK_BYTES)
        with pytest.raises(Overloaded) as refusal:
            hkma.upload_attachment(file_of(tmp_path, 70, 6 * CHUNK_BYTES))
        assert (refusal.value.reason, refusal.value.metadata["limit"]) == (
            "NO_ROOM",
            "attachments.authority_quota_bytes",
        )
    with hk.client("FSTB") as fstb, pytest.raises(InvalidRequest) as error:
        fstb.create_attachment(bytes(32), QUOTA + 1)
    assert [each.field for each in error.value.violations] == ["size_bytes"]


def test_what_is_deleted_gives_its_room_back_and_the_journal_tells_who_did_it(hk: Site, sfc: Client, tmp_path: Path):
    def taken() -> tuple[int, int]:
        found = next(each for each in sfc.server_info().attachment_usages if each.authority == "SFC")
        return found.coming_files, found.whole_files

    before, path = taken(), file_of(tmp_path, 100)
    broken, whole = declare(sfc, file_of(tmp_path, 101)).name, sfc.upload_attachment(path).name
    assert taken() == (before[0] + 1, before[1] + 1)
    sfc.delete_attachment(broken)
    profile = hk.path / "clients" / "SFC-office" / "profile.toml"
    told = run("attachment", "delete", whole.removeprefix("attachments/"), "--profile", profile)
    assert (told.code, told.out) == (0, f"{whole} is not at the node any more\n")
    assert taken() == before
    told = run("attachment", "delete", whole, "--profile", profile)
    assert (told.code, told.err) == (
        3,
        f"gateway: the node refused: there is no attachment {whole.removeprefix('attachments/')} (NOT_FOUND)\n",
    )
    assert run("attachment", "delete", whole, "--profile", profile, "--allow-missing").code == 0
    entries = [each.entry for each in sfc.list_journal_entries(resource=whole)]
    steps = [each.step for each in entries if each.method.endswith("/DeleteAttachment")]
    assert steps.count(JournalEntry.COMMITTED) == 1
    assert declare(sfc, path).durable_bytes == 0


def test_what_a_notice_names_is_not_deleted_nor_what_is_another_authoritys(hk: Site, sfc: Client, tmp_path: Path):
    path = file_of(tmp_path, 102)
    stored = sfc.upload_attachment(path)
    with hk.client("HKMA") as hkma, pytest.raises(NotFound):
        hkma.delete_attachment(stored.name)
    name = sfc.create_notice(content(attachments=attached(path)), recipient="KR").name
    with pytest.raises(WrongState) as refusal:
        sfc.delete_attachment(stored.name)
    assert (refusal.value.reason, refusal.value.metadata) == ("ATTACHMENT_NAMED", {"notice": name})
    with pytest.raises(InvalidRequest) as error:
        sfc.delete_attachment(f"{name}/attachments/1")
    assert [each.field for each in error.value.violations] == ["name"]
    with pytest.raises(InvalidRequest) as error:
        sfc.delete_attachment(stored.name, request_id="1")
    assert [each.field for each in error.value.violations] == ["request_id"]
    assert sfc.get_attachment(stored.name).complete


def test_the_journal_tells_who_sent_and_who_fetched(sfc: Client, tmp_path: Path):
    path = file_of(tmp_path, 80)
    name = sfc.upload_attachment(path).name
    sfc.download_attachment(name, tmp_path / "fetched")
    entries = [each.entry for each in sfc.list_journal_entries(resource=name)]
    told = [(each.method.rpartition("/")[2], each.step) for each in entries]
    assert told.count(("UploadAttachment", JournalEntry.COMMITTED)) == 2  # as it began, and once it was whole
    assert {method for method, _ in told} == {
        "CreateAttachment",
        "UploadAttachment",
        "GetAttachment",
        "DownloadAttachment",
    }


def test_memory_stays_flat_whatever_the_size(hk: Site, sfc: Client, tmp_path: Path):
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(LARGE_BYTES)
    sfc.upload_attachment(file_of(tmp_path, 90))
    Path(f"/proc/{hk.pid}/clear_refs").write_text("5")  # from here on the highest mark counts
    before = hk.highest_bytes
    stored = sfc.upload_attachment(path)
    sfc.download_attachment(stored.name, tmp_path / "fetched")
    assert hk.highest_bytes - before < FLAT_BYTES
