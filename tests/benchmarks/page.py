"""Writes the tables and plots of ``docs/performance.md`` from the results of one run.

``--check FILE`` fails if the marked blocks of a Markdown file, or the plots beside it, are out of step with the results
beside it; ``--write FILE`` puts them in step. A block stands between ``<!-- results: NAME -->`` and
``<!-- end of results -->``. Results and plots of ``docs/performance.md`` are in ``docs/performance/``.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.benchmarks import goals, laws, plots
from tests.benchmarks.machine import was_busy
from tests.benchmarks.results import Point, Results, Series, number

WHY = "#why-goals-are-not-reached"
_NOT_TAKEN = "Not taken.\n"
_IMAGE = re.compile(r"!\[.*\n")
_BLOCK = re.compile(r"(<!-- results: (\w+) -->\n)(.*?)(<!-- end of results -->)", re.DOTALL)


def in_step(text: str, results: Results, folder: str) -> str:
    """Gives the text of the page with its blocks as the results are.

    Args:
        text: of the page
        results: of a run
        folder: of the plots, as the page names it

    Raises:
        ValueError: a block is missing, is there twice, or is not known.
    """
    found = [match[2] for match in _BLOCK.finditer(text)]
    if sorted(found) != sorted(_BLOCKS):
        raise ValueError(f"there must be one block for each of {', '.join(sorted(_BLOCKS))}; there are {found}")
    return _BLOCK.sub(lambda match: match[1] + _BLOCKS[match[2]](results, folder) + match[4], text)


def folder_of(page: Path) -> Path:
    return page.with_suffix("")


def files(page: Path, results: Results) -> Mapping[Path, bytes]:
    """Gives the page and its plots, as they are to be."""
    folder = folder_of(page)
    text = in_step(page.read_text(), results, folder.name)
    return {page: text.encode()} | {folder / name: data for name, data in plots.drawn(results).items()}


def write(page: Path, results: Results) -> None:
    """Keeps the results beside the page, and puts it in step with them."""
    folder = folder_of(page)
    folder.mkdir(exist_ok=True)
    results = Results.decode(results.encode())  # with the digits that are kept, so that a check sees the same
    for old in folder.glob("*.svg"):
        old.unlink()
    for path, data in files(page, results).items():
        path.write_bytes(data)
    (folder / "results.json").write_text(results.encode())


def plain(results: Results) -> str:
    """The same tables and laws for a terminal."""
    blocks = ((name, block(results, "")) for name, block in _BLOCKS.items())
    told = (f"## {name}\n{_IMAGE.sub('', text)}" for name, text in blocks if text != _NOT_TAKEN)
    return "\n".join(told)


def _machine(results: Results, _folder: str) -> str:
    machine = results.machine
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    text = (
        f"Taken with {machine['cores']} cores and {machine['memory_gib']} GiB of memory ({machine['system']}), "
        f"Python {machine['python']}, SQLite {machine['sqlite']}, {packages}; form: {results.form}.\n"
    )
    if was_busy(machine):
        text += (
            f"\n**Other work ran on the machine before this run (load average {number(machine['load_before'])}): "
            "figures by the clock are worse than they would be, ratios less so.**\n"
        )
    return text


def _goals(results: Results, _folder: str) -> str:
    return _table(("what", "aimed at", "measured", ""), goals.rows(results, WHY))


def _floors(results: Results, _folder: str) -> str:
    return _table(("floor", "alone"), [(name, number(value)) for name, value in results.floors.items()])


def _facts(results: Results, _folder: str) -> str:
    return _table(("what", "measured"), [(name, number(value)) for name, value in results.facts.items()])


def _refused(results: Results, _folder: str) -> str:
    return _table(("a notice of", "is refused"), [(what, f"`{words}`") for what, words in results.refused.items()])


def _profile(results: Results, _folder: str) -> str:
    """A column a load and node: µs of the processor a notice, of which most is left to gain where most is spent."""
    spent = Counter[str]()
    for of in results.profile.values():
        spent.update(of)
    rows = [(part, *(number(of.get(part, 0)) for of in results.profile.values())) for part, _ in spent.most_common()]
    sums = ("all of it", *(number(sum(of.values())) for of in results.profile.values()))
    return _table(("µs of the processor a notice", *results.profile), [*rows, sums] if rows else [])


def _growing(by: str) -> Callable[[Results, str], str]:
    """The plots, the table and the laws of all that grows with the same thing."""

    def block(results: Results, folder: str) -> str:
        series = [each for each in results.series if each.by == by]
        if not series:
            return _NOT_TAKEN
        shown = [each for each in plots.PLOTS if any(one.key in each.keys for one in series)]
        images = "".join(f"![{each.title}]({folder}/{each.name}.svg)\n" for each in shown)
        told = "".join(f"- {each.title}: {law}.\n" for each in series if (law := laws.told(each)))
        return f"\n{images}\n{_growth_table(by, series)}\n{told}"

    return block


_BLOCKS: Mapping[str, Callable[[Results, str], str]] = {
    "machine": _machine,
    "goals": _goals,
    "profile": _profile,
    "floors": _floors,
    "callers": _growing("callers"),
    "bytes": _growing("bytes"),
    "refused": _refused,
    "peers": _growing("peers"),
    "notices": _growing("notices"),
    "frameworks": _facts,
}


def _growth_table(by: str, series: Sequence[Series]) -> str:
    places = _places(series)
    rows = [row for each in series for row in _rows(each, places)]
    return _table((by, *(f"{place:,.0f}" for place in places)), rows)


def _places(series: Sequence[Series]) -> list[float]:
    """Where all were taken: what was looked at more often, as memory, is shown by its plot."""
    return sorted(set.intersection(*({point.at for point in each.points} for each in series)))


def _rows(series: Series, places: Sequence[float]) -> list[tuple[str, ...]]:
    points = [series.at(place) for place in places]
    rows = [(f"{series.title}, {series.unit}", *(number(point.value) if point else "" for point in points))]
    for name in dict.fromkeys(name for point in points if point for name in point.floors):
        ratios = (_ratio(point, name) for point in points)
        rows.append((f"*beside its floor, {name}*", *ratios))
    seen = dict.fromkeys(name for point in points if point for name in point.beside)
    return rows + [(f"{series.title}: {name}", *(_beside(point, name) for point in points)) for name in seen]


def _ratio(point: Point | None, floor: str) -> str:
    return f"*{number(point.value / point.floors[floor])}*" if point and floor in point.floors else ""


def _beside(point: Point | None, name: str) -> str:
    return number(point.beside[name]) if point and name in point.beside else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return _NOT_TAKEN
    lines = [head, ["---", *("--:" for _ in head[1:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main(arguments: Sequence[str]) -> int:
    """Checks or writes; 1 if what is checked is out of step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", type=Path, metavar="FILE", help="fail if the page is not in step")
    what.add_argument("--write", type=Path, metavar="FILE", help="write tables and plots")
    options = parser.parse_args(arguments)
    page: Path = options.write or options.check
    results = Results.decode((folder_of(page) / "results.json").read_text())
    if options.write:
        write(page, results)
        return 0
    stale = [path for path, data in files(page, results).items() if not path.exists() or path.read_bytes() != data]
    if stale:
        names = ", ".join(str(path) for path in stale)
        sys.stderr.write(f"not in step: {names}: run python -m tests.benchmarks.page --write {page}\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
