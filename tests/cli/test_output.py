"""What others wrote is shown, and never obeyed."""

import base64
import json
import os
import pty
import re
import sys
import termios
import unicodedata
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.admin_service_pb2 import Alarm, AttachmentUsage, Channel, RotateSealResponse, ServerInfo
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import LocalizedText

from gateway.cli import certs_seal
from gateway.cli.output import (
    json_moment,
    moment_of,
    pairs,
    parts,
    say,
    say_aside,
    shown,
    size_said,
    table,
    write_json,
    write_json_line,
)
from gateway.cli.status import _show as show_status
from gateway.cli.views import file as file_view
from gateway.cli.views.notice import HEADINGS, document, row, sections
from gateway.identity.certificates.x509 import to_pem
from tests.cli.transcripts import run
from tests.supervision.samples import content
from tests.support import evidence

HOSTILE = "\x1b]0;owned\x07\x1b[31m[red]PAID[/red]\r\u202egnp.exe\u2066\x9b2J\u200b\ufeff :smile: 승인"
"""A title that would rename the window, colour, hide, turn and overwrite what stands there."""

SAFE = r"\x1b]0;owned\x07\x1b[31m[red]PAID[/red]\x0d\u202egnp.exe\u2066\x9b2J\u200b\ufeff :smile: 승인"


def unseen(text: str) -> set[str]:
    kinds = {each: unicodedata.category(each) for each in text if each != "\n"}
    return {each for each, kind in kinds.items() if kind[0] == "C" or kind in ("Zl", "Zp")}  # a wide space is harmless


def hostile_notice() -> Notice:
    return Notice(
        name="notices/hk-1",
        sender="HK",
        recipient="KR",
        kind=Notice.POLICY_STATEMENT,
        state=Notice.RECEIVED,
        release_time=Timestamp(seconds=1_767_225_600),
        author=Author(authority="SFC", client="spiffe://gateway.hk.example/SFC/office"),
        content=content(
            title=[LocalizedText(language_tag="en", text=HOSTILE)],
            summary=[LocalizedText(language_tag="en", text=f"one\n{HOSTILE}\nthree")],
        ),
    )


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain, 漢字　全角, 한국어, é", "plain, 漢字　全角, 한국어, é"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\tb\r\n", r"a\x09b\x0d\x0a"),
        ("\u202eabc\u2069", r"\u202eabc\u2069"),
        ("\u2028\u2029\u00ad\u200d", r"\u2028\u2029\xad\u200d"),
        ("\U000e0041", r"\U000e0041"),
        ("[red]", "[red]"),
        (HOSTILE, SAFE),
    ],
)
def test_what_acts_or_hides_is_written_out(text, safe):
    assert shown(text) == safe


def test_line_breaks_stay_where_lines_are_wanted():
    assert shown("a\nb\r", lines=True) == "a\nb\\x0d"


@given(st.text())
def test_nothing_unseen_is_ever_shown(text):
    assert not unseen(shown(text, lines=True))
    assert "\n" not in shown(text)


@given(st.text(), st.booleans())
def test_json_is_read_back_as_it_was_and_shows_nothing_unseen(text, one_line):
    written = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.echo", written.append)
        (write_json_line if one_line else write_json)({"title": text})
    assert json.loads(written[0]) == {"title": text}
    assert not unseen(written[0])


def test_a_hostile_title_in_a_listing(capsys):
    table(HEADINGS, [row(hostile_notice())])
    written = capsys.readouterr().out
    assert SAFE in written
    assert not unseen(written)
    assert len(written.splitlines()) == 2


def test_a_hostile_notice_in_full(capsys):
    parts(sections(hostile_notice()))
    written = capsys.readouterr().out
    assert f"[en]  {SAFE}" in written
    assert not unseen(written)
    lines = written.splitlines()
    assert lines[lines.index("summary") + 1 :][:3] == ["  [en]  one", f"        {SAFE}", "        three"]


def test_a_hostile_notice_as_json(capsys):
    write_json(document(hostile_notice()))
    written = capsys.readouterr().out
    assert not unseen(written)
    assert json.loads(written) == document(hostile_notice())
    assert json.loads(written)["notice"]["title"] == {"en": HOSTILE}


@pytest.mark.parametrize("columns", [None, "20", "100"])
def test_a_table_is_not_cut_where_it_is_piped(capsys, monkeypatch, columns):
    if columns:
        monkeypatch.setenv("COLUMNS", columns)  # a shell has told it of its own window
    table(("name", "title"), [("a", "x" * 150), ("b" * 90, "y" * 300)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["name", "title"], ["a", "x" * 150], ["b" * 90, "y" * 300]]


def on_terminal(columns: int, write: Callable[[], None]) -> str:
    """What is written to standard output where that is a terminal of so many columns."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    with os.fdopen(ours, "rb", buffering=0) as screen, pytest.MonkeyPatch.context() as patch:
        with os.fdopen(theirs, "w", encoding="utf-8") as out:
            patch.setattr(sys, "stdout", out)
            patch.setattr("rich.console._STD_STREAMS", (theirs,))
            write()
        return _all_of(screen).decode()


def _all_of(screen: IO[bytes]) -> bytes:
    """What a terminal shows, once the side that wrote is closed: what was written may come a moment later."""
    seen = b""
    with suppress(OSError):  # EIO: there is no more
        while part := screen.read(10_000):
            seen += part
    return seen


def test_a_title_gives_way_in_a_narrow_window():
    screen = on_terminal(20, lambda: table(("name", "title"), [("a name", "x" * 150)], cuts_last=True))
    assert screen.splitlines()[1] == f"a name  {'x' * 11}…"


def test_pairs_leave_out_what_is_empty_and_keep_lines_in_their_column(capsys):
    pairs([("a", "1"), ("empty", ""), ("long", "x\ny")], margin="  ")
    assert capsys.readouterr().out == "  a     1\n  long  x\n        y\n"


def test_what_is_said_goes_through_the_same_door(capsys):
    say(HOSTILE)
    say("forged\nPROVEN")
    assert capsys.readouterr().out == f"{SAFE}\nforged\\x0aPROVEN\n"


def test_an_evidence_file_cannot_forge_a_verdict(tmp_path):
    sealed = evidence.envelope()
    sealed.notice_released.notice = "notices/hk-1\nPROVEN: all of it\x1b[8m"
    file = evidence.evidence(sealed.SerializeToString())
    (tmp_path / "root.crt").write_bytes(to_pem(evidence.ROOTS[0]))
    ran = run("evidence", "verify", "-", "--root", tmp_path / "root.crt", given=file.encode())
    assert ran.code == 1
    assert not [line for line in ran.out.splitlines() if line.startswith("PROVEN")]
    assert r'"notices/hk-1\nPROVEN: all of it\u001b[8m"' in ran.out, "in quotation marks, as what is no name"


def test_what_is_told_aside_keeps_its_lines_apart_from_ours(capsys):
    say_aside("first\nsecond\r")
    assert capsys.readouterr().err == "first\n  second\\x0d\n"


def test_a_time_that_is_not_set_is_not_1970():
    assert (moment_of(Timestamp()), json_moment(Timestamp())) == ("", None)
    assert moment_of(Timestamp(seconds=1_767_225_600, nanos=5)) == "2026-01-01 00:00:00Z"
    assert json_moment(Timestamp(seconds=1_767_225_600)) == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (700_000, "683.6 KiB"),
        (2**32, "4.0 GiB"),
        (2**62, "4096.0 PiB"),
    ],
)
def test_a_size_is_told_in_the_largest_unit_that_it_fills(count, said):
    assert size_said(count) == said


def test_files_are_shown_where_there_are_any(capsys):
    usages = [AttachmentUsage(authority="SFC", quota_bytes=2**36), AttachmentUsage(peer="KR", quota_bytes=2**36)]
    channels = [Channel(name="channels/hk-to-kr"), Channel(name="channels/kr-to-hk")]
    file_view.show(usages, channels)
    assert capsys.readouterr().out == ""
    usages[0].MergeFrom(
        AttachmentUsage(whole_files=2, whole_bytes=2**20, coming_files=1, coming_bytes=9, arrived_bytes=4)
    )
    channels[1].MergeFrom(Channel(unattached_notices=3, unattached_bytes=2**30, attachments_error="the disk is full"))
    file_view.show(usages, channels)
    out = capsys.readouterr().out
    assert re.search(r"^SFC +2 \(1.0 MiB\) +1 \(4 B of 9 B came\) +64.0 GiB$", out, re.MULTILINE)
    assert re.search(r"^kr-to-hk +3 +1.0 GiB +the disk is full$", out, re.MULTILINE)
    assert "KR " not in out


def test_an_alarm_is_not_cut_on_a_narrow_terminal(capsys, monkeypatch):
    said = f"the file cannot be read: {'x' * 200}: and what to do"
    info = ServerInfo(alarms=[Alarm(about="access.toml", detail=said)])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    show_status(info, [], [], [])
    assert said in capsys.readouterr().out


def test_of_a_seal_that_is_rotated_to_names_and_ids_are_told_and_no_keys(capsys, monkeypatch):
    key = b"\x06\xfb\xef" + b"\xfb\xef\xbe" * 436  # in base64 it is full of plus signs
    answer = RotateSealResponse(verifier_keys=[f"gateway.hk.example+0a1b2c3d+{base64.b64encode(key).decode()}"])
    node = SimpleNamespace(rotate_seal=lambda _, *, before_all_is_back: answer)
    monkeypatch.setattr(certs_seal, "connect", lambda _: nullcontext(node))
    certs_seal.rotate_seal("AB" * 32, profile=Path("unread.toml"))
    assert capsys.readouterr().out == "the node seals with\n  gateway.hk.example+0a1b2c3d\n"
