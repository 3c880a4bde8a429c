"""What ``gateway doctor`` asks a node that runs, by its metrics: what is in its memory alone."""

import http.client
from collections.abc import Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

from gateway.cli.findings.doctor_network import bindable, split
from gateway.cli.findings.findings import Finding, Level, Remedy, Subject, sh
from gateway.metrics import table

TIMEOUT_SECONDS = 5
MAX_PAGE_BYTES = 64 * 2**20  # that of a node with hundreds of peers has some MiB
FULL_PART = 0.8  # of what may wait to be written

Values = Mapping[str, list[tuple[Mapping[str, str], float]]]
"""Each metric's samples."""


def metrics(subject: Subject) -> Iterator[Finding]:
    """The page of metrics: its port, and what it says of alarms, the queue, and commits that fail."""
    address = subject.home.config.metrics.listen
    if not address:
        yield Finding(Level.OK, "metrics", "not served: [metrics] in config.toml names no address")
        return
    host, port = split(address)
    try:
        page = _page(host.strip("[]"), port)
    except ConnectionRefusedError:
        yield bindable(subject, f"metrics {address}", host, port)
        return
    except (OSError, http.client.HTTPException, ValueError) as error:
        remedy = Remedy("look what answers there, and stop it or the node", f"ss -ltnp 'sport = :{port}'")
        yield Finding(Level.FAIL, "metrics", f"{address} answers with something else ({error})", remedy)
        return
    yield Finding(Level.OK, "metrics", f"{address}: this node answers")
    yield from _told(subject, _values(page))


def _told(subject: Subject, values: Values) -> Iterator[Finding]:
    config = subject.home.config_file
    for labels, _ in values.get(table.ALARM.name, ()):
        todo = "the node's log and gateway status tell its detail; this list tells of its files"
        yield Finding(Level.FAIL, "alarms", labels["about"], Remedy(todo, "journalctl --grep alarm_raised"))
    waiting, limit = _sum(values, table.QUEUE_WEIGHT.name), _sum(values, table.QUEUE_LIMIT.name)
    said = f"{waiting:.0f} of {limit:.0f} places of the writer's queue are taken"
    if limit and waiting > FULL_PART * limit:
        todo = "commits are too slow for what comes: look at the disk, then bound the client that sends so much"
        yield Finding(Level.FAIL, "queue", said, Remedy(todo, f"iostat -x 5; $EDITOR {sh(config)}"))
    else:
        yield Finding(Level.OK, "queue", said)
    if any(value == 0 for _, value in values.get(table.CAN_WRITE.name, ())):
        todo = "every call is answered UNAVAILABLE; the error in the log's commit_failed tells what the database says"
        said = "the node cannot write: its newest commit failed"
        yield Finding(Level.FAIL, "queue", said, Remedy(todo, "journalctl --grep commit_failed -n 1"))
    elif failed := _sum(values, table.COMMIT_FAILURES.name):
        todo = "look at the disk or the database server; callers were told UNAVAILABLE and try again"
        said = f"commits that failed since the node began: {failed:.0f}"
        yield Finding(Level.WARN, "queue", said, Remedy(todo, f"df -h {sh(subject.home.path)}"))


def _page(host: str, port: int) -> str:
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        page = answer.read(MAX_PAGE_BYTES).decode()
    finally:
        connection.close()
    if answer.status != http.client.OK or table.BUILD_INFO.name not in page:
        raise ValueError(f"HTTP {answer.status}")
    return page


def _values(page: str) -> Values:
    found: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def _sum(values: Values, name: str) -> float:
    return sum(value for _, value in values.get(name, ()))
