"""What a notice says of a file that was sent."""

import mimetypes
from hashlib import sha256
from pathlib import Path
from unicodedata import normalize

import pytest
from regulator.exchange import attachment_of, media_type_of
from regulator.exchange.media_types import BY_ENDING
from regulator.exchange.v1.attachment_service_pb2 import StoredAttachment
from regulator.exchange.v1.values_pb2 import Attachment

from gateway.supervision.rules.compiled import keeps_all_rules

STORED = StoredAttachment(size_bytes=3, sha256=sha256(b"abc").digest(), complete=True)


def test_the_type_of_a_file_is_the_same_whatever_the_machine_knows(monkeypatch):
    monkeypatch.setattr(mimetypes, "guess_type", lambda *_, **__: ("application/of-this-machine", None))
    assert attachment_of(Path("reports/Q1.PDF"), STORED) == Attachment(
        file_name="Q1.PDF", media_type="application/pdf", size_bytes=3, sha256=STORED.sha256
    )


@pytest.mark.parametrize(
    ("file_name", "media_type"),
    [
        ("trades.csv", "text/csv"),
        ("trades.csv.gz", "application/gzip"),
        ("공문.hwp", "application/vnd.hancom.hwp"),
        ("odd.odd", "application/octet-stream"),
        ("README", "application/octet-stream"),
        (".pdf", "application/octet-stream"),
        ("pdf", "application/octet-stream"),
    ],
)
def test_the_last_ending_tells_the_type(file_name, media_type):
    assert media_type_of(file_name) == media_type


@pytest.mark.parametrize("ending", BY_ENDING)
def test_every_type_is_one_that_a_node_takes(ending):
    assert keeps_all_rules(attachment_of(Path(f"a.{ending}"), STORED))


def test_a_type_that_is_given_is_told():
    assert attachment_of(Path("a.csv"), STORED, media_type="text/plain").media_type == "text/plain"


def test_a_name_that_a_system_keeps_in_parts_is_told_in_one_form():
    """macOS writes each Korean syllable as its letters, and a node refuses that."""
    made = attachment_of(Path(normalize("NFD", "거래내역.csv")), STORED)
    assert (made.file_name, made.media_type) == ("거래내역.csv", "text/csv")
    assert keeps_all_rules(made)
