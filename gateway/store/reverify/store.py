"""Verifies a whole store from what is stored, the parties' public keys, and the published formats.

It shares no code with what writes: hashing, notes, signatures and the meaning of envelopes are told once more, and
more naively, in this package; from ``supervision`` come only the rules on one envelope's content. What no log can
prove is not verified: the wording of events for people, their times, and which requests were made and forgotten.
"""

from collections.abc import Mapping

from regulator.exchange.v1.envelope_pb2 import Envelope
from sqlalchemy import Connection, RowMapping, func, select

from gateway.errors import NotFound
from gateway.identity.pairing.parties import Parties
from gateway.store.reverify.attachments import AttachmentCheck
from gateway.store.reverify.channels import ChannelCheck, VerifiedChannel
from gateway.store.reverify.destruction import check_destroyed
from gateway.store.reverify.drafts import DraftCheck, is_approved_by_its_author
from gateway.store.reverify.drafts_fold import DraftsFold
from gateway.store.reverify.endings import Endings, check_endings
from gateway.store.reverify.events import EventCheck, check_cursors
from gateway.store.reverify.files import check_file
from gateway.store.reverify.fold import envelopes, fold
from gateway.store.reverify.frameworks import FrameworksCheck
from gateway.store.reverify.journal import JournalCheck
from gateway.store.reverify.notices import NoticeCheck, check_requests
from gateway.store.reverify.report import MAX_FINDINGS, Findings, Report
from gateway.store.reverify.seals import SealCheck, SealedChannel
from gateway.store.reverify.seen import Seen, check_commits
from gateway.store.reverify.sharing import check_sharing
from gateway.store.tables import JOURNAL, channels, events, forks, halt_evidence, heads, leaves, node, subtrees

SALT_BYTES = 16
NOTHING = Seen()


def verify_store(connection: Connection, parties: Parties, seen: Seen = NOTHING) -> Report:
    """Verifies everything; needs nothing but reading.

    Args:
        connection: in one snapshot of what is committed
        parties: this node and its peers, with the public keys of their seals
        seen: how far this node saw the database before
    """
    findings = Findings()
    check_file(connection, findings)
    _check_owner(connection, parties, findings)
    acts, endings = DraftsFold(), Endings()
    journal = JournalCheck(connection, parties.own, seen, (acts.take, endings.take), findings).run()
    verified = _check_channels(connection, parties, seen, findings)
    check_endings(connection, [each.origin for each in verified], endings, findings)
    for channel in verified:
        if channel.outgoing:
            _check_own(connection, channel, findings)
    rows = _check_projections(connection, verified, parties, acts, findings)
    counts, found = tuple(each.count() for each in verified), tuple(findings.found)
    unused = tuple(findings.unused[:MAX_FINDINGS])
    return Report(
        journal, counts, rows, found, findings.left_out, unused, tuple(findings.unproven), tuple(findings.lost)
    )


def _check_owner(connection: Connection, parties: Parties, findings: Findings) -> None:
    own = parties.own
    found = connection.execute(select(node.c.jurisdiction, node.c.domain)).all()
    if [tuple(row) for row in found] != [(own.jurisdiction, own.domain)]:
        findings.add("node", f"names {[tuple(row) for row in found]}", f"{own.jurisdiction} {own.domain}")


def _check_channels(connection: Connection, parties: Parties, seen: Seen, findings: Findings) -> list[VerifiedChannel]:
    them = select(channels).where(channels.c.id != JOURNAL).order_by(channels.c.id)
    stored = connection.execute(them).mappings().all()
    verified = [found for row in stored if (found := _check_channel(connection, row, parties, seen, findings))]
    known = [row["id"] for row in stored]
    origins = [f"{parties.own.domain}/journal", *(row["origin"] for row in stored)]
    check_commits(connection, seen, origins, findings)
    for table in (leaves, subtrees, heads, halt_evidence, forks, events):
        logs = [*known, JOURNAL] if table in (leaves, subtrees, heads) else known
        lost = connection.scalar(select(func.count()).where(table.c.channel.is_not(None), table.c.channel.not_in(logs)))
        if lost:
            findings.add(table.name, f"has {lost} rows of channels that are not there")
    return verified


def _check_channel(
    connection: Connection, row: RowMapping, parties: Parties, seen: Seen, findings: Findings
) -> VerifiedChannel | None:
    try:
        ends = parties.channel(row["origin"])
    except NotFound:
        findings.add(f"channels {row['origin']}", "is of no peer that is paired", "keys to verify it with")
        return None
    return ChannelCheck(connection, row, ends, outgoing=ends[0] is parties.own, seen=seen, findings=findings).run()


def _check_own(connection: Connection, channel: VerifiedChannel, findings: Findings) -> None:
    """What this node sealed names its channel and two who are not one, and has a salt of its own.

    Memory: 16 bytes an envelope, and a set's.
    """
    salts: set[bytes] = set()
    for index, envelope in envelopes(connection, channel):
        if index in channel.destroyed:
            continue
        where, sealed = f"leaves {channel.origin} {index}", envelope or Envelope()
        if sealed.origin != channel.origin:
            findings.add(where, f"is sealed for {sealed.origin!r}", channel.origin)
        if len(sealed.salt) != SALT_BYTES or sealed.salt in salts:
            findings.add(where, "has a salt that is too short, or not its own", f"{SALT_BYTES} random bytes")
        salts.add(sealed.salt)
        if is_approved_by_its_author(sealed):
            findings.add(where, "is approved by its author, or by another authority")


def _check_projections(
    connection: Connection, verified: list[VerifiedChannel], parties: Parties, acts: DraftsFold, findings: Findings
) -> Mapping[str, int]:
    meaning = fold(connection, verified)
    findings.unused += meaning.unused
    of_notices = NoticeCheck(connection, verified, meaning, findings).run()
    frameworks = FrameworksCheck(connection, verified, meaning.frameworks, findings).run()
    check_destroyed(connection, verified, meaning, findings)
    drafts = DraftCheck(connection, meaning, acts.histories, findings)
    counts = drafts.run()
    for channel in verified:
        EventCheck(connection, channel, meaning, findings).run()
    files = AttachmentCheck(connection, verified, meaning, findings).run()
    ids = {channel.origin: channel.id for channel in verified}
    sealed = [_sealed_channel(channel, ids, parties) for channel in verified]
    return {
        "seals": sum(SealCheck(connection, each, meaning.rotations, findings).run() for each in sealed),
        **of_notices,
        "sharing_acts": check_sharing(connection, meaning.sharing, findings),
        **files,
        **frameworks,
        **counts,
        "events": check_cursors(connection, findings),
        "requests": check_requests(connection, meaning, drafts.names, findings),
    }


def _sealed_channel(channel: VerifiedChannel, ids: Mapping[str, int], parties: Parties) -> SealedChannel:
    sender, recipient = parties.channel(channel.origin)
    reverse = ids.get(f"{recipient.domain}/to/{sender.domain}")
    return SealedChannel(channel.id, channel.origin, sender, recipient, reverse)
