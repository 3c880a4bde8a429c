"""``make profile``: where the processor's time of both nodes goes, a notice, under the loads of the benchmarks.

``--plain`` counts only how much each uses, without samples, which cost something themselves: for comparing one state of
the code with another. Each figure is the lowest and the median of ``--rounds``.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path

import uvloop

from tests.benchmarks import measures
from tests.benchmarks.forms import CALLERS, MESSAGE_BYTES
from tests.benchmarks.load import Calls
from tests.benchmarks.processor import MAIN, used_micros
from tests.support.nodes import Site, eventually, found_pair, running

Load = Callable[[Site, int], Awaitable[object]]

LOADS: Mapping[str, tuple[int, Load]] = {
    "unary": (4_000, lambda site, count: measures.creates(site, MESSAGE_BYTES, CALLERS, Calls(count))),
    "bulk": (20_000, lambda site, count: measures.bulk(site, MESSAGE_BYTES, count)),
    "alone": (300, lambda site, count: measures.create_to_receipt(site, MESSAGE_BYTES, 1, Calls(count))),
}

PARTS: Mapping[str, tuple[str, ...]] = {
    "gRPC and the loop": ("gateway/cli/serve.py",),
    "journal: records, names": ("gateway/journal/", "gateway/rpc/journaling.py", "gateway/supervision/event_names.py"),
    "journal: its log": ("gateway/store/journal/log.py",),
    "guard: admission, limits, reading": (
        "gateway/rpc/",
        "gateway/identity/access/access.py",
        "gateway/identity/certificates/tls_trust.py",
    ),
    "field rules": tuple(f"gateway/supervision/rules/{name}.py" for name in ("compiled", "fields", "extent")),
    "rules on values": ("gateway/supervision/rules/", "gateway/supervision/notices/handling.py"),
    "requests": ("gateway/supervision/acts/submissions.py", "gateway/supervision/disclosure.py", "gateway/commands/"),
    "envelopes and projection": ("gateway/supervision/",),
    "units of work": ("gateway/store/transaction.py", "gateway/store/projecting.py", "gateway/store/changes.py"),
    "rows and statements": ("gateway/store/writing.py", "gateway/store/prepared.py", "gateway/store/rows.py"),
    "groups, waiting for a commit": ("gateway/store/committer.py", "gateway/store/writer_session.py"),
    "store: the rest": ("gateway/store/",),
    "hashes, signatures, notes": ("gateway/ledger/", "gateway/identity/seals/signers.py"),
    "link and carrier": (
        "gateway/link/link.py",
        "gateway/link/dialler.py",
        "gateway/link/dialling.py",
        "gateway/carrier.py",
    ),
    "the rest": ("",),
}
"""By the innermost frame of ours; the first part that fits has it. What gRPC and the loop do lies below ``serve``."""


def part_of(frame: str) -> str:
    return next(part for part, prefixes in PARTS.items() if frame.startswith(prefixes))


def innermost_of_ours(stack: str) -> str:
    return next((frame for frame in reversed(stack.split(";")) if frame.startswith("gateway/")), stack)


@contextmanager
def sampled(*sites: Site) -> Iterator[None]:
    for site in sites:
        os.kill(site.pid, signal.SIGUSR1)
    yield
    for site in sites:
        os.kill(site.pid, signal.SIGUSR1)
        eventually(stacks_file(site).exists)


def stacks_file(site: Site) -> Path:
    return site.path / "stacks.txt"


async def one_load(
    sites: tuple[Site, Site],
    name: str,
    during: Callable[[], AbstractContextManager[None]] = nullcontext,
    share: float = 1,
) -> dict[str, Counter[str]]:
    """Microseconds a notice, by node and thread; "load": of this process. ``share``: of the notices of the load."""
    whole, load = LOADS[name]
    count = int(whole * share)
    await load(sites[0], max(200, count // 20))  # warms up
    await measures.settle(sites[0])
    before, began = [used_micros(site.pid) for site in sites], time.process_time()
    with during():
        await load(sites[0], count)
        await measures.settle(sites[0])
    own = Counter({MAIN: int((time.process_time() - began) * 1e6)})
    used = {site.jurisdiction: used_micros(site.pid) - past for site, past in zip(sites, before, strict=True)}
    return {
        node: Counter({thread: micros // count for thread, micros in of.items()})
        for node, of in {**used, "load": own}.items()
    }


def plain(name: str, rounds: int) -> None:
    totals: dict[str, list[int]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            sites = found_pair(Path(folder))
            with running(*sites):
                for node, threads in uvloop.run(one_load(sites, name)).items():
                    totals.setdefault(node, []).append(threads.total())
                    totals.setdefault(f"{node} {MAIN}", []).append(threads[MAIN])
    for node, figures in totals.items():
        sys.stdout.write(f"{name:<8} {node:<20} {min(figures):>6} {statistics.median(figures):>8.0f}\n")


def run_sampled(folder: Path, name: str, share: float = 1) -> tuple[tuple[Site, Site], dict[str, Counter[str]]]:
    """Two nodes whose stacks were written as a load ran, and what ``one_load`` tells of it."""
    sites = found_pair(folder)
    for site in sites:
        site.program = ("tests.benchmarks.sampler", str(stacks_file(site)))
    with running(*sites):
        return sites, uvloop.run(one_load(sites, name, partial(sampled, *sites), share))


def by_part(folder: Path, name: str, share: float) -> dict[str, dict[str, float]]:
    """Microseconds a notice of both nodes: of the main thread by part of the path, and of the other threads."""
    sites, used = run_sampled(folder, name, share)
    found = {}
    for site, role in zip(sites, ("sender", "receiver"), strict=True):
        threads, (parts, _) = used[site.jurisdiction], counted(stacks_file(site))
        shares = {part: parts[part] / parts.total() * threads[MAIN] for part in PARTS if parts[part]}
        found[f"{name}, {role}"] = shares | {"other threads": float(threads.total() - threads[MAIN])}
    return found


def with_samples(name: str, top: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sites, used = run_sampled(Path(folder), name)
        for site in sites:
            of_main = used[site.jurisdiction][MAIN]
            show(
                f"{name}, {site.jurisdiction}: {of_main} us a notice on its main thread",
                stacks_file(site),
                of_main,
                top,
            )
        for node, threads in used.items():
            told = ", ".join(f"{thread} {micros}" for thread, micros in threads.most_common() if micros)
            sys.stdout.write(f"{node}: {threads.total()} us a notice: {told}\n")


def counted(stacks: Path) -> tuple[Counter[str], Counter[str]]:
    """Microseconds by part of the path, and by function."""
    parts, functions = Counter[str](), Counter[str]()
    for line in stacks.read_text().splitlines():
        micros, _, stack = line.partition(" ")
        frame = innermost_of_ours(stack)
        parts[part_of(frame)] += int(micros)
        functions[frame] += int(micros)
    return parts, functions


def show(title: str, stacks: Path, micros_a_notice: int, top: int) -> None:
    parts, functions = counted(stacks)
    sys.stdout.write(f"\n{title}\n")
    for counts in (parts, functions):
        for name, micros in counts.most_common(top):
            share = micros / parts.total()
            sys.stdout.write(f"  {share * micros_a_notice:>7.1f} us {share:>6.1%}  {name}\n")
        sys.stdout.write("\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--top", type=int, default=25, help="functions of ours to list")
    parser.add_argument("loads", nargs="*", default=["unary", "bulk"])
    arguments = parser.parse_args()
    for name in arguments.loads:
        if arguments.plain:
            plain(name, arguments.rounds)
        else:
            with_samples(name, arguments.top)


if __name__ == "__main__":
    main()
