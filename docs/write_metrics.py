"""Writes the tables of ``docs/observability.md`` from the metrics that a node has (``gateway.metrics.table``).

``--check FILE`` fails if the table of a Markdown file is out of step with the code, ``--write FILE`` puts it in step.
It stands between ``<!-- metrics -->`` and ``<!-- end of metrics -->``.
"""

import argparse
import re
import sys
from pathlib import Path

from gateway.metrics.table import METRICS, Metric

_BLOCK = re.compile(r"(<!-- metrics -->\n)(.*?)(<!-- end of metrics -->)", re.DOTALL)


def table() -> str:
    """Gives a row for each metric."""
    rows = [("metric", "kind", "labels", "meaning"), ("---",) * 4, *map(_row, METRICS)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(metric: Metric) -> tuple[str, ...]:
    return f"`{metric.name}`", metric.kind, ", ".join(f"`{each}`" for each in metric.labels), metric.meaning


def in_step(text: str) -> str:
    """Gives the text with its table as the code is now.

    Raises:
        ValueError: there is not exactly one place for it.
    """
    found, count = _BLOCK.subn(lambda match: match[1] + table() + match[3], text)
    if count != 1:
        raise ValueError("there must be one place for the table")
    return found


def main() -> None:
    """Runs as ``python docs/write_metrics.py --check FILE | --write FILE``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", type=Path, metavar="FILE", help="fail if the table is not in step")
    what.add_argument("--write", type=Path, metavar="FILE", help="write the table")
    arguments = parser.parse_args()
    if arguments.write:
        arguments.write.write_text(in_step(arguments.write.read_text()))
    elif in_step(arguments.check.read_text()) != arguments.check.read_text():
        sys.exit(f"{arguments.check} is not in step: run python docs/write_metrics.py --write {arguments.check}")


if __name__ == "__main__":
    main()
