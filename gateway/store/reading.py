"""What units of work read: what is committed, and what the units before them are going to write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from gateway.store.assistance.rows import read_answers, read_assistance, with_written
from gateway.store.attachments.lookups import AttachmentLookups
from gateway.store.changes import Changes, RequestRecord, request_key
from gateway.store.destroying import read_leaf
from gateway.store.drafts.lookups import DraftLookups
from gateway.store.frameworks.lookups import FrameworkLookups
from gateway.store.prepared import rows_by_keys
from gateway.store.receipts import with_receipt
from gateway.store.rows import notice_record
from gateway.store.sharing.rows import adding, read_dossier
from gateway.store.state import ChannelState, by_id
from gateway.store.tables import notices, requests
from gateway.supervision.destruction import Leaf
from gateway.supervision.notices.assistance import AnswerRecord, AssistanceRecord
from gateway.supervision.notices.records import NoticeRecord, Place
from gateway.supervision.sharing.records import Dossier

_NOTICES = select(notices)
_REQUESTS = select(requests)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a unit will look up: ids of notices, and requests by client and request_id."""

    notices: frozenset[str] = frozenset()
    requests: frozenset[tuple[str, str]] = frozenset()


NOTHING = Needs()


class Reading:
    """Looks up what is true now, within the writer's database transaction.

    Args:
        connection: inside the writer's database transaction
        states: the channels as of the last commit, by origin

    Attributes:
        group: what all units so far are going to write
    """

    def __init__(self, connection: Connection, states: Mapping[str, ChannelState]) -> None:
        self.group = Changes()
        self._changes = Changes()  # of the unit that runs
        self._connection = connection
        self._states = states
        self._origins = by_id(states.values())
        # What was read from the database; None: it is not there. Nobody else writes meanwhile.
        self._notices: dict[str, NoticeRecord | None] = {}
        self._requests: dict[bytes, RequestRecord | None] = {}
        self._dossiers: dict[str, Dossier] = {}

    @property
    def connection(self) -> Connection:
        """Gives the writer's, within its database transaction."""
        return self._connection

    def read_ahead(self, needs: Sequence[Needs]) -> None:
        """Reads what units will look up, in a statement each for notices and for requests."""
        self._read_notices({wanted for each in needs for wanted in each.notices})
        self._read_requests({request_key(*wanted) for each in needs for wanted in each.requests})

    def find_notice(self, notice_id: str) -> NoticeRecord | None:
        """Gives what is known of a notice now; None: nothing is."""
        found = self._changes.records.get(notice_id) or self.group.records.get(notice_id)
        if not found:
            if notice_id not in self._notices:
                self._read_notices({notice_id})
            found = self._notices[notice_id]
        return with_receipt(found, [*self.group.covered, *self._changes.covered]) if found else None

    def find_dossier(self, notice_id: str) -> Dossier:
        """Gives what is known of the onward sharing of a notice now."""
        if notice_id not in self._dossiers:
            self._dossiers[notice_id] = read_dossier(self._connection, notice_id, self._origins)
        written = (*self.group.sharing, *self._changes.sharing)
        return adding(self._dossiers[notice_id], [each for each in written if each.notice == notice_id])

    def find_assistance(self, notice_id: str) -> AssistanceRecord:
        """Gives what is kept of a request for assistance; of another notice, or none, nothing is."""
        found = self.find_notice(notice_id)
        return (found and found.assistance) or read_assistance(self._connection, notice_id)

    def find_answers(self, request: NoticeRecord) -> list[AnswerRecord]:
        """Gives the answers to a request for assistance as they are now."""
        written = (self.group.records | self._changes.records).values()
        return with_written(read_answers(self._connection, request.id), request, written)

    def find_request(self, client: str, request_id: str) -> RequestRecord | None:
        """Gives the request that a client made under this id; None: it made none."""
        key = request_key(client, request_id)
        found = self._changes.requests.get(key) or self.group.requests.get(key)
        if not found:
            if key not in self._requests:
                self._read_requests({key})
            found = self._requests[key]
        return found

    def leaf(self, place: Place) -> Leaf | None:
        """Gives an envelope that is committed, as it is stored; None: there is none at this place."""
        return read_leaf(self._connection, self.channel(place.origin).id, place)

    @property
    def frameworks(self) -> FrameworkLookups:
        """What is known of frameworks and assessments now."""
        return FrameworkLookups(self._connection, self._origins, (self._changes.frameworks, self.group.frameworks))

    @property
    def drafts(self) -> DraftLookups:
        """What is known of drafts now."""
        return DraftLookups(self._connection, (self._changes.drafts, self.group.drafts))

    @property
    def files(self) -> AttachmentLookups:
        """What is known of attachments now, and what a unit changes of them."""
        return AttachmentLookups(self._connection, (self._changes.files, self.group.files))

    def channel(self, origin: str) -> ChannelState:
        """Gives a channel as it will be after the changes so far, but for envelopes that are still to be signed."""
        return self._changes.states.get(origin) or self.group.states.get(origin) or self._states[origin]

    def _read_notices(self, ids: set[str]) -> None:
        missing = ids - self._notices.keys()
        self._notices |= dict.fromkeys(missing)
        asked = sorted(each for each in missing if "\0" not in each)  # a peer's word; PostgreSQL takes it in no text
        for row in rows_by_keys(self._connection, _NOTICES, notices.c.id, asked):
            self._notices[row["id"]] = notice_record(row, self._origins)

    def _read_requests(self, keys: set[bytes]) -> None:
        missing = sorted(keys - self._requests.keys())
        self._requests |= dict.fromkeys(missing)
        for row in rows_by_keys(self._connection, _REQUESTS, requests.c.key, missing):
            self._requests[row["key"]] = RequestRecord(row["digest"], row["notice"])
