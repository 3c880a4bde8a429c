"""``make bench``: nodes beside their floors, in one run.

A whole run writes the tables and plots of docs/performance.md. ``--quick`` measures less and writes nothing,
``--million`` measures logs of up to a million notices too, ``--only PART...`` measures some of it, ``--json FILE``
keeps what was found.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from tests.benchmarks import by_load, floors, frameworks, machine, page, profile
from tests.benchmarks.by_notices import by_notices
from tests.benchmarks.by_peers import by_peers
from tests.benchmarks.forms import MESSAGE_BYTES, QUICK, WHOLE, Form
from tests.benchmarks.results import Results, Series
from tests.benchmarks.sites import all_running, founded

PARTS = ("callers", "bytes", "peers", "notices", "frameworks", "profile")
PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


@dataclass
class Bench:
    """One run, as it goes on."""

    form: Form
    folder: Path
    acts: dict[str, float] = field(default_factory=dict)
    series: list[Series] = field(default_factory=list)
    facts: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, dict[str, float]] = field(default_factory=dict)

    def measure(self, parts: Sequence[str]) -> None:
        self.acts = floors.acts(self.folder, MESSAGE_BYTES, self.form.seconds)
        for part in parts:
            _say(part)
            getattr(self, part)()

    def callers(self) -> None:
        hk, (kr,) = founded(self.folder / "callers")
        with all_running([hk, kr]), floors.echo_server(hk) as echo:
            self.series += uvloop.run(by_load.by_callers(hk, kr, echo, self.form, self.acts))

    def bytes(self) -> None:
        hk, (kr,) = founded(self.folder / "bytes")
        with all_running([hk, kr]), floors.echo_server(hk) as echo:
            self.series += uvloop.run(by_load.by_bytes(hk, kr, echo, self.form, self.folder))
            self.refused |= uvloop.run(by_load.refused(hk))

    def peers(self) -> None:
        hk, peers = founded(self.folder / "peers", max(self.form.peers))
        with all_running([hk, *peers]), floors.echo_server(hk) as echo:
            self.series += uvloop.run(by_peers(hk, peers, echo, self.form, self.acts))

    def notices(self) -> None:
        self.series += by_notices(self.folder / "notices", self.form, self.acts)

    def frameworks(self) -> None:
        hk, (kr,) = founded(self.folder / "frameworks")
        with all_running([hk, kr]):
            self.facts |= uvloop.run(frameworks.measure(hk, kr, self.form.provisions))

    def profile(self) -> None:
        for load in self.form.profiled:
            self.profiles |= profile.by_part(self.folder / f"profile-{load}", load, self.form.profile_share)


def bench(form: Form, parts: Sequence[str]) -> Results:
    """Measures these parts."""
    known = machine.facts()
    with tempfile.TemporaryDirectory() as folder:
        run = Bench(form, Path(folder))
        run.measure(parts)
    name = form.name if set(parts) == set(PARTS) else f"{form.name}, {', '.join(parts)} alone"
    return Results(name, known, run.acts, run.series, run.facts, run.refused, run.profiles)


def main(arguments: Sequence[str]) -> None:
    options = _parser().parse_args(arguments)
    form = QUICK if options.quick else WHOLE
    parts = options.only or PARTS
    results = bench(form.with_million() if options.million else form, parts)
    sys.stdout.write(page.plain(results))
    if options.json:
        options.json.write_text(results.encode())
    if options.page or (form is WHOLE and parts is PARTS):
        page.write(options.page or PAGE, results)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less of everything: under a minute")
    parser.add_argument("--million", action="store_true", help="fill a log with a million notices, which takes minutes")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, metavar="PART", help=f"measure these alone: {', '.join(PARTS)}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found to this file")
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help="write tables and plots there, not to docs/performance.md"
    )
    return parser


def _say(part: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {part}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
