"""A notice is shown with what its reader types next."""

from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Attachment

from gateway.cli.views.notice import sections
from tests.supervision.samples import content

FILES = [
    Attachment(file_name=name, media_type="text/csv", size_bytes=1, sha256=bytes(32)) for name in ("a.csv", "공문.hwp")
]


def test_the_files_of_a_notice_are_told_by_the_names_they_are_fetched_by():
    notice = Notice(name="notices/hk-1", content=content(attachments=FILES))
    notice.release_time.GetCurrentTime()
    told = {heading: list(pairs) for heading, pairs in sections(notice)}
    assert told["files"] == [("a.csv", "hk-1/attachments/1"), ("공문.hwp", "hk-1/attachments/2")]


def test_a_notice_without_files_tells_of_none():
    notice = Notice(name="notices/hk-1", content=content())
    notice.release_time.GetCurrentTime()
    assert "files" not in dict(sections(notice))
