"""Lines of the log: whatever is told, it stays on its line, acts on nobody's terminal, and quotes no request."""

import errno
import json
import logging
import subprocess
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadInput, StoreError
from gateway.logs import MAX_PLACES, MAX_VALUE_CHARACTERS, Format, LineFormatter, Log
from tests.hostile.texts import MARK, TEXTS

FORMS: tuple[Format, ...] = ("text", "json")


class Kept(logging.Handler):
    """Keeps the lines."""

    def __init__(self, form: Format) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(LineFormatter(form, lambda: {"trace_id": "ab" * 16}))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Format:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def kept(form: Format):
    logger, handler = logging.getLogger("gateway.sample"), Kept(form)
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.propagate = True


LOG = Log("gateway.sample")


def test_a_line_of_json_has_time_level_logger_event_and_what_is_told():
    line = LineFormatter("json", lambda: {"trace_id": "ab"}).format(record(channel="a/to/b", entries=3))
    read = json.loads(line)
    assert read.pop("time").endswith("Z")
    assert read == {
        "level": "WARNING",
        "logger": "gateway.sample",
        "event": "stream_failed",
        "channel": "a/to/b",
        "entries": 3,
        "trace_id": "ab",
    }


def test_a_line_of_text_has_the_same():
    line = LineFormatter("text", dict).format(record(channel="a/to/b", entries=3, error="it is gone"))
    assert line.split(" ", 1)[1] == ('WARNING gateway.sample stream_failed channel=a/to/b entries=3 error="it is gone"')


def record(**fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("gateway.sample", logging.WARNING, "", 0, "stream_failed", None, None)
    made.fields = fields
    return made


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_a_hostile_text_stays_on_its_line_and_acts_on_nobody(kept: Kept, text: str):
    LOG.error("alarm_raised", about=text, detail="x")
    logging.getLogger("gateway.sample").warning("a library says %s", text)
    assert len(kept.lines) == 2
    for line in kept.lines:
        assert_one_plain_line(line)


@given(st.text())
def test_any_text_stays_on_its_line_and_comes_back_from_json(text: str):
    for form in FORMS:
        assert_one_plain_line(LineFormatter(form, dict).format(record(error=text)))
    read = json.loads(LineFormatter("json", dict).format(record(error=text)))
    assert read["error"] == text


def assert_one_plain_line(line: str) -> None:
    assert line.isascii()
    assert not [each for each in line if unicodedata.category(each) == "Cc"]


@given(st.text(), st.text())
def test_no_text_passes_for_a_field_of_its_own(text: str, other: str):
    """In text too: a value that is not plain is quoted, and within quotes a quote is escaped."""
    line = LineFormatter("text", dict).format(record(error=text, about=other))
    rest = line.split(" stream_failed ", 1)[1]
    decoded = []
    while rest:
        name, rest = rest.split("=", 1)
        if rest.startswith('"'):
            value, end = json.JSONDecoder().raw_decode(rest)
        else:
            value, end = rest.split(" ")[0], len(rest.split(" ")[0])
        decoded.append((name, value))
        rest = rest[end:].lstrip(" ")
    assert decoded == [("error", text), ("about", other)]


def test_a_long_value_is_cut(kept: Kept):
    LOG.error("alarm_raised", detail="x" * 1_000_000)
    assert len(kept.lines[0]) < MAX_VALUE_CHARACTERS + 200


def test_a_defect_is_told_by_kinds_and_places_and_not_by_its_text(kept: Kept):
    def parse(text: str) -> None:
        try:
            int(text)
        except ValueError as error:
            raise StoreError("the store is gone") from error

    try:
        try:
            parse(MARK)
        except StoreError as found:
            raise KeyError(MARK) from found
    except KeyError as defect:
        LOG.defect("call_failed", defect, method="/a/B")
    (line,) = kept.lines
    assert MARK not in line
    assert "KeyError < StoreError: the store is gone < ValueError" in line
    assert "tests/test_logs.py:" in line


def test_an_error_of_the_system_says_which_it_is_and_no_path(kept: Kept):
    LOG.defect("call_failed", FileNotFoundError(errno.ENOENT, "No such file", f"/notices/{MARK}"))
    LOG.defect("call_failed", OSError(MARK))
    first, second = kept.lines
    assert "FileNotFoundError(ENOENT)" in first
    assert "OSError" in second
    assert MARK not in first + second


def test_what_a_bad_request_was_told_is_not_repeated(kept: Kept):
    LOG.defect("call_failed", BadInput.of("title", MARK))
    assert MARK not in kept.lines[0]


def test_a_cycle_of_causes_ends(kept: Kept):
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    LOG.defect("call_failed", first)
    assert kept.lines[0].count("ValueError") <= MAX_PLACES


def test_what_is_below_the_level_costs_no_line(kept: Kept):
    logging.getLogger("gateway.sample").setLevel(logging.WARNING)
    LOG.info("call_refused", method="/a/B")
    assert kept.lines == []


SCRIPT = f"""
import asyncio, gc, sys, threading, warnings
from gateway.logs import install, take_from_loop
install(sys.argv[1], 30)

class Falls:
    def __del__(self):
        raise ValueError("{MARK}")

def fall():
    raise ValueError("{MARK}")

async def main():
    asyncio.get_running_loop().set_exception_handler(take_from_loop)
    async def falls():
        fall()
    task = asyncio.create_task(falls(), name="{MARK}")
    await asyncio.sleep(0)
    del task
    gc.collect()

asyncio.run(main())
thread = threading.Thread(target=fall)
thread.start()
thread.join()
Falls()
warnings.warn("old\\nthing")
fall()
"""


def test_what_nobody_caught_is_told_on_lines_too(form: Format):
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, form], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert MARK not in ended.stderr
    lines = ended.stderr.splitlines()
    assert len(lines) == 5
    events = [json.loads(line)["event"] if form == "json" else line.split()[3] for line in lines]
    assert events == ["loop_error", "uncaught_error", "uncaught_error", "library", "uncaught_error"]
