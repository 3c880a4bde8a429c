"""The rules and queries of docs/observability, as Prometheus's own grammar reads them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from gateway.metrics.table import METRICS, Kind

FOLDER = Path(__file__).parents[2] / "docs" / "observability"
OF_THE_CLIENT = {  # metrics that every Prometheus client has, and Prometheus itself
    "up",
    "process_start_time_seconds",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
}
OF_A_TARGET = {"job", "instance"}  # labels that a scrape adds


@dataclass(frozen=True)
class Alert:
    """One rule."""

    name: str
    expr: str
    lasting: str  # as it stands in the file; empty: at once
    severity: str
    summary: str
    todo: str


def alerts() -> list[Alert]:
    rules = [
        rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
    ]
    return [
        Alert(
            rule["alert"],
            rule["expr"],
            rule.get("for", ""),
            rule["labels"]["severity"],
            rule["annotations"]["summary"],
            rule["annotations"]["description"],
        )
        for rule in rules
    ]


def dashboard() -> Any:
    return json.loads((FOLDER / "dashboard.json").read_text())


def queries() -> list[str]:
    """Every query of the dashboard, with what Grafana puts in for its variables."""
    panels = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    found = [target["expr"] for panel in panels for target in panel["targets"]]
    found += [each["expr"] for each in dashboard()["annotations"]["list"]]
    return [each.replace("$__rate_interval", "1m").replace("$instance", ".*") for each in found]


def selectors(expr: str) -> Iterator[Any]:
    """Every vector selector of an expression."""
    yield from _within(promql_parser.parse(expr))


def _within(node: Any) -> Iterator[Any]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    elif isinstance(node, promql_parser.MatrixSelector):
        yield node.vector_selector
    else:
        for name in ("lhs", "rhs", "expr", "args", "param"):
            part = getattr(node, name, None)
            for each in part if isinstance(part, list) else [part] if part is not None else []:
                yield from _within(each)


def labels_of(sample: str) -> set[str] | None:
    """The labels of a sample, by the table of metrics; None: there is no such sample."""
    if sample in OF_THE_CLIENT:
        return OF_A_TARGET
    for metric in METRICS:
        if metric.kind is Kind.HISTOGRAM:
            if sample == f"{metric.name}_bucket":
                return {*metric.labels, *OF_A_TARGET, "le"}
            if sample in {f"{metric.name}_sum", f"{metric.name}_count"}:
                return {*metric.labels, *OF_A_TARGET}
        elif sample == metric.name:
            return {*metric.labels, *OF_A_TARGET}
    return None
