"""What the access journal tells of drafts: who wrote, submitted and reviewed each, when, and what it became."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.journal_pb2 import JournalEntry
from sqlalchemy import RowMapping

from gateway.store.reverify.moments import micros

_SERVICE, _PREFIX = "/regulator.exchange.v1.DraftService/", "drafts/"
_GIVE_UP = "gateway fork give-up"

# What a method left a draft in.
_STATES: Mapping[str, int] = {
    f"{_SERVICE}CreateDraft": Draft.DRAFT,
    f"{_SERVICE}UpdateDraft": Draft.DRAFT,
    f"{_SERVICE}SubmitDraft": Draft.PENDING_APPROVAL,
    f"{_SERVICE}ApproveDraft": Draft.RELEASED,
    f"{_SERVICE}RejectDraft": Draft.REJECTED,
    f"{_SERVICE}RecallDraft": Draft.RECALLED,
}


@dataclass(slots=True)
class DraftHistory:
    """What was done to one draft, as far as callers did it: that it expired no entry tells.

    Attributes:
        columns: of its row, as they must be
        became: names that its approval told of; None: it was not approved, or told of more than an entry names
        digest: of what it says, who wrote it and its label, as it was written last; empty: the node of then told none
        changed: an act after that met something else: somebody wrote to the database
        lapsed: since its approval somebody gave up a branch of a fork, of which what it became may have been
    """

    columns: dict[str, Any]
    became: frozenset[str] | None = None
    digest: bytes = b""
    changed: bool = False
    lapsed: bool = False

    def expected(self, state: int) -> Mapping[str, Any]:
        """The columns of a row that is in a state: the node itself ends a draft, once more than it was changed."""
        is_released = self.columns["state"] == Draft.RELEASED
        if state != Draft.EXPIRED or (is_released and not self.lapsed):
            return self.columns
        ended = {**self.columns, "state": state, "revision": self.columns["revision"] + 1}
        if is_released:
            del ended["updated_at"]  # is when it lapsed
        return ended


class DraftsFold:
    """Takes the entries of the journal in their order. Memory: a dictionary of a dozen values a draft.

    Attributes:
        histories: by the draft's id
    """

    def __init__(self) -> None:
        self.histories: dict[str, DraftHistory] = {}

    def take(self, entry: JournalEntry) -> None:
        """Takes an entry, whatever it is of."""
        if entry.method == _GIVE_UP:
            for history in self.histories.values():
                history.lapsed = history.columns["state"] == Draft.RELEASED
        state = _STATES.get(entry.method)
        if state is None or entry.step != JournalEntry.COMMITTED:
            return
        for name in entry.resources:
            if name.startswith(_PREFIX):
                self._act(name.removeprefix(_PREFIX), entry, state)

    def _act(self, draft_id: str, entry: JournalEntry, state: int) -> None:
        at = micros(entry.time)
        new = {"created_at": at, "revision": 0, "submitted_at": None, "reviewed_at": None}
        history = self.histories.setdefault(draft_id, DraftHistory({**new, **_by("reviewer", JournalEntry())}))
        columns = history.columns
        columns |= {"state": state, "revision": columns["revision"] + 1}
        history.changed = history.changed or entry.draft_digest != history.digest
        if state == Draft.DRAFT:
            columns |= {"authority": entry.authority, "updated_at": at, **_by("author", entry)}
            history.digest, history.changed = entry.draft_digest, False
        elif state == Draft.PENDING_APPROVAL:
            columns["submitted_at"] = at
        elif state in (Draft.RELEASED, Draft.REJECTED):
            columns |= {"reviewed_at": at, **_by("reviewer", entry)}
        if state == Draft.RELEASED and not entry.resources_left_out:
            history.became = frozenset(entry.resources)


def digest_of(row: RowMapping) -> bytes:
    """The digest of a row that holds an act; empty: of one that an earlier version wrote there is none."""
    if row["request"] is None or not row["salt"]:
        return b""
    sectors = ",".join(str(bit) for bit in range(row["sectors"].bit_length()) if row["sectors"] >> bit & 1)
    texts = ("authority", "author_client", "author_officer", "rule")
    parts = [bytes(row["salt"]), row["id"].encode(), row["act"].encode(), bytes(row["request"])]
    parts += [row[each].encode() for each in texts]
    parts += [str(row["tlp"]).encode(), sectors.encode(), str(row["kind"]).encode()]
    return sha256(b"".join(len(part).to_bytes(8) + part for part in parts)).digest()


def _by(side: str, entry: JournalEntry) -> dict[str, str]:
    return {f"{side}_client": entry.client, f"{side}_officer": entry.officer}
