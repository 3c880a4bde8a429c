"""The state of a node as families of metrics: read on the loop's thread, in a moment."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from platform import python_version

from prometheus_client.core import GaugeMetricFamily

from gateway.alarms import Alarms
from gateway.identity.certificates.lifetimes import Lifetime
from gateway.identity.pairing.parties import Party
from gateway.metrics import table
from gateway.metrics.table import Metric
from gateway.moments import MICROS
from gateway.questions.attachment_standing import AttachmentStanding, Usage
from gateway.questions.links import Links, Movement, movement
from gateway.questions.standing import SOFTWARE_VERSION
from gateway.store.attachments.standing import Awaited
from gateway.store.bulletin import Bulletin
from gateway.store.state import ChannelState
from gateway.store.waiting import MAX_WAITING_WEIGHT
from gateway.supervision.attachments import Totals

SECONDS_A_DAY = 86_400.0

Load = Callable[[], tuple[int, int]]
"""Gives how many calls a listener serves now, and how many of them are streams."""

_Rows = Iterable[tuple[Sequence[str], float]]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the state is.

    Attributes:
        own: which node it is
        bulletin: knows the newest heads, and since when envelopes wait
        waiting_weight: gives what waits to be written
        can_write: tells whether the newest commit was durable
        links: how each channel's stream does
        files: how they stand
        alarms: what needs an operator
        loads: of the listeners, by name
        clock: microseconds since 1970
    """

    own: Party
    bulletin: Bulletin
    waiting_weight: Callable[[], int]
    can_write: Callable[[], bool]
    links: Links
    files: AttachmentStanding
    alarms: Alarms
    loads: Mapping[str, Load]
    clock: Callable[[], int]


def state_families(sources: Sources) -> Iterator[GaugeMetricFamily]:
    """Gives what is in memory."""
    loads = {name: load() for name, load in sources.loads.items()}
    yield _family(table.CALLS_UNDER_WAY, (([name], calls) for name, (calls, _) in loads.items()))
    yield _family(table.STREAMS_OPEN, (([name], streams) for name, (_, streams) in loads.items()))
    yield _family(table.CAN_WRITE, [([], sources.can_write())])
    yield _family(table.QUEUE_WEIGHT, [([], sources.waiting_weight())])
    yield _family(table.QUEUE_LIMIT, [([], MAX_WAITING_WEIGHT)])
    yield from _channel_families(sources)
    journal = sources.bulletin.commit.journal
    yield _family(table.JOURNAL_ENTRIES, [([], journal.log.size)])
    yield _family(table.JOURNAL_UNSIGNED, [([], journal.unsigned)])
    yield _family(table.ALARM, (([each.about], 1) for each in sources.alarms.current()))
    build = [sources.own.jurisdiction, sources.own.domain, SOFTWARE_VERSION, python_version(), version("grpcio")]
    yield _family(table.BUILD_INFO, [(build, 1)])


def _channel_families(sources: Sources) -> Iterator[GaugeMetricFamily]:
    states = {each.name: each for each in sources.bulletin.commit.states.values()}
    yield from _replica_families(states, sources.links)
    yield _family(table.CHANNEL_STATE, _movements(states, sources.links))
    yield _family(table.CHANNEL_ENVELOPES, (([name], each.log.size) for name, each in states.items()))
    yield _family(table.CHANNEL_RECEIPTED, (([name], each.receipted_size) for name, each in states.items()))
    yield _family(table.OLDEST_UNRECEIPTED, _waiting(states, sources))
    yield _family(
        table.LAST_RECEIPT, (([name], each.receipt.time) for name, each in states.items() if each.receipt is not None)
    )


def _replica_families(states: Mapping[str, ChannelState], links: Links) -> Iterator[GaugeMetricFamily]:
    picture, is_alone = links.picture, not links.replica
    yield _family(table.LEASE_HELD, (([name], links.holds(each.id)) for name, each in states.items()))
    counts = {"running": 1 if is_alone else len(picture.running()), "missing": len(picture.missing())}
    yield _family(table.REPLICAS, (([each], count) for each, count in counts.items()))


def _movements(states: Mapping[str, ChannelState], links: Links) -> _Rows:
    for name, state in states.items():
        now = movement(state, links.of(state.origin))
        direction = "outgoing" if state.ends.outgoing else "incoming"
        for each in Movement:
            yield [name, state.ends.peer, direction, each], each is now


def _waiting(states: Mapping[str, ChannelState], sources: Sources) -> _Rows:
    now = sources.clock()
    for name, state in states.items():
        if state.ends.outgoing and not state.ended:
            oldest = sources.bulletin.backlog.oldest(state.origin)
            yield [name], max(0, now - oldest) / MICROS if oldest else 0


def attachment_families(
    usages: Iterable[Usage], awaited: Mapping[int, Awaited], sources: Sources
) -> Iterator[GaugeMetricFamily]:
    """Gives what files take, and which notices wait for theirs."""
    owners = [([each.owner.authority, each.owner.peer], each) for each in usages]
    files = [(labels, _counts(each.totals)) for labels, each in owners]
    sizes = [(labels, _sizes(each.totals)) for labels, each in owners]
    for metric, rows in ((table.ATTACHMENT_FILES, files), (table.ATTACHMENT_BYTES, sizes)):
        yield _family(metric, (([*labels, state], value) for labels, values in rows for state, value in values))
    yield _family(table.ATTACHMENT_QUOTA, ((labels, each.quota_bytes) for labels, each in owners))
    yield from _unattached_families(awaited, sources)


def _unattached_families(awaited: Mapping[int, Awaited], sources: Sources) -> Iterator[GaugeMetricFamily]:
    now, transfers, links = sources.clock(), sources.files.transfers, sources.links
    moving = [each for each in sources.bulletin.commit.states.values() if not each.ended]
    waiting = [(each, awaited.get(each.id)) for each in moving]
    yield _family(table.UNATTACHED_NOTICES, (([each.name], its.notices if its else 0) for each, its in waiting))
    yield _family(table.UNATTACHED_BYTES, (([each.name], its.to_come_bytes if its else 0) for each, its in waiting))
    since = [(each, its.since if its else now) for each, its in waiting]
    idle = [
        (each, transfers.idle_since(each.origin, its) if its else now)
        for each, its in waiting
        if not each.ends.outgoing or links.holds(each.id)
    ]
    for metric, moments in ((table.OLDEST_UNATTACHED, since), (table.FILES_IDLE, idle)):
        yield _family(metric, (([each.name], max(0, now - moment) / MICROS) for each, moment in moments))


def _counts(totals: Totals) -> Sequence[tuple[str, int]]:
    return ("whole", totals.whole_files), ("coming", totals.coming_files)


def _sizes(totals: Totals) -> Sequence[tuple[str, int]]:
    return ("whole", totals.whole_bytes), ("arrived", totals.arrived_bytes), ("expected", totals.owed_bytes)


def certificate_families(lifetimes: Sequence[Lifetime], now: datetime) -> Iterator[GaugeMetricFamily]:
    """Gives how long certificates last, and the lists of revoked ones."""
    named = [([each.purpose, each.subject, each.sha256[:16]], each) for each in lifetimes]
    yield _family(table.CERTIFICATE_DAYS, ((labels, _days(each.window.not_after - now)) for labels, each in named))
    yield _family(table.CERTIFICATE_REVOKED, ((labels, each.revoked) for labels, each in named))
    renewed = ((labels, each.crl_next_update) for labels, each in named)
    yield _family(table.CRL_DAYS, ((labels, _days(until - now)) for labels, until in renewed if until))


def storage_families(sizes: Mapping[str, int], home: Path) -> Iterator[GaugeMetricFamily]:
    """Gives how large the database is, and what room there is for more."""
    yield _family(table.DATABASE_BYTES, (([part], each) for part, each in sizes.items()))
    disk = shutil.disk_usage(home)
    yield _family(table.DISK_BYTES, [([], disk.total)])
    yield _family(table.DISK_FREE, [([], disk.free)])


def unreadable_family(parts: Mapping[str, bool]) -> GaugeMetricFamily:
    """Gives which parts could not be read."""
    return _family(table.UNREADABLE, (([part], is_missing) for part, is_missing in parts.items()))


def _days(left: timedelta) -> float:
    return left.total_seconds() / SECONDS_A_DAY


def _family(metric: Metric, rows: _Rows) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in rows:
        family.add_metric(labels, value)
    return family
