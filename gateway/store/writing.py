"""Writes a group's changes: inserts and updates, a statement a table, while a checkpoint a channel is signed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from gateway.errors import StoreError
from gateway.ledger.batch import MAX_BATCH_BYTES, MAX_BATCH_ENVELOPES
from gateway.ledger.checkpoint import Checkpoint, SignedCheckpoint
from gateway.ledger.merkle import Subtree, leaf_hash
from gateway.store import tables
from gateway.store.assistance.rows import assistance_rows
from gateway.store.attachments.writing import write_attachments
from gateway.store.changes import Changes
from gateway.store.destroying import destroy, forget_expired
from gateway.store.drafts.rows import draft_event_rows
from gateway.store.drafts.writing import write_drafts
from gateway.store.event_rows import event_row
from gateway.store.forking import keep_fork
from gateway.store.frameworks.writing import event_rows, telling_cursors, write_frameworks
from gateway.store.prepared import execute, execute_many, insert_rows
from gateway.store.receipts import cover, tell_delivered
from gateway.store.recent import Run
from gateway.store.rows import CHANGING, changing_columns, notice_row
from gateway.store.seals import write_seals
from gateway.store.sharing.rows import sharing_rows
from gateway.store.signing import signing_time
from gateway.store.state import ChannelState, Counters, ending_values

Rows = list[dict[str, Any]]
Sign = Callable[[Checkpoint, int], Future[SignedCheckpoint]]


class Writing:
    """Turns changes into rows.

    Args:
        changes: what is to be written
        states: the channels as of the last commit
        counters: the numbers as of the last commit
        sign: begins to sign a checkpoint, as of a time in seconds since 1970, on another thread
        now: microseconds since 1970
    """

    def __init__(
        self, changes: Changes, states: Mapping[str, ChannelState], counters: Counters, sign: Sign, now: int
    ) -> None:
        self.states = {**states, **changes.states}
        self.counters = counters
        self.runs: list[Run] = []
        self._changes = changes
        self._before = states
        self._sign = sign
        self._now = now
        self._ids = {origin: state.id for origin, state in states.items()}
        self._leaves: Rows = []
        self._subtrees: Rows = []
        self._heads: Rows = []
        self._signing: list[tuple[int, Sequence[bytes], Future[SignedCheckpoint]]] = []

    def execute(self, connection: Connection) -> None:
        """Writes everything; ``states``, ``counters`` and the ``runs`` sealed then are those after the commit.

        Raises:
            StoreError: another writer was here.
            GatewayError: of the seal.
        """
        for origin, envelopes in self._changes.sealed.items():
            for run in _runs(envelopes):
                self._seal(origin, run)
        for origin, batches in self._changes.batches.items():
            for batch in batches:
                self._append(
                    self._ids[origin], batch.first, batch.envelopes, batch.leaf_hashes, batch.subtrees, batch.destroyed
                )
                self._heads.append(_head(self._ids[origin], batch.log.size, batch.head.note))
        self._write_channels(connection)  # first: it keeps a second writer out
        insert_rows(connection, tables.leaves, self._leaves)
        insert_rows(connection, tables.subtrees, self._subtrees)
        insert_rows(connection, tables.heads, self._heads)
        write_seals(connection, self._changes.seals, self._ids)
        self._write_receipts(connection)
        self._write_notices(connection)
        write_attachments(connection, self._changes.files)
        self._write_events(connection)
        self._write_covered(connection)
        write_drafts(connection, self._changes.drafts)
        insert_rows(connection, tables.requests, self._requests())
        forget_expired(connection, self._changes.drafts.values())
        destroy(connection, self._changes.destroyed, self._ids)  # what goes may have come in this very commit
        insert_rows(connection, tables.heads, self._signed())  # last: they were signed meanwhile

    def _seal(self, origin: str, envelopes: Sequence[bytes]) -> None:
        state = self.states[origin]
        hashes = [leaf_hash(data) for data in envelopes]
        log, subtrees = state.log.extend(hashes)
        signing = self._sign(Checkpoint(origin, log.size, log.root()), signing_time(state, self._now))
        self._signing.append((state.log.size, envelopes, signing))
        self._append(state.id, state.log.size, envelopes, hashes, subtrees)
        self.states[origin] = replace(state, log=log)

    def _signed(self) -> Rows:
        rows = []
        for first, envelopes, signing in self._signing:
            head = signing.result()
            origin, size = head.checkpoint.origin, head.checkpoint.size
            self.states[origin] = replace(self.states[origin], head=head)
            turns = any(each.span.above == size for each in self._changes.seals if each.origin == origin)
            self.runs.append(Run(origin, first, envelopes, head.note, turns))
            rows.append(_head(self._ids[origin], size, head.note))
        return rows

    def _append(
        self,
        channel: int,
        first: int,
        envelopes: Sequence[bytes],
        hashes: Sequence[bytes],
        subtrees: Sequence[Subtree],
        destroyed: frozenset[int] = frozenset(),
    ) -> None:
        self._leaves += (
            {"channel": channel, "index": index, "hash": node, "data": data, "destroyed": index in destroyed}
            for index, (node, data) in enumerate(zip(hashes, envelopes, strict=True), first)
        )
        self._subtrees += (
            {"channel": channel, "level": each.level, "index": each.index, "hash": each.hash} for each in subtrees
        )

    def _write_receipts(self, connection: Connection) -> None:
        """A receipt takes the place of its head, and of the sender's heads below it that have none.

        These stay where the envelopes since the receipt before would not fit into one batch: a peer that lost them
        could not be sent them again. So does the last head of each seal: nothing else shows what that seal had signed.
        """
        for origin, receipts in self._changes.anew.items():
            for receipt in receipts:
                where = (tables.heads.c.channel == self._ids[origin], tables.heads.c.size == receipt.checkpoint.size)
                connection.execute(update(tables.heads).where(*where).values(note=receipt.note))
        for origin, receipts in self._changes.receipts.items():
            channel, before = self._ids[origin], self._before[origin].receipted_size
            for receipt in receipts:
                size = receipt.checkpoint.size
                lowest = before if _fits_a_batch(connection, channel, before, size) else size - 1
                execute(connection, _DROP_HEADS, {"channel": channel, "above": lowest, "size": size})
                insert_rows(connection, tables.heads, [_head(channel, size, receipt.note, receipt.time)])
                before = size

    def _write_notices(self, connection: Connection) -> None:
        changes, first = self._changes, self.counters.sequence + 1
        sequences = dict(zip(changes.new, range(first, first + len(changes.new)), strict=True))
        new = [notice_row(sequences[each], changes.records[each], self._ids) for each in changes.new]
        insert_rows(connection, tables.notices, new)
        identifiers = [
            {"identifier": identifier, "sequence": sequences[each]}
            for each in changes.new
            for identifier in changes.records[each].identifiers
        ]
        insert_rows(connection, tables.notice_identifiers, identifiers)
        asking = assistance_rows((changes.records[each] for each in changes.new), sequences)
        insert_rows(connection, tables.assistance, asking)
        changed = [
            {"changed_id": each, **changing_columns(record, self._ids)}
            for each, record in changes.records.items()
            if each not in sequences
        ]
        if changed:
            execute_many(connection, _CHANGE_NOTICE, changed)
        self.counters = replace(self.counters, sequence=self.counters.sequence + len(new))

    def _write_events(self, connection: Connection) -> None:
        first = self.counters.cursor + 1
        rows = [
            event_row(event, cursor, self._now, self._ids.get(place.origin), place.index)
            for cursor, (event, place) in enumerate(self._changes.events, first)
        ]
        insert_rows(connection, tables.events, rows)
        insert_rows(connection, tables.framework_events, event_rows(self._changes.events, first))
        insert_rows(
            connection, tables.draft_events, draft_event_rows([event for event, _ in self._changes.events], first)
        )
        sharing = sharing_rows(self._changes.sharing, self._changes.events, first, self._ids)
        insert_rows(connection, tables.sharing_acts, sharing)
        self.counters = replace(self.counters, cursor=self.counters.cursor + len(rows))
        cursors = telling_cursors(self._changes.events, first)
        write_frameworks(connection, self._changes.frameworks, cursors, self._ids)

    def _write_covered(self, connection: Connection) -> None:
        """After all rows that receipts may cover are there, also those that are new."""
        for covered in self._changes.covered:
            channel, cursor = self._ids[covered.origin], self.counters.cursor
            cover(connection, covered, channel)
            if self._before[covered.origin].ends.outgoing:
                told = tell_delivered(connection, covered, channel, self._now, cursor)
                self.counters = replace(self.counters, cursor=cursor + told)

    def _requests(self) -> Rows:
        return [
            {"key": key, "digest": record.digest, "notice": record.acted_on}
            for key, record in self._changes.requests.items()
        ]

    def _write_channels(self, connection: Connection) -> None:
        for origin, state in self.states.items():
            before = self._before[origin]
            if state is not before and _stored(state) != _stored(before):
                _write_channel(connection, before, state)
                if state.halt and state.halt != before.halt:
                    keep_fork(connection, before, state.halt, self._now)


def _stored(state: ChannelState) -> tuple[object, ...]:
    """What its row has of a channel's state."""
    return state.log, state.halt, state.unheard, state.ending


def _write_channel(connection: Connection, before: ChannelState, after: ChannelState) -> None:
    """Compares and swaps: a second writer on the same log would find another size."""
    values = {
        "id_before": before.id,
        "size_before": before.log.size,
        "size": after.log.size,
        "edge": after.log.encode(),
        "halt_reason": after.halt.reason if after.halt else "",
        "halt_detail": after.halt.detail if after.halt else "",
        "unheard": after.unheard,
        **ending_values(after.ending),
    }
    if execute(connection, _CHANGE_CHANNEL, values) != 1:
        raise StoreError(f"another writer appended to {before.origin}")
    if after.halt != before.halt:
        evidence = tables.halt_evidence
        connection.execute(delete(evidence).where(evidence.c.channel == after.id))
        notes = after.halt.evidence if after.halt else ()
        rows = [{"channel": after.id, "ordinal": place, "note": note} for place, note in enumerate(notes)]
        insert_rows(connection, evidence, rows)


def _runs(envelopes: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Divides envelopes so that each part fits into a batch on the wire: nearly always there is one."""
    first, total = 0, 0
    for index, data in enumerate(envelopes):
        total += len(data)
        if index - first == MAX_BATCH_ENVELOPES or (total > MAX_BATCH_BYTES and index > first):
            yield envelopes[first:index]
            first, total = index, len(data)
    yield envelopes[first:]


def _fits_a_batch(connection: Connection, channel: int, first: int, end: int) -> bool:
    if end - first > MAX_BATCH_ENVELOPES:
        return False
    parameters = {"channel": channel, "first": first, "end": end}
    return end - first == 1 or (connection.scalar(_BYTES, parameters) or 0) <= MAX_BATCH_BYTES


def _head(channel: int, size: int, note: bytes, receipt_time: int | None = None) -> dict[str, Any]:
    return {"channel": channel, "size": size, "note": note, "receipt_time": receipt_time}


_CHANNEL_COLUMNS = ("size", "edge", "halt_reason", "halt_detail", "unheard", *ending_values(None))

_CHANGE_NOTICE = (
    update(tables.notices)
    .where(tables.notices.c.id == bindparam("changed_id"))
    .values({name: bindparam(name) for name in CHANGING})
)

_CHANGE_CHANNEL = (
    update(tables.channels)
    .where(tables.channels.c.id == bindparam("id_before"), tables.channels.c.size == bindparam("size_before"))
    .values({name: bindparam(name) for name in _CHANNEL_COLUMNS})
)

_DROP_HEADS = delete(tables.heads).where(
    tables.heads.c.channel == bindparam("channel"),
    tables.heads.c.size > bindparam("above"),
    tables.heads.c.size <= bindparam("size"),
    tables.heads.c.size.not_in(
        select(tables.seals.c.above).where(
            tables.seals.c.channel == bindparam("channel"),
            tables.seals.c.cosigner.is_(False),
            tables.seals.c.above < bindparam("size"),
        )
    ),
)

_BYTES = select(func.sum(func.length(tables.leaves.c.data))).where(
    tables.leaves.c.channel == bindparam("channel"),
    tables.leaves.c.index >= bindparam("first"),
    tables.leaves.c.index < bindparam("end"),
)
