"""Runs schedules of whole nodes: ``python -m tests.simulation --seeds 0-1000000 --workers 2``.

A failure prints its seed, the commit, and the command that runs that schedule again; ``--trace`` prints every step.
"""

# ruff: noqa: T201 - this prints

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

from tests.simulation.nodes.faults import Faults
from tests.simulation.nodes.world import Outcome, World, run_seed, simulating
from tests.support.garbage import look_for_garbage_rarely

AT_ONCE = 20  # schedules that a worker runs before it tells
REPORT_SECONDS = 60


def main() -> int:
    """Runs what is asked for; 1: something did not hold."""
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets of texts is part of a schedule
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            os.environ | {"PYTHONHASHSEED": "0"},
        )
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", default="0-1000", help="one, or a range: 7, 0-1000000 (the end is not run)")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="to end after, if not all are run before")
    parser.add_argument("--only", default="", help="kinds of faults, such as roll_back,kill; else all are drawn from")
    parser.add_argument("--replicas", action="store_true", help="in each, one node is two replicas on PostgreSQL")
    parser.add_argument("--joins", action="store_true", help="in each with three nodes, the third is paired late")
    parser.add_argument("--trace", action="store_true", help="print every step")
    asked = parser.parse_args()
    first, _, end = asked.seeds.partition("-")
    seeds = range(int(first), int(end or int(first) + 1))
    Faults.only = tuple(filter(None, asked.only.split(",")))
    World.replicates, World.joins = asked.replicas, asked.joins
    if asked.trace:
        World.on_step = lambda _world, *step: print(*step)
    return run(seeds, asked.workers, asked.seconds)


def run(seeds: range, workers: int, seconds: float) -> int:
    """Runs schedules, and tells what did not hold, and how many were run."""
    done, counts, failed = 0, Counter[str](), 0
    began = told = time.monotonic()
    for outcome in outcomes(seeds, workers, began + seconds):
        done, counts = done + 1, counts + outcome.counts
        if outcome.wrong:
            failed += 1
            print(told_of(outcome), flush=True)
        if time.monotonic() > told + REPORT_SECONDS:
            told = time.monotonic()
            print(f"{done} schedules, {failed} failed, {done / (told - began):.1f} a second", flush=True)
    took = time.monotonic() - began
    print(f"{done} schedules, {failed} failed, {done / took:.1f} a second on {workers} workers; commit {commit()}")
    print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    return int(failed > 0)


def outcomes(seeds: range, workers: int, end: float) -> Iterator[Outcome]:
    """Of each schedule, as they are done."""
    look_for_garbage_rarely()  # the workers, too: they are forked from here
    if workers == 1:
        with simulating() as folder:
            for seed in seeds:
                if time.monotonic() > end:
                    return
                yield run_seed(seed, folder)
        return
    parts = iter([seeds[start : start + AT_ONCE] for start in range(0, len(seeds), AT_ONCE)])
    with ProcessPoolExecutor(workers) as pool:
        running = [pool.submit(run_part, part) for part in islice(parts, 2 * workers)]
        while running:
            yield from running.pop(0).result()
            if time.monotonic() < end and (part := next(parts, None)):
                running.append(pool.submit(run_part, part))


def run_part(seeds: range) -> list[Outcome]:
    """In a process of the pool."""
    with simulating() as folder:
        return [run_seed(seed, folder) for seed in seeds]


def told_of(outcome: Outcome) -> str:
    """What did not hold, and how it is seen again."""
    wrong = "\n  ".join(outcome.wrong[:10])
    command = f"python -m tests.simulation --seeds {outcome.seed}"
    if Faults.only:
        command += f" --only {','.join(Faults.only)}"
    if World.replicates:
        command += " --replicas"
    if World.joins:
        command += " --joins"
    return f"seed {outcome.seed} at commit {commit()}: {command}\n  {wrong}"


def commit() -> str:
    """Of the code that runs."""
    asked = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
