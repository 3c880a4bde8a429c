"""Writes the tables of ``docs/observability.md``: the node's metrics, and the alerts."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from docs.blocks import in_step, run
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


def meant(text: str) -> str:
    """The page with its tables."""
    return in_step(text, {"metrics": _table(metric_rows()), "alerts": _table(alert_rows())})


if __name__ == "__main__":
    run("write_metrics", meant)
