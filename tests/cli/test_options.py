"""The words of options, and how they are read."""

import ast
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import typer
from regulator.exchange.pages import Listing
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import ListNoticesRequest, ListNoticesResponse, Notice
from regulator.exchange.v1.values_pb2 import Sector

from gateway.cli import options
from gateway.cli.options import (
    client_id,
    day,
    first_of,
    moment,
    one_of,
    open_input,
    read_input,
    require_somebody,
    texts,
    word_of,
)
from gateway.identity.names import ClientId
from gateway.words import words
from tests.cli.transcripts import run


def test_every_value_of_an_enumeration_has_a_word_that_reads_back():
    for enum, prefix in ((Notice.Kind, ""), (Notice.State, ""), (Sector, "SECTOR_"), (Event.Kind, "")):
        for word, number in words(enum, prefix).items():
            assert one_of(enum, prefix)(word.upper()) == number
            assert word_of(enum, number, prefix) == word


def test_what_is_not_given_or_not_known_has_no_word():
    assert word_of(Notice.State, 0) == ""
    assert word_of(Notice.State, 77) == "unknown (77)"
    with pytest.raises(typer.BadParameter, match="released, delivered"):
        one_of(Notice.State)("STATE_UNSPECIFIED")


def test_texts_are_a_language_and_what_is_said_in_it():
    assert texts(["en=a=b", "zh-Hant=你好"], "--comment") == {"en": "a=b", "zh-Hant": "你好"}
    assert texts([], "--comment") == {}


@pytest.mark.parametrize("given", [["en"], ["=x"], ["en="], [""], ["en=a", "en=b"]])
def test_texts_of_another_form_are_refused(given):
    with pytest.raises(typer.BadParameter, match="LANGUAGE=TEXT"):
        texts(given, "--comment")


def test_moments_without_a_zone_are_in_utc():
    assert moment("2026-05-08") == datetime(2026, 5, 8, tzinfo=UTC)
    assert moment("2026-05-08T18:00:00+09:00") == datetime(2026, 5, 8, 9, tzinfo=UTC)
    with pytest.raises(typer.BadParameter, match="such as 2026-05-08"):
        moment("yesterday")
    with pytest.raises(typer.BadParameter, match="such as 2026-05-08"):
        moment("0001-01-01T00:00:00+14:00")  # in UTC it lies before the year 1


def test_a_moment_is_no_day():
    """One in the morning of the 8th in Seoul is the 7th in UTC."""
    assert day("2026-05-08") == date(2026, 5, 8)
    for given in ("2026-05-08T01:00:00+09:00", "2026-05-08T09:00:00Z", "2026-02-30", "today", ""):
        with pytest.raises(typer.BadParameter, match="such as 2026-05-08"):
            day(given)


def test_what_is_repeated_under_a_request_id_holds_nothing_of_the_clock():
    """Else it is another request on another day."""
    names = {
        path.stem: {
            each.id if isinstance(each, ast.Name) else each.attr
            for each in ast.walk(ast.parse(path.read_text()))
            if isinstance(each, ast.Name | ast.Attribute)
        }
        for path in Path(options.__file__).parent.glob("*.py")
    }
    repeated = {module: used for module, used in names.items() if "RequestId" in used and module != "options"}
    assert {"notices", "assistance", "drafts", "sharing", "frameworks", "framework_compare"} <= set(repeated)
    assert not [module for module, used in repeated.items() if used & {"now", "today", "time_ns"}]


def test_a_client_is_named_by_its_spiffe_id():
    assert client_id("spiffe://hk.example/SFC/desk") == ClientId("hk.example", "SFC", "desk")
    with pytest.raises(typer.BadParameter):
        client_id("spiffe://hk.example/node")


def listing(*pages: int) -> Listing[ListNoticesRequest, ListNoticesResponse, Notice]:
    """Of pages with so many notices."""

    def fetch(request: ListNoticesRequest) -> ListNoticesResponse:
        place = int(request.page_token or 0)
        token = str(place + 1) if place + 1 < len(pages) else ""
        return ListNoticesResponse(notices=[Notice()] * pages[place], next_page_token=token)

    return Listing(ListNoticesRequest(), fetch, lambda page: page.notices)


@pytest.mark.parametrize(
    ("pages", "limit", "count", "is_told"),
    [
        ([0], 50, 0, False),
        ([49], 50, 49, False),
        ([50], 50, 50, False),
        ([50, 1], 50, 50, True),
        ([51], 50, 50, True),
        ([20, 30], 50, 50, False),
        ([20, 31], 50, 50, True),
        ([0, 50], 50, 50, False),
        ([50, 1], 20, 20, False),
    ],
)
def test_a_listing_that_is_cut_off_says_so(capsys, pages, limit, count, is_told):
    assert len(first_of(listing(*pages), limit)) == count
    told = "these are the first 50, and there may be more: give a --limit\n"
    assert capsys.readouterr().err == (told if is_told else "")


def test_where_standard_input_is_closed_nothing_is_read_and_nobody_asked(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    for read in (read_input, lambda path: open_input(path).__enter__()):
        with pytest.raises(typer.BadParameter, match="standard input is closed"):
            read(Path("-"))
    with pytest.raises(typer.BadParameter, match="where nobody can be asked"):
        require_somebody("--yes")


def test_a_file_that_cannot_be_read_is_a_wrong_argument(tmp_path: Path):
    with pytest.raises(typer.BadParameter, match="No such file"):
        read_input(tmp_path / "nothing")
    with pytest.raises(typer.BadParameter, match="directory"):
        read_input(tmp_path)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("0", "must be at least 1"),
        ("1000000001", "must be at most 1000000000"),
        ("ten", "must be a whole number"),
        ("1.5", "must be a whole number"),
    ],
)
def test_a_number_that_does_not_fit_is_told_in_the_words_of_all_other_refusals(given, said):
    ran = run("notice", "list", "--limit", given, "--profile", "nothing.toml")
    assert ran.code == 2
    assert ran.err.endswith(f"'--limit': {said}\n")
