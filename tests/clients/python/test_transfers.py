"""Files that are sent and fetched, as far as no node is asked."""

import os
from hashlib import sha256
from pathlib import Path

import pytest
from grpc import StatusCode
from regulator.exchange.errors import Details, ExchangeError, InvalidRequest, NotFound, Violation, WrongState
from regulator.exchange.transfers import (
    MAX_BYTES,
    MAX_FAILURES,
    LocalFile,
    PartialFile,
    Patience,
    Upload,
    keeping_nothing_destroyed,
)
from regulator.exchange.v1.attachment_service_pb2 import StoredAttachment

DATA = b"what is to come"
STORED = StoredAttachment(name="attachments/1", sha256=sha256(DATA).digest(), size_bytes=len(DATA), complete=True)


def refused(*fields: str) -> InvalidRequest:
    return InvalidRequest("no", details=Details(violations=tuple(Violation(each, "must not") for each in fields)))


@pytest.mark.parametrize("size", [0, MAX_BYTES + 1])
def test_a_file_that_no_node_takes_is_not_read(tmp_path: Path, size: int):
    path = tmp_path / "file"
    path.touch()
    os.truncate(path, size)
    with pytest.raises(ExchangeError, match=f"has {size} bytes"):
        LocalFile.of(path)


def test_what_may_have_no_end_is_not_read(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(ExchangeError, match="no regular file"):
            LocalFile.of(path)
    with pytest.raises(ExchangeError, match="no regular file"), PartialFile(tmp_path / "pipe", STORED):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]


def test_one_call_at_a_time_fetches_into_a_place(tmp_path: Path):
    with PartialFile(tmp_path / "file", STORED) as one:
        with pytest.raises(ExchangeError, match="another call fetches"), PartialFile(tmp_path / "file", STORED):
            pass
        one.write(DATA)
        assert one.finish()
    with PartialFile(tmp_path / "file", STORED) as other:
        assert other.offset == 0
    assert (tmp_path / "file").read_bytes() == DATA


def test_what_was_left_of_another_file_is_given_up_once(tmp_path: Path):
    (tmp_path / "file.part").write_bytes(b"what is not")
    with PartialFile(tmp_path / "file", STORED) as part:
        part.write(DATA[part.offset :])
        assert not part.finish()
        assert part.offset == 0
        part.write(DATA[::-1])
        with pytest.raises(ExchangeError, match="another digest"):
            part.finish()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("reason", "left"), [("UNAVAILABLE", ["file.part"]), ("CONTENT_DESTROYED", [])])
def test_nothing_is_left_of_what_is_destroyed_meanwhile(tmp_path: Path, reason: str, left: list[str]):
    with PartialFile(tmp_path / "file", STORED) as part:
        part.write(DATA[:3])
    with pytest.raises(WrongState), keeping_nothing_destroyed(tmp_path / "file"):
        raise WrongState("no", details=Details(reason=reason))
    assert [each.name for each in tmp_path.iterdir()] == left


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path: Path):
    (tmp_path / "file.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as failure, PartialFile(tmp_path / "file", STORED) as part:
        part.write(DATA * 100_000)
    assert failure.value.filename == str(tmp_path / "file.part")


class TestUpload:
    @pytest.fixture
    def upload(self, tmp_path: Path) -> Upload:
        (tmp_path / "file").write_bytes(DATA)
        return Upload(tmp_path / "file")

    def test_goes_on_once_after_what_somebody_else_had_sent(self, upload: Upload):
        upload.messages(StoredAttachment(durable_bytes=5))
        assert upload.pause_seconds(refused("sha256"), lambda: 0.5) == 0
        with pytest.raises(InvalidRequest):
            upload.pause_seconds(refused("sha256"), lambda: 0.5)

    def test_does_not_go_on_where_all_was_its_own(self, upload: Upload):
        upload.messages(StoredAttachment(durable_bytes=0))
        with pytest.raises(InvalidRequest):
            upload.pause_seconds(refused("sha256"), lambda: 0.5)

    def test_does_not_ask_the_file_for_what_has_nothing_to_do_with_it(self, upload: Upload):
        upload.messages(StoredAttachment(durable_bytes=5))
        upload.file.path.unlink()
        with pytest.raises(InvalidRequest):
            upload.pause_seconds(refused("size_bytes"), lambda: 0.5)

    def test_declares_anew_what_was_dropped_while_it_was_sent(self, upload: Upload):
        gone = NotFound("there is no attachment 1", code=StatusCode.NOT_FOUND)
        upload.messages(StoredAttachment(durable_bytes=5))
        for _ in range(MAX_FAILURES):
            assert upload.pause_seconds(gone, lambda: 0.5) > 0
        with pytest.raises(NotFound):
            upload.pause_seconds(gone, lambda: 0.5)
        with pytest.raises(NotFound):
            Patience().pause_seconds(gone, lambda: 0.5)
