"""What must hold once all faults have stopped and all is quiet: told from the files, past the code of the nodes."""

from collections.abc import Iterator, Sequence

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.ledger.checkpoint import Checkpoint
from gateway.ledger.note import Note
from gateway.questions.events import event_message
from gateway.questions.scopes import scope_of
from gateway.store.database import snapshot
from gateway.store.event_queries import EventFilter, read_events
from gateway.store.reverify import verify_store
from tests.simulation.nodes.asking import Keyed
from tests.simulation.nodes.assessing import check_assessments
from tests.simulation.nodes.assisting import check_cases
from tests.simulation.nodes.drafting import check_approvals
from tests.simulation.nodes.offices import Office, Watcher
from tests.simulation.nodes.sealed import kind_of
from tests.simulation.nodes.site import Site
from tests.simulation.nodes.witness import Witness

_STANDING = """
    SELECT origin, size, halt_reason, (SELECT max(size) FROM heads WHERE channel = id AND receipt_time IS NOT NULL)
    FROM channels WHERE id > 0 ORDER BY id
"""

_UNSIGNED = """
    SELECT 1 FROM channels WHERE id = 0 AND size > (SELECT coalesce(max(size), 0) FROM heads WHERE channel = 0)
"""

Log = Sequence[tuple[bytes, bytes]]
"""The leaves of a channel: hash and data."""


def is_quiet(sites: Sequence[Site], some: Sequence[str] = ()) -> bool:
    """Whether every channel, or some, has arrived, with a receipt for all of it, at both of its ends (G6)."""
    seen: dict[str, set[tuple[int, int]]] = {}
    for site in sites:
        for origin, size, halt, receipted in site.disk.read(_STANDING):
            if some and origin not in some:
                continue
            if halt or (receipted or 0) != size:
                return False
            seen.setdefault(origin, set()).add(size)
    return all(len(sizes) == 1 for sizes in seen.values())


def is_told_whole(site: Site) -> bool:
    """Whether its journal is signed to its end, as it is once each replica has taken the seal that is in force."""
    return not site.disk.read(_UNSIGNED)


def logs_of(site: Site) -> dict[str, Log]:
    """The channels of a node, by origin."""
    channels = site.disk.read("SELECT id, origin FROM channels WHERE id > 0 ORDER BY id")
    query = 'SELECT hash, data FROM leaves WHERE channel = ? ORDER BY "index"'
    return {origin: site.disk.read(query, channel) for channel, origin in channels}


def check_all(
    sites: Sequence[Site], offices: Sequence[Office], watchers: Sequence[Watcher], witness: Witness
) -> Iterator[str]:
    """Tells all that does not hold."""
    yield from witness.wrong
    logs = {site.name: logs_of(site) for site in sites}
    for site in sites:
        yield from (f"{site.name}: {defect!r}" for defect in site.defects)
        yield from _check_store(site)
        yield from _check_owners(site)
        yield from _check_heads(site, witness)
        yield from _check_told_days(site)
        yield from _check_alarms(site)
    yield from _check_equal(logs)
    yield from check_cases(sites)
    for site in sites:
        sent = {origin: _keyed(log) for origin, log in logs[site.name].items() if origin.startswith(site.domain)}
        of_site = [office for office in offices if office.site is site]
        for office in of_site:
            yield from office.check(sent)
        yield from check_approvals([office.drafts for office in of_site], sent)
        yield from _check_versions(site, sent)
        yield from check_assessments(sent)
    for watcher in watchers:
        yield from _check_watcher(watcher)


def _keyed(log: Log) -> Keyed:
    return Keyed([Envelope.FromString(data) for _, data in log])


def sealed_by(site: Site) -> Iterator[str]:
    """The kinds of all that a node sealed, and what was under four eyes."""
    for origin, log in logs_of(site).items():
        for envelope in (Envelope.FromString(data) for _, data in log if origin.startswith(site.domain)):
            yield kind_of(envelope)
            if (detail := envelope.notice_released.content.WhichOneof("detail") or "").startswith("assistance"):
                yield detail
            if envelope.HasField("approver"):
                yield "under four eyes"
            if any(each.without_receipt for each in envelope.content_destroyed.envelopes):
                yield "destruction without receipt"


def _check_store(site: Site) -> Iterator[str]:
    """``gateway check`` finds nothing."""
    with snapshot(site.disk.url, site.disk.folder) as connection:
        report = verify_store(connection, site.parties)
    yield from (f"{site.name}: check: {finding}" for finding in report.findings)


def _check_owners(site: Site) -> Iterator[str]:
    """One database is the node's, wherever it was moved."""
    if wrong := site.disk.owned_wrongly():
        yield f"{site.name}: {wrong}"


def _check_heads(site: Site, witness: Witness) -> Iterator[str]:
    """What is stored is what was shown (G2)."""
    notes = site.disk.read("SELECT note FROM heads WHERE channel > 0")
    before = len(witness.wrong)
    for (note,) in notes:
        witness.note(Checkpoint.parse(Note.parse(bytes(note)).text), f"{site.name} holds")
    yield from witness.wrong[before:]


def _check_equal(logs: dict[str, dict[str, Log]]) -> Iterator[str]:
    """Both ends of a channel hold the same (G1)."""
    held: dict[str, list[list[bytes]]] = {}
    for channels in logs.values():
        for origin, log in channels.items():
            held.setdefault(origin, []).append([bytes(hash_) for hash_, _ in log])
    for origin, copies in held.items():
        if len(copies) != 2 or copies[0] != copies[1]:
            yield f"{origin}: the ends hold {[len(copy) for copy in copies]}, not the same (G1)"


def _check_versions(site: Site, sent: dict[str, Keyed]) -> Iterator[str]:
    """A version went to all or to none, but for peers whose pairing had ended, in order; it says the same to each."""
    found: dict[tuple[str, int], list[bytes]] = {}
    for origin, log in sent.items():
        newest: dict[str, int] = {}
        for each in log.envelopes:
            said = each.framework_version_published
            if not said.framework:
                continue
            if said.version != newest.get(said.framework, 0) + 1 and not (site.restored or site.peers_changed):
                yield f"{origin}: version {said.version} of {said.framework} follows on {newest.get(said.framework)}"
            newest[said.framework] = said.version
            found.setdefault((said.framework, said.version), []).append(said.SerializeToString(deterministic=True))
    for version, copies in found.items():
        if len(set(copies)) > 1 or (len(copies) != len(sent) and not (site.restored or site.peers_changed)):
            yield f"{version}: {len(copies)} recipients have it, {len(set(copies))} wordings (G1)"


def _check_alarms(site: Site) -> Iterator[str]:
    """Operators are told of a database that was put back."""
    told = site.disk.read("SELECT detail FROM events WHERE kind = ? AND detail LIKE ?", Event.ALARM, "%lost commits%")
    if site.was_put_back and not told:
        yield f"{site.name}: its database was put back, and no alarm tells of it"


def _check_told_days(site: Site) -> Iterator[str]:
    """Watchers are told of what comes into force once (G4)."""
    told = site.disk.read(
        """SELECT framework, version, provision, count(*) FROM framework_events JOIN events USING (cursor)
        WHERE kind = ? GROUP BY framework, version, provision HAVING count(*) > 1""",
        Event.PROVISION_IN_FORCE,
    )
    yield from (f"{site.name}: told more than once that it came into force: {each} (G4)" for each in told)


def _check_watcher(watcher: Watcher) -> Iterator[str]:
    """It was told each event once, in order (G4)."""
    with snapshot(watcher.site.disk.url, watcher.site.disk.folder) as connection:
        views = read_events(
            connection, scope_of(watcher.caller), 0, 100_000, EventFilter(authority=watcher.caller.authority)
        )
    wanted = [event_message(view, "").SerializeToString(deterministic=True) for view in views]
    if watcher.seen != wanted:
        told = f"{len(watcher.seen)} events of {len(wanted)}"
        yield f"the watcher of {watcher.site.name} was told {told}, or in another order (G4)"
