"""Rebuilds from the logs what is known of notices, onward sharing, frameworks, assessments and seals.

Events are not made anew: watchers hold cursors, and a cursor must go on meaning what it meant. They say in which
order notices became known here, and a rebuilt notice gets the sequence that it had, so page tokens stay valid too;
versions, assessments and acts of sharing have the cursors of the events that told them.
Only an envelope that could not be used when it came, and can be now, has its events told, at the end. Requests, drafts
and files are no projections of the logs, and stay as they are; what files amount to is counted anew. ``gateway check``
afterwards verifies everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from regulator.exchange.v1.envelope_pb2 import Envelope
from sqlalchemy import Connection, RowMapping, bindparam, delete, select, true, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import Malformed, StoreError
from gateway.ledger.merkle import MAX_SIZE
from gateway.store.assistance.rows import assistance_rows
from gateway.store.attachments.writing import choose_again, count_anew, named_rows, read_choices, tie
from gateway.store.changes import Changes
from gateway.store.commits import keep_out, take_alone
from gateway.store.database import Database
from gateway.store.frameworks.lookups import FrameworkLookups
from gateway.store.frameworks.writing import write_frameworks
from gateway.store.logs import parsed
from gateway.store.prepared import insert_rows
from gateway.store.receipts import Covered, cover
from gateway.store.recovery.retelling import Retelling
from gateway.store.rows import changing_columns, notice_record, notice_row
from gateway.store.scanning import pages
from gateway.store.seals import rebuild_seals
from gateway.store.sharing.rows import adding, read_dossier, sharing_row
from gateway.store.state import ChannelState, by_id, read_channels
from gateway.store.tables import (
    assessments,
    assistance,
    framework_versions,
    heads,
    leaves,
    notice_attachments,
    notice_identifiers,
    notices,
    provisions,
    sharing_acts,
)
from gateway.supervision.destruction import left_in
from gateway.supervision.notices.records import NoticeRecord, Place
from gateway.supervision.outcomes import Context, EventContent, Outcome, Projection
from gateway.supervision.projections.projection import project, reply_rank
from gateway.supervision.sharing.records import Dossier

_LEAVES = select(leaves.c.index, leaves.c.data, leaves.c.destroyed)
_CHANGE = update(notices).where(notices.c.id == bindparam("changed_id"))


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How much was rebuilt.

    Attributes:
        notices: how many
        events: that were told because an envelope can be used now
        unused: replies that cannot be used: channel, index, and what is to be told of them
    """

    notices: int
    events: int
    unused: Sequence[tuple[int, int, EventContent]] = field(default=(), compare=False)


def rebuild(database: Database, now: int) -> Rebuilt:
    """Rebuilds in one transaction; nothing changes if it fails.

    Args:
        database: open, with the home's lock: no node may run
        now: microseconds since 1970, for events that are told

    Raises:
        Corrupt: the logs do not fit their own heads.
        StoreError: the database did not take it.
    """
    try:
        with database.writer() as connection, connection.begin():
            keep_out(connection)
            done = rebuild_within(connection, now)
            if done.events:  # else nothing is another than a replica that was paused may know
                take_alone(connection)
            return done
    except SQLAlchemyError as error:
        raise StoreError(f"the notices could not be rebuilt, and are as they were: {error}") from error


def rebuild_within(connection: Connection, now: int) -> Rebuilt:
    """Rebuilds inside a transaction that changes the logs, too."""
    return _Rebuild(connection, now).run()


NEVER = MAX_SIZE  # in place of a cursor: nothing was told, as of what changed nothing


class _Rebuild:
    def __init__(self, connection: Connection, now: int) -> None:
        self._connection = connection
        self._states = read_channels(connection)
        self._ids = {origin: state.id for origin, state in self._states.items()}
        self._origins = by_id(self._states.values())
        self._retelling = Retelling(connection, now)
        self._changes = Changes()  # of one page
        self._rotations: dict[Place, Envelope] = {}
        self._count = 0
        self._known: dict[str, int] = {}  # by which event each notice became known, once replies are taken
        self._until = NEVER  # the event by which the reply that is taken now was

    def run(self) -> Rebuilt:
        """Projects every envelope; replies last, in the order in which events say that they were taken.

        A peer may reply to what it was not given yet, and knows by name alone: that counted for nothing when it came.
        """
        choices = read_choices(self._connection)
        for table in (
            notice_identifiers,
            notice_attachments,
            assistance,
            notices,
            sharing_acts,
            provisions,
            framework_versions,
            assessments,
        ):
            self._connection.execute(delete(table))
        replies = [reply for state in self._states.values() for reply in self._take_channel(state)]
        rebuild_seals(self._connection, self._ids, self._rotations)
        asked = {(self._ids[place.origin], place.index): (rank, place) for rank, place in replies}
        tried, self._known = self._retelling.order(asked)
        in_order = [(tried.get(key, NEVER), rank, place) for key, (rank, place) in asked.items()]
        unused: list[tuple[int, int, EventContent]] = []
        for self._until, _, place in sorted(in_order, key=itemgetter(0, 1)):
            here = (leaves.c.channel == self._ids[place.origin]) & (leaves.c.index == place.index)
            leaf = self._connection.execute(_LEAVES.where(here)).mappings().one()
            done = self._project(Envelope.FromString(leaf["data"]), place, destroyed=leaf["destroyed"])
            if done.outcome is not Outcome.PROJECTED:
                unused.append((self._ids[place.origin], place.index, done.events[0]))
            self._write(self._ids[place.origin], place.index, place.index)
        for state in self._states.values():  # last: what a receipt is for, a certificate of destruction may tell
            self._cover(state)
        tie(self._connection, true())
        choose_again(self._connection, choices)
        count_anew(self._connection)
        return Rebuilt(self._count, self._retelling.added, unused)

    def _take_channel(self, state: ChannelState) -> list[tuple[int, Place]]:
        """Projects a channel's envelopes; gives the ranks and places of those that come last."""
        replies = []
        for page in pages(self._connection, _LEAVES.where(leaves.c.channel == state.id), leaves.c.index):
            replies += self._take_page(state, page)
            self._write(state.id, page[0]["index"], page[-1]["index"])
        return replies

    def _take_page(self, state: ChannelState, page: Sequence[RowMapping]) -> list[tuple[int, Place]]:
        replies = []
        for leaf in page:
            place, envelope = Place(state.origin, leaf["index"]), _envelope(leaf)
            if envelope and (rank := reply_rank(envelope)):
                replies.append((rank, place))
            elif envelope:
                if envelope.HasField("seal_rotated"):
                    self._rotations[place] = envelope
                self._project(envelope, place, destroyed=leaf["destroyed"])
        return replies

    def _project(self, envelope: Envelope, place: Place, *, destroyed: bool) -> Projection:
        frameworks = FrameworkLookups(self._connection, self._origins, (self._changes.frameworks,))
        context = Context(
            envelope,
            place,
            self._states[place.origin].ends,
            self._find,
            lambda framework_id: frameworks.newest_in(place.origin, framework_id),
            frameworks.assessment,
            self._find_dossier,
        )
        projection = project(context, () if destroyed else None)
        if projection.outcome is Outcome.PROJECTED:
            self._changes.apply(projection, place)
        return projection

    def _find(self, notice_id: str) -> NoticeRecord | None:
        if self._known.get(notice_id, 0) > self._until:
            return None
        if changed := self._changes.records.get(notice_id):
            return changed
        row = self._connection.execute(select(notices).where(notices.c.id == notice_id)).mappings().first()
        return notice_record(row, self._origins) if row else None

    def _find_dossier(self, notice_id: str) -> Dossier:
        written = [each for each in self._changes.sharing if each.notice == notice_id]
        return adding(read_dossier(self._connection, notice_id, self._origins), written)

    def _write(self, channel: int, first: int, last: int) -> None:
        """Writes what follows from envelopes ``first`` to ``last`` of a channel."""
        changes, self._changes = self._changes, Changes()
        sequences = self._retelling.sequences(changes.new, channel, first, last)
        new = [notice_row(sequences[each], changes.records[each], self._ids) for each in changes.new]
        identifiers = [
            {"identifier": identifier, "sequence": sequences[each]}
            for each in changes.new
            for identifier in changes.records[each].identifiers
        ]
        insert_rows(self._connection, notices, new)
        insert_rows(self._connection, notice_identifiers, identifiers)
        insert_rows(self._connection, notice_attachments, named_rows(changes.files.named))
        asking = assistance_rows((changes.records[each] for each in changes.new), sequences)
        insert_rows(self._connection, assistance, asking)
        for record in changes.records.values():
            if record.id not in sequences:
                values = changing_columns(record, self._ids)
                self._connection.execute(_CHANGE.values(values), {"changed_id": record.id})
        self._retelling.tell(changes.events, channel, first, last)
        cursors = self._retelling.cursors(self._origins[channel], channel, first, last)
        write_frameworks(self._connection, changes.frameworks, cursors, self._ids)
        sharing = [sharing_row(each, cursors[each.place], self._ids) for each in changes.sharing]
        insert_rows(self._connection, sharing_acts, sharing)
        self._count += len(new)

    def _cover(self, state: ChannelState) -> None:
        """Adds to what a channel's envelopes gave the first receipt that covers it."""
        first = 0
        for size, time in _receipts(self._connection, state.id).items():
            cover(self._connection, Covered(state.origin, first, size, time), state.id)
            first = size


def _envelope(leaf: RowMapping) -> Envelope | None:
    """Reads an envelope, or what is left of one; None: it cannot be used."""
    try:
        return left_in(bytes(leaf["data"])) if leaf["destroyed"] else parsed(leaf["data"])
    except Malformed:
        return None


def _receipts(connection: Connection, channel: int) -> dict[int, int]:
    """The size and time of each receipt of a channel, in order."""
    receipted = (heads.c.channel == channel, heads.c.receipt_time.is_not(None))
    found = connection.execute(select(heads.c.size, heads.c.receipt_time).where(*receipted).order_by(heads.c.size))
    return {row.size: row.receipt_time for row in found}
