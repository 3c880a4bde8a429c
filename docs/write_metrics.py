"""Writes the tables of ``docs/observability.md``: the node's metrics, and the alerts.

They come from ``gateway.metrics.table`` and ``docs/observability/alerts.yaml``.
``--check FILE`` fails if a table of a Markdown file is out of step, ``--write FILE`` puts them in step. They stand
between ``<!-- metrics -->`` and ``<!-- end of metrics -->``, and the same with alerts.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from gateway.metrics.table import METRICS, Metric

ALERTS = Path(__file__).parent / "observability" / "alerts.yaml"

_LABEL = re.compile(r"\{\{ \$labels\.(\w+) \}\}")
_VALUE = re.compile(r"\{\{ \$value [^}]*\}\}")

Row = Sequence[str]


def metric_rows() -> Iterator[Row]:
    """Gives the table of metrics."""
    yield "metric", "kind", "labels", "meaning"
    for metric in METRICS:
        yield _metric_row(metric)


def _metric_row(metric: Metric) -> Row:
    return f"`{metric.name}`", metric.kind, ", ".join(f"`{each}`" for each in metric.labels), metric.meaning


def alert_rows() -> Iterator[Row]:
    """Gives the table of alerts."""
    yield "alert", "severity", "when", "what it says", "what to do"
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            yield _alert_row(rule)


def _alert_row(rule: dict[str, Any]) -> Row:
    when = f"`{' '.join(rule['expr'].split())}`" + (f" for {rule['for']}" if "for" in rule else "")
    said = _VALUE.sub("N", _LABEL.sub(r"*\1*", rule["annotations"]["summary"]))
    return f"**{rule['alert']}**", rule["labels"]["severity"], when, said, rule["annotations"]["description"]


def _table(rows: Iterator[Row]) -> str:
    heading = next(rows)
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return "".join(f"| {' | '.join(row)} |\n" for row in (heading, ["---"] * len(heading), *escaped))


def in_step(text: str) -> str:
    """Gives the text with its tables as code and rules are now.

    Raises:
        ValueError: there is not exactly one place for each.
    """
    for name, rows in (("metrics", metric_rows()), ("alerts", alert_rows())):
        block = re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- end of {name} -->)", re.DOTALL)
        written = _table(rows)
        text, count = block.subn(lambda match, written=written: match[1] + written + match[3], text)
        if count != 1:
            raise ValueError(f"there must be one place for the {name}")
    return text


def main() -> None:
    """Runs as ``python docs/write_metrics.py --check FILE | --write FILE``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", type=Path, metavar="FILE", help="fail if a table is not in step")
    what.add_argument("--write", type=Path, metavar="FILE", help="write the tables")
    arguments = parser.parse_args()
    if arguments.write:
        arguments.write.write_text(in_step(arguments.write.read_text()))
    elif in_step(arguments.check.read_text()) != arguments.check.read_text():
        sys.exit(f"{arguments.check} is not in step: run python docs/write_metrics.py --write {arguments.check}")


if __name__ == "__main__":
    main()
