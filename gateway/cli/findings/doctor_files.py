"""What ``gateway doctor`` finds of files: what they take, and of each notice that waits for long, what holds it up."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from gateway.cli.findings.channels import STUCK_SECONDS
from gateway.cli.findings.files import FULL_PART, NOT_SENT, NOT_TAKEN, NOT_WANTED, QUOTA
from gateway.cli.findings.findings import Finding, Level, Remedy, Subject, sh
from gateway.cli.output import size_said
from gateway.errors import BadInput, NoRoom
from gateway.home.pairing import ended_peers
from gateway.moments import DAY_MICROS, MICROS, datetime_of
from gateway.node.files import quotas_of, room_of
from gateway.store.attachments.standing import Lacking, read_lacking, read_room
from gateway.store.database import snapshot
from gateway.supervision.attachments import Owner, Totals
from gateway.words import so_many

MOST = 20  # files that are told, the oldest first

LOST = (
    "this node, which sent it, does not have all of it any more: if the peer holds it, it comes back by itself; else "
    "its authority must upload it again"
)


def files(subject: Subject) -> Iterator[Finding]:
    """Quotas, and files that do not move."""
    home, before = subject.home, subject.now - timedelta(seconds=STUCK_SECONDS)
    with snapshot(home.config.database.url, home.path) as connection:
        totals, reusable = read_room(connection)
        found = read_lacking(connection, int(before.timestamp()) * MICROS, MOST + 1)
    ended = ended_peers(home)
    found = [each for each in found if each.peer not in ended]
    yield from _quotas(subject, totals)
    owed, room = sum(each.owed_bytes for each in totals.values()), room_of(home)
    for each in islice(found, MOST):
        kept = totals.get(Owner(peer=each.peer), Totals())
        asked = partial(room.require, kept=kept, owed_bytes=owed, reusable_bytes=reusable)
        yield _stuck(subject, each, asked)
    if len(found) > MOST:
        remedy = Remedy("these are the oldest; once they move, look again", f"gateway doctor {sh(home.path)}")
        yield Finding(Level.WARN, "files", "more files wait", remedy)
    if not found:
        yield Finding(Level.OK, "files", "no notice waits for a file that does not move")


def _quotas(subject: Subject, totals: Mapping[Owner, Totals]) -> Iterator[Finding]:
    home, peers = subject.home, [each.jurisdiction for each in subject.home.peer_documents()]
    quotas = quotas_of(room_of(home), home.config.node.authorities, peers)
    for owner, taken in totals.items():
        quota, count = quotas.get(owner, 0), taken.whole_files + taken.coming_files
        room = f"{size_said(taken.kept_bytes)} of {size_said(quota)}"
        said = f"{owner.authority or owner.peer}: {so_many(count, 'file')}, {room}"
        if taken.kept_bytes > FULL_PART * quota:
            yield Finding(Level.WARN, "files", said, Remedy(QUOTA, f"$EDITOR {sh(home.config_file)}"))
        elif count:
            yield Finding(Level.OK, "files", said)


def _stuck(subject: Subject, file: Lacking, require_room: Callable[[Owner, int], None]) -> Finding:
    """Says what holds up a file of a notice; whether there is room is asked as the node asks it."""
    home = subject.home
    said = f"{file.notice}: a file of {size_said(file.size_bytes)}"
    if file.is_outgoing:
        if file.is_whole:
            said = f"{said} waits since {_at(file.since)} for {file.peer} to hold it"
            return Finding(Level.WARN, "files", said, Remedy(NOT_WANTED, f"gateway pair list {sh(home.path)}"))
        return Finding(Level.FAIL, "files", f"{said} is not here", Remedy(LOST, f"gateway check {sh(home.path)}"))
    if file.is_whole:
        todo = "the channel to the peer must be open, and the node run: the peer is then told that all is here"
        remedy = Remedy(todo, f"gateway doctor {sh(home.path)}")
        return Finding(Level.WARN, "files", f"{said} is here, and {file.peer} was not told so", remedy)
    if file.number is None:
        try:
            require_room(Owner(peer=file.peer), file.size_bytes)
        except (NoRoom, BadInput) as error:
            said = f"{said} is not taken: {error.message}"
            return Finding(Level.FAIL, "files", said, Remedy(NOT_TAKEN, f"$EDITOR {sh(home.config_file)}"))
    here = f"{size_said(file.stored_bytes)} are here, the last since {_at(file.touched_at or file.since)}"
    if file.touched_at is not None:
        days = home.config.attachments.unfinished_days
        end = _at(file.touched_at + days * DAY_MICROS)
        here += f", and are let go of at {end} if no more come: unfinished_days = {days}"
    remedy = Remedy(NOT_SENT, f"gateway pair list {sh(home.path)}")
    return Finding(Level.WARN, "files", f"{said} waits for {file.peer} to send it: {here}", remedy)


def _at(micros: int) -> str:
    moment: datetime = datetime_of(micros)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
