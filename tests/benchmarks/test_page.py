"""The page of a run: its tables, its plots, and that they are in step."""

import shutil
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import goals, page, plots
from tests.benchmarks.forms import MILLION
from tests.benchmarks.results import Point, Results, Series, number

SVG = "{http://www.w3.org/2000/svg}"
NAMES = ("machine", "goals", "floors", "callers", "bytes", "refused", "peers", "notices", "frameworks", "profile")
BLANK = "# Performance\n" + "".join(f"\n<!-- results: {name} -->\n<!-- end of results -->\n" for name in NAMES)
MACHINE = {
    "cores": 2,
    "memory_gib": 24,
    "system": "Linux on x86_64",
    "python": "3.11.7",
    "sqlite": "3.53",
    "openssl": "OpenSSL 3",
    "packages": {"grpcio": "1.85.3"},
    "load_before": 0.1,
}


def series(key: str, by: str, values: dict[float, float], **floors: float) -> Series:
    return Series(key, key.replace("_", " "), "ms", by, [Point(at, value, floors) for at, value in values.items()])


def results(*more: Series) -> Results:
    callers = Series(
        "creates_by_callers",
        "CreateNotice",
        "calls/s",
        "callers",
        [
            Point(1, 60, {"bare calls": 1500}, {"sender, µs of the processor": 1800}),
            Point(64, 3000, {"bare calls": 4500}, {"sender, µs of the processor": 250}),
        ],
    )
    latency = series("receipt_p50_by_callers", "callers", {1: 6.4, 64: 60}, **{"bare call, p50": 0.64})
    reads = series("get_by_notices", "notices", {1000: 2.0, 100_000: 2.01}, **{"bare call, p50": 0.5})
    floors = {"Ed25519, sign, µs": 35.123456}
    refused = {"5,242,880 bytes": "request: must have at most 4194304 bytes"}
    profile = {"unary, sender": {"field rules": 90.0, "the rest": 310.0}, "unary, receiver": {"the rest": 120.0}}
    return Results("whole", MACHINE, floors, [callers, latency, reads, *more], {"publish, ms": 495.4}, refused, profile)


@pytest.fixture(scope="module")
def written_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("performance")
    path = folder / "performance.md"
    path.write_text(BLANK)
    page.write(path, results())
    return folder


@pytest.fixture
def written(written_once: Path, tmp_path: Path) -> Path:
    """A page of a test's own: to draw its plots takes longer than most tests."""
    shutil.copytree(written_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "performance.md"


def test_results_are_the_same_when_they_are_read_again():
    encoded = results().encode()
    assert Results.decode(encoded).encode() == encoded
    assert "35.12," in encoded or "35.12\n" in encoded


def test_a_figure_stands_beside_its_floor(written: Path):
    text = written.read_text()
    assert "| callers | 1 | 64 |" in text
    assert "| CreateNotice, calls/s | 60.0 | 3,000 |" in text
    assert "| *beside its floor, bare calls* | *0.04* | *0.67* |" in text
    assert "| CreateNotice: sender, µs of the processor | 1,800 | 250 |" in text
    assert "- CreateNotice: calls/s ~ callers^0.94, in proportion to the callers" in text


def test_every_block_is_written_and_what_was_not_measured_is_said(written: Path):
    blocks = {match[2]: match[3] for match in page._BLOCK.finditer(written.read_text())}
    assert set(blocks) == set(NAMES)
    assert blocks["peers"] == blocks["bytes"] == "Not taken.\n"
    assert "`request: must have at most 4194304 bytes`" in blocks["refused"]
    assert "| publish, ms | 495 |" in blocks["frameworks"]
    assert "| field rules | 90.0 | 0 |" in blocks["profile"]
    assert "| all of it | 400 | 120 |" in blocks["profile"]
    assert "2 cores and 24 GiB" in blocks["machine"]
    assert "Other work" not in blocks["machine"]


def test_a_machine_that_did_something_else_is_told():
    busy = replace(results(), machine={**MACHINE, "load_before": 3.2})
    assert "Other work ran on the machine before this run (load average 3.20)" in page.plain(busy)


@pytest.mark.parametrize(
    "text",
    [
        BLANK.replace("<!-- results: goals -->", ""),
        BLANK.replace("results: goals", "results: gaols"),
        BLANK + "\n<!-- results: goals -->\n<!-- end of results -->\n",
    ],
)
def test_a_page_must_have_each_block_once(text: str):
    with pytest.raises(ValueError, match="one block for each"):
        page.in_step(text, results(), "performance")


def test_what_is_written_is_in_step(written: Path):
    assert page.main(["--check", str(written)]) == 0
    before = {path: path.read_bytes() for path in written.parent.rglob("*") if path.is_file()}
    assert page.main(["--write", str(written)]) == 0
    assert {path: path.read_bytes() for path in written.parent.rglob("*") if path.is_file()} == before


def test_what_is_written_from_figures_with_more_digits_than_are_kept_is_in_step_too(written: Path):
    odd = series("get_by_notices", "notices", {1000: 2.0 / 3, 100_000: 0.00123456789}, floor=1 / 7)
    page.write(written, replace(results(), series=[odd]))
    assert page.main(["--check", str(written)]) == 0


def test_what_was_changed_by_hand_is_out_of_step(written: Path, capsys: pytest.CaptureFixture[str]):
    plot = written.parent / "performance" / "callers-rate.svg"
    plot.write_bytes(plot.read_bytes().replace(b"Calls", b"Balls"))
    written.write_text(written.read_text().replace("3,000", "9,000"))
    assert page.main(["--check", str(written)]) == 1
    said = capsys.readouterr().err
    assert "performance.md" in said
    assert "callers-rate.svg" in said


def test_a_plot_that_is_no_longer_drawn_goes(written: Path):
    folder = written.parent / "performance"
    assert (folder / "notices-reads.svg").exists()
    page.write(written, replace(results(), series=results().series[:1]))
    assert [path.name for path in folder.glob("*.svg")] == ["callers-rate.svg"]
    assert "notices-reads" not in written.read_text()


def every_plot() -> Results:
    """A figure for every series that any plot draws."""
    found = [
        series(key, plot.name.partition("-")[0], {1: 2.0, 10: 3.0, 1000: 2.5 + place}, floor=1.0)
        for plot in plots.PLOTS
        for place, key in enumerate(plot.keys)
    ]
    return replace(results(), series=found)


@pytest.fixture(scope="module")
def drawn() -> Mapping[str, bytes]:
    return plots.drawn(every_plot())


def test_plots_are_svg_whose_text_is_text(drawn: Mapping[str, bytes]):
    assert len(drawn) == len(plots.PLOTS)
    for plot, data in zip(plots.PLOTS, drawn.values(), strict=True):
        root = ET.fromstring(data)
        assert root.tag == f"{SVG}svg"
        texts = {"".join(each.itertext()).strip() for each in root.iter(f"{SVG}text")}
        assert plot.title in texts
        assert {key.replace("_", " ") for key in plot.keys} <= texts
        assert "floor: floor" in texts
        assert plot.goal is None or plot.goal[1] in texts


def test_plots_are_the_same_each_time_and_hold_no_date(drawn: Mapping[str, bytes]):
    assert plots.drawn(every_plot()) == drawn
    assert not any(b"dc:date" in data for data in drawn.values())


GOALS = {goal.what: goal for goal in goals.GOALS}


def verdicts(*more: Series) -> dict[str, tuple[str, str]]:
    return {what: (measured, verdict) for what, _, measured, verdict in goals.rows(results(*more), "#why")}


def test_a_goal_is_reached_falls_short_or_was_not_taken():
    said = verdicts()
    assert said["`CreateNotice`, 64 callers, of bare calls"] == ("0.67", "**falls short**: [why](#why)")
    assert said["create to receipt, p50, in bare calls"] == ("10.0", "reached")
    assert said["create to receipt, p99, in bare calls"] == ("", "not taken")


def test_a_goal_for_a_million_says_with_how_many_it_was_taken():
    starts = {1000: 1.0, 100_000: 1.1}
    said = verdicts(series("restart_by_notices", "notices", starts))
    assert said["start with a million notices, s"] == ("1.10", "reached with 100,000 notices")
    said = verdicts(series("restart_by_notices", "notices", starts | {MILLION: 2.5}))
    assert said["start with a million notices, s"] == ("2.50", "**falls short**: [why](#why)")


def test_memory_is_judged_by_the_highest_of_both_nodes():
    said = verdicts(
        series("sender_memory_by_notices", "notices", {1000: 150.0, 10_000: 240.0, MILLION: 220.0}),
        series("receiver_memory_by_notices", "notices", {1000: 150.0, 10_000: 251.0, MILLION: 220.0}),
    )
    assert said["most memory of a node over a million notices, MB"] == ("251", "**falls short**: [why](#why)")


def test_flat_is_judged_by_the_exponent():
    flat = GOALS["notice by its id, exponent of its growth with notices"]
    assert flat.is_reached(flat.measure(results())[0])
    page_goal = GOALS["page of a list, exponent of its growth with notices"]
    growing = results(series("list_newest_by_notices", "notices", {1000: 1.0, 100_000: 10.0}))
    assert page_goal.measure(growing)[0] == pytest.approx(0.5)
    assert not page_goal.is_reached(0.5)


@pytest.mark.parametrize(
    ("value", "told"),
    [(1263.4, "1,263"), (99.94, "99.9"), (10, "10.0"), (0.312, "0.31"), (0.0123, "0.012"), (0, "0"), (-0.2, "-0.20")],
)
def test_a_figure_has_no_more_digits_than_were_measured(value: float, told: str):
    assert number(value) == told
