"""The access journal in the database: one more log in the tables of the channels, in the row 0 of ``channels``.

Its leaves are written in the commit of what they tell of. It is signed at most once in each second of the clock, in
the first commit of a second, or when somebody asks: so its newest head may cover less than the log, by the entries of
one second. Only the newest head is kept; those before it are proven by consistency.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from gateway.errors import Corrupt, GatewayError, StoreError, VerificationError
from gateway.ledger import tiles
from gateway.ledger.checkpoint import Checkpoint, SignedCheckpoint, Signer, sign_checkpoint, signing_time
from gateway.ledger.merkle import CompactRange, leaf_hash
from gateway.ledger.note import Note
from gateway.moments import MICROS
from gateway.store.logs import reader
from gateway.store.prepared import execute, insert_rows
from gateway.store.tables import JOURNAL, channels, heads, leaves, subtrees

_ROW = select(channels.c.origin, channels.c.size, channels.c.edge).where(channels.c.id == JOURNAL)
_GROW = (
    update(channels)
    .where(channels.c.id == JOURNAL, channels.c.size == bindparam("size_before"))
    .values(size=bindparam("size"), edge=bindparam("edge"))
)
_ADD_HEAD = insert(heads)
_DROP_HEADS = delete(heads).where(heads.c.channel == JOURNAL)


@dataclass(frozen=True, slots=True)
class JournalState:
    """The journal, as of the last commit.

    Attributes:
        origin: ``<domain>/journal``
        log: its right edge
        head: the newest signed checkpoint; it may cover less than the log; None: nothing is signed yet
    """

    origin: str
    log: CompactRange = CompactRange.EMPTY
    head: SignedCheckpoint | None = None

    @property
    def unsigned(self) -> int:
        """Number of entries that the newest head does not cover."""
        return self.log.size - (self.head.checkpoint.size if self.head else 0)


def read_journal(connection: Connection) -> JournalState:
    """Reads where the journal stands. Signatures are not verified here (``opening.check_journal`` does).

    Raises:
        Corrupt: it is not there, or contradicts its newest head.
    """
    row = connection.execute(_ROW).first()
    if row is None:
        raise Corrupt("the access journal is not there: run gateway upgrade")
    try:
        state = JournalState(row.origin, CompactRange.decode(row.size, row.edge))
        return replace(state, head=_read_head(connection, state))
    except VerificationError as error:
        raise Corrupt(f"what is stored of {row.origin} does not fit: {error.message}") from error


def _read_head(connection: Connection, state: JournalState) -> SignedCheckpoint | None:
    newest = select(heads.c.note).where(heads.c.channel == JOURNAL).order_by(heads.c.size.desc()).limit(1)
    data = connection.scalar(newest)
    if data is None:
        return None
    note = Note.parse(data)
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != state.origin or checkpoint.size > state.log.size or len(note.signatures) != 2:
        raise Corrupt(f"the newest checkpoint of {state.origin} does not fit its log of {state.log.size} entries")
    if tiles.root_of(reader(connection, JOURNAL), checkpoint.size) != checkpoint.root:
        raise Corrupt(f"the newest checkpoint of {state.origin} has another root than its log")
    return SignedCheckpoint(checkpoint, data, signing_time(note))


def write_journal(
    connection: Connection,
    state: JournalState,
    entries: Sequence[bytes],
    signer: Callable[[int], Signer],
    now: int,
    *,
    sign: bool,
) -> JournalState:
    """Appends entries, and signs where that is due.

    Args:
        connection: in the writer's transaction
        state: as of the last commit
        entries: leaves, in order
        signer: gives what signs with this node's seal as of a time (seconds since 1970), if its keys are here
        now: microseconds since 1970
        sign: whether to sign even if this second's first signature is made

    Raises:
        StoreError: another writer was here.
    """
    hashes = [leaf_hash(entry) for entry in entries]
    log, completed = state.log.extend(hashes)
    if entries:
        change = {"size_before": state.log.size, "size": log.size, "edge": log.encode()}
        if execute(connection, _GROW, change) != 1:
            raise StoreError("another writer appended to the access journal")
        rows = enumerate(zip(hashes, entries, strict=True), state.log.size)
        leaf_rows = [
            {"channel": JOURNAL, "index": index, "hash": node, "data": data, "destroyed": False}
            for index, (node, data) in rows
        ]
        insert_rows(connection, leaves, leaf_rows)
        subtree_rows = [{"channel": JOURNAL, "level": it.level, "index": it.index, "hash": it.hash} for it in completed]
        insert_rows(connection, subtrees, subtree_rows)
    grown = replace(state, log=log)
    return _signed(connection, grown, signer, now // MICROS) if _is_due(grown, now // MICROS, sign=sign) else grown


def _is_due(state: JournalState, now_seconds: int, *, sign: bool) -> bool:
    return state.unsigned > 0 and (sign or state.head is None or state.head.time < now_seconds)


def _signed(
    connection: Connection, state: JournalState, signer: Callable[[int], Signer], now_seconds: int
) -> JournalState:
    """Without a seal that can sign the journal goes on all the same, and is signed once there is one."""
    time = max(now_seconds, state.head.time if state.head else 0)  # it never goes back, whatever the clock does
    try:
        head = sign_checkpoint(Checkpoint(state.origin, state.log.size, state.log.root()), signer(time), time)
    except GatewayError:
        return state
    execute(connection, _DROP_HEADS, {})
    row = {"channel": JOURNAL, "size": state.log.size, "note": head.note, "receipt_time": None}
    execute(connection, _ADD_HEAD, row)
    return replace(state, head=head)
