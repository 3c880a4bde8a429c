"""The plots of a run, as SVG: the same results give the same bytes."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from tests.benchmarks.results import Results, Series

WIDTH, HEIGHT = 7.2, 4.0  # inches
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito: told apart by all
STYLE = {
    "svg.hashsalt": "performance",  # else ids are random
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
}
MARKED = 12  # points at most that are marked one by one


@dataclass(frozen=True)
class Plot:
    """One plot.

    Attributes:
        name: of its file, without the ending
        title: what it shows
        keys: of the series, all of one unit and growing with the same thing
        goal: a line to be reached, and what it says; none: ``None``
    """

    name: str
    title: str
    keys: Sequence[str]
    goal: tuple[float, str] | None = None


PLOTS: Sequence[Plot] = (
    Plot("callers-rate", "Calls a second, by callers", ("creates_by_callers", "gets_by_callers")),
    Plot(
        "callers-latency",
        "How long a call takes, by callers",
        ("create_p50_by_callers", "create_p99_by_callers", "receipt_p50_by_callers", "receipt_p99_by_callers"),
    ),
    Plot("callers-bulk", "Notices a second in bulk, by streams at once", ("bulk_by_callers",)),
    Plot("bytes-calls", "Calls a second, by size of message", ("creates_by_bytes", "gets_by_bytes")),
    Plot("bytes-bulk", "Notices a second in bulk, by size of message", ("bulk_by_bytes",)),
    Plot("bytes-disk", "Bytes on disk, by size of message", ("sender_disk_by_bytes", "receiver_disk_by_bytes")),
    Plot("peers-calls", "Calls a second, by peers", ("creates_by_peers",)),
    Plot("peers-bulk", "Notices a second in bulk, by peers", ("bulk_by_peers",)),
    Plot(
        "notices-memory",
        "Memory of a node, by notices in its log",
        ("sender_memory_by_notices", "receiver_memory_by_notices"),
        (250, "goal: at most 250 MB"),
    ),
    Plot(
        "notices-reads",
        "How long a read takes, by notices in the log",
        (
            "get_by_notices",
            "list_newest_by_notices",
            "list_filtered_by_notices",
            "list_middle_by_notices",
            "list_nothing_by_notices",
        ),
    ),
    Plot(
        "notices-start",
        "How long a start takes, by notices in the log",
        ("restart_by_notices",),
        (2, "goal: at most 2 s"),
    ),
    Plot("notices-bulk", "Notices a second in bulk, by notices in the log", ("bulk_by_notices",)),
)


def drawn(results: Results) -> Mapping[str, bytes]:
    """Gives each plot for which there are figures, by the name of its file."""
    found = ((plot, [each for key in plot.keys if (each := results.find(key))]) for plot in PLOTS)
    return {f"{plot.name}.svg": _draw(plot, series) for plot, series in found if series}


def _draw(plot: Plot, series: Sequence[Series]) -> bytes:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(plot.title, loc="left")
        axes.set_xscale("log")
        axes.set_yscale("log")
        for each, colour in zip(series, COLOURS, strict=False):
            marker = "o" if len(each.points) <= MARKED else None
            axes.plot(
                [point.at for point in each.points],
                [point.value for point in each.points],
                marker=marker,
                color=colour,
                label=each.title,
            )
        for (name, line), style in zip(_floors(series), ("--", ":", "-."), strict=False):
            axes.plot(
                [at for at, _ in line], [value for _, value in line], style, color="#555555", label=f"floor: {name}"
            )
        if plot.goal:
            axes.axhline(plot.goal[0], color="#999999", linewidth=0.8, label=plot.goal[1])
        _name_axes(axes, series[0])
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
        return _svg(figure, plot.title)


def _floors(series: Sequence[Series]) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Each floor once, as the first series that has it met it; one with a single point is told in the table."""
    names = dict.fromkeys(name for each in series for point in each.points for name in point.floors)
    for name in names:
        first = next(each for each in series if any(name in point.floors for point in each.points))
        line = [(point.at, point.floors[name]) for point in first.points if name in point.floors]
        if len(line) > 1:
            yield name, line


def _name_axes(axes: Axes, series: Series) -> None:
    axes.set_xlabel(series.by)
    axes.set_ylabel(series.unit)
    low, high = axes.get_ylim()
    if high / low < 10:  # a logarithmic axis of less than a decade has one tick, or none
        axes.set_yscale("linear")
        axes.set_ylim(bottom=0, top=1.15 * high)
    places = sorted({point.at for point in series.points})
    if len(places) <= MARKED:
        axes.set_xticks(places)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _svg(figure: Figure, title: str) -> bytes:
    file = io.BytesIO()
    metadata = {"Title": title, "Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(file, format="svg", metadata=metadata)
    return b"".join(line.rstrip() + b"\n" for line in file.getvalue().splitlines())
