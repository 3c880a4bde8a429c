"""Breaks the code on purpose, one invariant at a time, and runs the test that must find it.

    python -m tests.mutations [PART OF A NAME ...]

Each is applied in a copy of the tree. First all finders run there on the code as it is, and must pass.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.mutations.mutation import Mutation
from tests.mutations.table import MUTATIONS

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "demo-home", "build", "dist")
FOUND, PASSED = 1, 0  # exit codes of pytest; any other one says that it could not run the test
FINDER_SECONDS = 600


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the tree, to be broken."""
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        yield copy


@contextmanager
def applied(mutation: Mutation, tree: Path) -> Iterator[None]:
    """The tree with one invariant broken; whole again afterwards."""
    path = tree / mutation.file
    text = path.read_text()
    assert text.count(mutation.old) == 1, f"{mutation.file} has this text {text.count(mutation.old)} times"
    path.write_text(text.replace(mutation.old, mutation.new))
    try:
        yield
    finally:
        path.write_text(text)


def run(tree: Path, *tests: str) -> "subprocess.CompletedProcess[str]":
    """Runs tests in a tree, on its own code alone."""
    environment = os.environ | {
        "PYTHONPATH": f"{tree}:{tree / 'clients/python/src'}",
        "PYTHONDONTWRITEBYTECODE": "1",  # what is compiled is told from its source by whole seconds
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=FINDER_SECONDS
    )


def is_found(mutation: Mutation, tree: Path) -> bool:
    """Whether its finder fails, and not for another reason than that it ran and failed."""
    with applied(mutation, tree):
        done = run(tree, mutation.finder)
    if done.returncode not in (FOUND, PASSED):
        sys.exit(f"{mutation.finder} could not be run:\n{done.stdout}{done.stderr}")
    return done.returncode == FOUND


def chosen_by(arguments: Sequence[str]) -> Sequence[Mutation]:
    """The mutations whose description has one of the words, or all. Words that choose none are an error."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__, formatter_class=form)
    parser.add_argument("words", nargs="*", metavar="PART OF A NAME", help="of those to try; none: all are tried")
    words = parser.parse_args(arguments).words
    chosen = [each for each in MUTATIONS if not words or any(word in each.what for word in words)]
    if not chosen:  # pytest without a finder would run the whole suite
        parser.error(f"no mutation is named like that: {', '.join(words)}")
    return chosen


def main(arguments: Sequence[str]) -> int:
    """Tries what is asked for; gives how many were not found."""
    chosen = chosen_by(arguments)
    with copied() as tree:
        before = run(tree, *dict.fromkeys(each.finder for each in chosen))
        if before.returncode != PASSED:
            sys.exit(f"the finders do not pass on the code as it is:\n{before.stdout}")
        missed = 0
        for mutation in chosen:
            found = is_found(mutation, tree)
            missed += not found
            print(f"{'found' if found else 'NOT FOUND':10} {mutation.what}", flush=True)  # noqa: T201 - it is a program
    print(f"{len(chosen) - missed} of {len(chosen)} found")  # noqa: T201
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
