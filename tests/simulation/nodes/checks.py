"""What must hold once all faults have stopped and all is quiet: told from the files, past the code of the nodes."""

from collections import Counter
from collections.abc import Iterator, Sequence

from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.ledger.checkpoint import Checkpoint
from gateway.ledger.note import Note
from gateway.questions.notices import _event
from gateway.questions.scopes import scope_of
from gateway.store.database import snapshot
from gateway.store.queries import EventFilter, read_events
from gateway.store.reverify import verify_store
from tests.simulation.nodes.offices import Given, Office, Watcher
from tests.simulation.nodes.site import Site
from tests.simulation.nodes.witness import Witness

_STANDING = """
    SELECT origin, size, halt_reason, (SELECT max(size) FROM heads WHERE channel = id AND receipt_time NOT NULL)
    FROM channels WHERE id > 0
"""

Log = Sequence[tuple[bytes, bytes]]
"""The leaves of a channel: hash and data."""


def is_quiet(sites: Sequence[Site]) -> bool:
    """Whether every channel has arrived, with a receipt for all of it, at both of its ends (G6)."""
    seen: dict[str, set[tuple[int, int]]] = {}
    for site in sites:
        for origin, size, halt, receipted in site.disk.read(_STANDING):
            if halt or (receipted or 0) != size:
                return False
            seen.setdefault(origin, set()).add(size)
    return all(len(sizes) == 1 for sizes in seen.values())


def logs_of(site: Site) -> dict[str, Log]:
    """The channels of a node, by origin."""
    channels = site.disk.read("SELECT id, origin FROM channels WHERE id > 0")
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
        yield from _check_heads(site, witness)
    yield from _check_equal(logs)
    for office in offices:
        yield from _check_office(office, logs)
    for watcher in watchers:
        yield from _check_watcher(watcher)


def _check_store(site: Site) -> Iterator[str]:
    """``gateway check`` finds nothing."""
    with snapshot("sqlite:///node.db", site.disk.folder) as connection:
        report = verify_store(connection, site.parties)
    yield from (f"{site.name}: check: {finding}" for finding in report.findings)


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


def _check_office(office: Office, logs: dict[str, dict[str, Log]]) -> Iterator[str]:
    """Each answered act is sealed once, in order; one without an answer at most once (G1, G4)."""
    site = office.site
    for recipient in site.parties.peers:
        origin = site.parties.origin_to(recipient)
        envelopes = [Envelope.FromString(bytes(data)) for _, data in logs[site.name][origin]]
        released = [each.notice_released for each in envelopes]
        titles = Counter(each.content.title[0].text for each in released if each.content.title)
        names = [each.notice for each in released]
        given = [each for each in office.given if each.recipient == recipient]
        for each in given:
            if not each.is_doubtful and titles[each.title] > 1:
                yield f"{each.title}: sealed {titles[each.title]} times (G4)"
            if each.name and names.count(each.name) != 1:
                yield f"{each.title}: answered as {each.name}, sealed {names.count(each.name)} times (G1)"
        yield from _check_order([each for each in given if each.name], names)
    for kind, acted in (("notice_acknowledged", office.acknowledged), ("notice_withdrawn", office.withdrawn)):
        sealed = Counter(
            getattr(envelope, kind).notice
            for log in logs[site.name].values()
            for _, data in log
            if (envelope := Envelope.FromString(bytes(data))).HasField(kind)
        )
        yield from (
            f"{kind} of {each}: sealed {sealed[f'notices/{each}']} times"
            for each in acted
            if sealed[f"notices/{each}"] != 1
        )


def _check_order(given: Sequence[Given], names: Sequence[str]) -> Iterator[str]:
    places = [names.index(each.name) for each in given if each.name in names]
    if places != sorted(places):
        yield f"{[each.title for each in given]}: sealed in another order (G4)"


def _check_watcher(watcher: Watcher) -> Iterator[str]:
    """It was told each event once, in order (G4)."""
    with snapshot("sqlite:///node.db", watcher.site.disk.folder) as connection:
        views = read_events(connection, scope_of(watcher.caller), 0, 100_000, EventFilter())
    wanted = [_event(view, "").SerializeToString(deterministic=True) for view in views]
    if watcher.seen != wanted:
        told = f"{len(watcher.seen)} events of {len(wanted)}"
        yield f"the watcher of {watcher.site.name} was told {told}, or in another order (G4)"
