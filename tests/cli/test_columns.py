from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from gateway.cli.columns import LEAST_WIDTH, laid_out

HEADINGS = ("notice", "state", "title")
ROWS = [("hk-2026-1985b5f3aeb269c5", "received", "Withdrawals stood still"), ("hk-1", "", "출금 중단")]


def told(room: int | None) -> list[str]:
    return [line for row in laid_out(HEADINGS, ROWS, room, cuts_last=True) for line in row]


def test_without_a_bound_a_row_is_a_line():
    assert told(None) == [
        "notice                    state     title",
        "hk-2026-1985b5f3aeb269c5  received  Withdrawals stood still",
        "hk-1                                출금 중단",
    ]
    assert told(200) == told(None)


def test_the_last_column_is_cut_first():
    assert told(48)[1] == "hk-2026-1985b5f3aeb269c5  received  Withdrawals…"


def test_what_has_no_room_stands_on_a_further_line_and_nothing_else_is_cut():
    assert told(40) == [
        "notice                    state",
        "  title",
        "hk-2026-1985b5f3aeb269c5  received",
        "  Withdrawals stood still",
        "hk-1",
        "  출금 중단",
    ]


def test_a_column_that_no_line_has_room_for_is_whole():
    assert told(12) == [
        "notice",
        "  state",
        "  title",
        "hk-2026-1985b5f3aeb269c5",
        "  received",
        "  Withdrawa…",
        "hk-1",
        "  출금 중단",
    ]


def test_a_last_column_that_is_no_title_is_told_whole():
    assert laid_out(HEADINGS, ROWS[:1], 48) == [
        ["notice                    state", "  title"],
        ["hk-2026-1985b5f3aeb269c5  received", "  Withdrawals stood still"],
    ]
    assert laid_out(HEADINGS, ROWS[:1], 20)[1][-1] == "  Withdrawals stood still"


def test_headings_alone_are_a_table():
    assert laid_out(HEADINGS, [], 80) == [["notice  state  title"]]


CELL = st.text("ab한", max_size=12)


@given(st.lists(st.tuples(*[CELL] * 5), max_size=4), st.integers(1, 70), st.booleans())
def test_every_cell_but_a_title_is_told_whole_and_no_line_is_wider_than_it_must(rows, room, cuts_last):
    lines = laid_out(("a", "b", "c", "d", "e"), rows, room, cuts_last=cuts_last)
    whole = slice(None, -1 if cuts_last else None)
    widest = max((cell_len(cell) for row in rows for cell in row[whole]), default=1)
    for row, cells in zip(lines[1:], rows, strict=True):
        assert all(any(cell in line for line in row) for cell in cells[whole])
        assert all(cell_len(line) <= max(room, 2 + widest, 2 + LEAST_WIDTH) for line in row)
