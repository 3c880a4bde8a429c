"""How the columns of a table share the width of a terminal.

What a narrow one has no room for on one line stands on a further one, indented: a name that is cut cannot be typed
again, nor a fingerprint compared. Only a title gives way, where it is the last column.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from rich.cells import cell_len
from rich.text import Text

GAP = 2  # between two columns
INDENT = 2  # of the lines of a row after its first
LEAST_WIDTH = 8  # that a title keeps

Lines = Sequence[range]
"""The columns of each line of a row."""


def laid_out(
    headings: Sequence[str], rows: Sequence[Sequence[str]], room: int | None, *, cuts_last: bool = False
) -> list[list[str]]:
    """Gives the lines of the headings, then those of each row; without those that would be empty.

    Args:
        headings: of the columns
        rows: a cell a column
        room: characters in a line; None: any number
        cuts_last: whether the last column gives way
    """
    table = [headings, *rows]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    least = [*widths[:-1], min(widths[-1], LEAST_WIDTH)] if cuts_last else widths
    lines = _lines(least, room)
    if room is not None and cuts_last:
        beside = _width(widths, lines[-1][:-1], indented=len(lines) > 1)
        widths[-1] = min(widths[-1], max(room - beside, LEAST_WIDTH))
    return [_row(cells, widths, lines) for cells in table]


def _lines(widths: Sequence[int], room: int | None) -> Lines:
    """As many columns on each line as fit; the terminal wraps one that has no room on a line of its own."""
    starts = [0]
    for column in range(1, len(widths)):
        line = range(starts[-1], column + 1)
        if room is not None and _width(widths, line, indented=len(starts) > 1) - GAP > room:
            starts.append(column)
    return [range(*ends) for ends in pairwise([*starts, len(widths)])]


def _width(widths: Sequence[int], columns: Iterable[int], *, indented: bool) -> int:
    """What columns take of a line, with a gap after each."""
    return indented * INDENT + sum(widths[each] + GAP for each in columns)


def _row(cells: Sequence[str], widths: Sequence[int], lines: Lines) -> list[str]:
    told = [(" " * GAP).join(_padded(cells[each], widths[each]) for each in columns).rstrip() for columns in lines]
    return [told[0], *(" " * INDENT + each for each in told[1:] if each)]


def _padded(cell: str, width: int) -> str:
    text = Text(cell)
    text.truncate(width, overflow="ellipsis", pad=True)
    return text.plain
