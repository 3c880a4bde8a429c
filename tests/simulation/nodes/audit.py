"""What must hold of all that is durable, looked at with each commit of a node and once more at the end.

It reads new envelopes from the file, past the code of the nodes, as soon as they are there.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from google.type.date_pb2 import Date
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.sharing_pb2 import ContentShared, SharingDecided, ThirdParty
from regulator.exchange.v1.values_pb2 import Handling

from tests.simulation.nodes.sealed import Key, key_of, kind_of, mark_of
from tests.simulation.nodes.site import Site

_NEW = 'SELECT data FROM leaves WHERE channel = ? AND "index" >= ? ORDER BY "index"'
_FILES_HERE = """
    SELECT ordinal, named.sha256, named.size_bytes, number FROM notice_attachments AS named
    LEFT JOIN attachments ON number = attachment AND complete AND NOT dropped WHERE notice = ?
"""
_BYTES_HERE = 'SELECT data FROM attachment_chunks WHERE attachment = ? ORDER BY "index"'
_IS_DESTROYED = "SELECT 1 FROM notices WHERE id = ? AND destroyed_index IS NOT NULL"
_DELIVERED_TOO_SOON = f"""
    SELECT id FROM notices WHERE direction = {Notice.OUTGOING} AND state IN ({Notice.DELIVERED})
    AND ((attachment_count = 0 AND receipt_time IS NULL) OR (attachment_count > 0 AND attached_index IS NULL))
"""

_AFTER_OTHERS = ("content_shared", "attachments_received")  # what they are about may have come in the same commit


class Audit:
    """What one node holds, as far as it was looked at.

    Attributes:
        wrong: what does not hold
    """

    def __init__(self, site: Site) -> None:
        self.wrong: list[str] = []
        self._site, self._is_last = site, False
        self._forget()

    def _forget(self) -> None:
        self._restored = self._site.restored
        self._sizes: dict[str, int] = {}
        self._keys: dict[str, set[Key]] = {}
        self._dated: dict[str, int] = {}
        self._consents = Consents()

    def look_again(self) -> None:
        """Looks at all that there is."""
        self._forget()
        self._is_last = True
        self.look()

    def look(self) -> None:
        """Looks at what is new in the file."""
        channels = self._site.disk.read("SELECT id, origin, size FROM channels WHERE id > 0 ORDER BY id")
        if self._site.restored > self._restored or any(size < self._sizes.get(name, 0) for _, name, size in channels):
            self._forget()  # a backup was put in its place, or an operator gave up what it had
        grown = [(number, origin) for number, origin, size in channels if size > self._sizes.get(origin, 0)]
        found: list[tuple[str, Envelope]] = []
        for number, origin in grown:
            new = [
                Envelope.FromString(data) for (data,) in self._site.disk.read(_NEW, number, self._sizes.get(origin, 0))
            ]
            self._sizes[origin] = self._sizes.get(origin, 0) + len(new)
            self._require_order(origin, new)
            found += [(origin, envelope) for envelope in new]
        found.sort(key=lambda each: kind_of(each[1]) in _AFTER_OTHERS)
        for origin, envelope in found:
            self._take(origin, envelope)
        if grown:
            for (each,) in self._site.disk.read(_DELIVERED_TOO_SOON):
                self._tell(f"{each} is DELIVERED without a receipt, or without its files (G5)")

    def _require_order(self, origin: str, envelopes: Sequence[Envelope]) -> None:
        """Nothing that a node sealed is dated before what it follows, unless its clock was hours behind."""
        if not origin.startswith(self._site.domain) or self._site.was_far_behind or self._site.is_misled:
            return
        for each in envelopes:
            if not each.salt:
                continue  # its content is destroyed
            at, before = each.sealed_at.ToMicroseconds(), self._dated.get(origin, 0)
            if at < before:
                self._tell(f"{key_of(each)} in {origin} is dated {before - at} us before what it follows (G2)")
            self._dated[origin] = max(at, before)

    def _tell(self, what: str) -> None:
        self.wrong.append(f"{self._site.name}: {what}")

    def _take(self, origin: str, envelope: Envelope) -> None:
        key = key_of(envelope)
        if key in self._keys.setdefault(origin, set()):
            self._tell(f"{key} stands twice in {origin} (G4)")
        self._keys[origin].add(key)
        if envelope.salt:  # else its content was destroyed at the peer, and it came back from it so
            if self._asks_for_four_eyes(origin, envelope):
                self._require_approval(envelope, key)
            self._consents.take(envelope)
            if envelope.HasField("notice_released"):
                self._site.marks[envelope.notice_released.notice.removeprefix("notices/")] = mark_of(envelope)
            is_whole = self._is_last or not self._site.restored  # else what was decided may come back later
            if is_whole and (fault := next(self._consents.faults(envelope), "")):
                self._tell(f"{key} goes beyond what was granted: {fault}")
            if envelope.HasField("attachments_received") and origin.startswith(self._site.domain):
                self._require_files(envelope.attachments_received.notice.removeprefix("notices/"), key)

    def _require_files(self, notice: str, key: Key) -> None:
        """Who says that it has all files of a notice has every byte of them; what it lost since, it wants back."""
        if self._site.restored or self._site.disk.read(_IS_DESTROYED, notice):
            return
        if not self._consents.has_files(f"notices/{notice}"):
            self._tell(f"{key} is about a notice without files")
        if lacking := list(lacking_files(self._site, notice)):
            self._tell(f"{key} was sealed without the files {lacking}")

    def _asks_for_four_eyes(self, origin: str, envelope: Envelope) -> bool:
        """Whether a rule does that its node has: one that all have, and one of some."""
        if envelope.HasField("framework_version_published"):
            return origin.startswith(self._site.domain) and self._site.publishes_by_draft
        return envelope.notice_released.content.urgency == NoticeContent.IMMEDIATE

    def _require_approval(self, envelope: Envelope, key: Key) -> None:
        if envelope.approver.client in ("", envelope.author.client):
            self._tell(f"{key} of {envelope.author.client} was approved by {envelope.approver.client or 'nobody'}")


class Consents:
    """What one node holds of the onward sharing of notices, by names."""

    def __init__(self) -> None:
        self._released: dict[str, NoticeContent] = {}
        self._asked: dict[str, Envelope] = {}
        self._decided: dict[tuple[str, int], SharingDecided] = {}

    def take(self, envelope: Envelope) -> None:
        match kind_of(envelope):
            case "notice_released":
                self._released[envelope.notice_released.notice] = envelope.notice_released.content
            case "sharing_requested":
                self._asked[envelope.sharing_requested.consent] = envelope
            case "sharing_decided":
                decided = envelope.sharing_decided
                self._decided[decided.consent, decided.number] = decided

    def has_files(self, notice: str) -> bool:
        return notice in self._released and bool(self._released[notice].attachments)

    def faults(self, envelope: Envelope) -> Iterator[str]:
        """Why what was passed on is not covered by what this node holds."""
        shared = envelope.content_shared
        notice = self._released.get(shared.share.partition("/shares/")[0])
        if notice is None:
            return  # it is none; or the notice's content is destroyed, and came back so
        if shared.use not in notice.handling.permitted_uses:
            yield "the notice does not permit that use"
        if shared.consent:
            yield from self._faults_of_consent(envelope, shared)
        elif notice.handling.onward_sharing != Handling.ALLOWED:
            yield "the notice asks for consent"

    def _faults_of_consent(self, envelope: Envelope, shared: ContentShared) -> Iterator[str]:
        asked, decision = self._asked.get(shared.consent), self._decided.get((shared.consent, shared.decision))
        if asked is None or decision is None:
            yield f"nothing is decided under {shared.decision}"
            return
        if decision.decision != SharingDecided.GRANTED:
            yield "it was refused"
        if decision.HasField("valid_until") and _day(decision.valid_until) < _day_of(envelope):
            yield "the consent was over"
        if asked.author.authority != envelope.author.authority or asked.sharing_requested.use != shared.use:
            yield "it was for another authority or use"
        if not _named(shared.recipients) <= _named(asked.sharing_requested.recipients):
            yield "it was for other recipients"


def lacking_files(site: Site, notice: str) -> Iterator[int]:
    """The places of those files of a notice of which bytes are missing here, or are others."""
    for ordinal, digest, size_bytes, number in site.disk.read(_FILES_HERE, notice):
        data = b"".join(each for (each,) in site.disk.read(_BYTES_HERE, number)) if number is not None else b""
        if (len(data), sha256(data).digest()) != (size_bytes, bytes(digest)):
            yield ordinal


def _named(recipients: Sequence[ThirdParty]) -> set[tuple[str, str]]:
    return {(each.organisation, each.jurisdiction) for each in recipients}


def _day(day: Date) -> str:
    return f"{day.year:04}-{day.month:02}-{day.day:02}"


def _day_of(envelope: Envelope) -> str:
    return datetime.fromtimestamp(envelope.sealed_at.seconds, UTC).date().isoformat()
