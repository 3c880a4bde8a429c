"""What the writer holds in memory of each channel, as of the last commit."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, func, select

from gateway.errors import Corrupt, VerificationError, WrongState
from gateway.identity.pairing.end import Ending
from gateway.ledger.checkpoint import Checkpoint, Receipt, SignedCheckpoint, signing_time
from gateway.ledger.fork_proof import ForkProof
from gateway.ledger.forks import NO_PREFIX, Prefix
from gateway.ledger.merkle import MAX_SIZE, CompactRange
from gateway.ledger.note import Note
from gateway.ledger.seals import ChannelSeals
from gateway.ledger.steps import Halt
from gateway.store import prepared
from gateway.store.seals import read_seals
from gateway.store.tables import JOURNAL, channels, events, forks, halt_evidence, heads, notices
from gateway.supervision.notices.records import ChannelEnds


@dataclass(frozen=True, slots=True)
class ChannelState:
    """One channel.

    Attributes:
        id: of its row
        origin: ``<sender domain>/to/<recipient domain>``
        ends: whose channel it is
        seals: that its sender and its recipient had in it
        log: right edge of the log here
        head: newest signed checkpoint; None for an empty log
        receipt: newest receipt; None if there is none
        halt: why it halted; None while it is open
        least_told: the least that its recipient was said to hold of what the newest receipt covers
        unheard: of a channel that leads here: the database was put back, and its sender has not sent again yet what it
            shows to have; receipts may have been given for more than is here
        early: of a channel of ours, indexes of replies that came back from the peer before what they reply to was here
            again; None: nobody has looked yet
        ending: the last end of its pairing, also where that holds again; None: it was never ended
    """

    id: int
    origin: str
    ends: ChannelEnds
    seals: ChannelSeals
    log: CompactRange = CompactRange.EMPTY
    head: SignedCheckpoint | None = None
    receipt: Receipt | None = None
    halt: Halt | None = None
    least_told: int = MAX_SIZE
    unheard: bool = False
    early: tuple[int, ...] | None = None
    ending: Ending | None = None

    @property
    def name(self) -> str:
        """What people and metrics call it: ``hk-to-kr``."""
        return f"{self.ends.sender.lower()}-to-{self.ends.recipient.lower()}"

    @property
    def ended(self) -> Ending | None:
        """The end of its pairing, if that is ended now."""
        return self.ending if self.ending and not self.ending.is_over else None

    @property
    def receipted_size(self) -> int:
        """Number of envelopes that the newest receipt covers."""
        return self.receipt.checkpoint.size if self.receipt else 0


@dataclass(frozen=True, slots=True)
class Counters:
    """The last numbers that were given out."""

    cursor: int  # of events
    sequence: int  # of notices


_ORIGINS = select(channels.c.id, channels.c.origin)


def read_origins(connection: Connection) -> dict[int, str]:
    """Reads the origin of each log, by its id."""
    return {row["id"]: row["origin"] for row in prepared.rows(connection, _ORIGINS)}


def read_counters(connection: Connection) -> Counters:
    """Reads where ``events.cursor`` and ``notices.sequence`` stand; 0 for none yet."""
    cursor = connection.scalar(select(func.max(events.c.cursor)))
    sequence = connection.scalar(select(func.max(notices.c.sequence)))
    return Counters(cursor or 0, sequence or 0)


def read_channels(connection: Connection, some: Collection[int] | None = None) -> dict[str, ChannelState]:
    """Reads every channel, or some by their ids, by origin.

    Signatures are not verified here (``opening.check_channels`` does).

    Raises:
        Corrupt: a channel's edge, newest head and newest receipt contradict each other.
    """
    them = select(channels).where(channels.c.id != JOURNAL).order_by(channels.c.id)
    if some is not None:
        them = them.where(channels.c.id.in_(some))
    rows = connection.execute(them).mappings().all()
    return {row["origin"]: _read_fitting(connection, row) for row in rows}


def by_id(states: Iterable[ChannelState]) -> dict[int, str]:
    """Gives the origin of each channel id."""
    return {state.id: state.origin for state in states}


def require_heard(states: Iterable[ChannelState]) -> None:
    """Passes unless a sender has not sent all again since the database was put back.

    Raises:
        WrongState: names the senders.
    """
    if lacking := sorted(state.ends.sender for state in states if state.unheard):
        raise WrongState(
            f"the database was put back, and not all is back yet from {', '.join(lacking)}: receipts that the keys in "
            "force gave for more would verify no longer"
        )


def signed_seconds(states: Mapping[str, ChannelState]) -> int:
    """Gives the time of the newest head or receipt that this node signed, in seconds since 1970; 0: there is none."""
    signed = (state.head if state.ends.outgoing else state.receipt for state in states.values())
    return max((each.time for each in signed if each), default=0)


def _read_fitting(connection: Connection, row: RowMapping) -> ChannelState:
    try:
        return _read_channel(connection, row)
    except VerificationError as error:
        raise Corrupt(f"what is stored of {row['origin']} does not fit: {error.message}") from error


def _read_channel(connection: Connection, row: RowMapping) -> ChannelState:
    channel, origin = row["id"], row["origin"]
    log = CompactRange.decode(row["size"], row["edge"])
    head, receipt = _read_head(connection, channel, log), read_receipt(connection, channel)
    if (log.size > 0) != (head is not None) or (receipt and receipt.checkpoint.size > log.size):
        raise Corrupt(f"the heads of {origin} do not fit its log of {log.size} envelopes")
    ends = ChannelEnds(row["sender"], row["recipient"], outgoing=row["outgoing"])
    seals = read_seals(connection, channel, origin)
    halt = _read_halt(connection, channel, row)
    ending = _read_ending(row)
    return ChannelState(channel, origin, ends, seals, log, head, receipt, halt, unheard=row["unheard"], ending=ending)


def _read_ending(row: RowMapping) -> Ending | None:
    if not row["ended_time"]:
        return None
    return Ending(row["ended_time"], row["ended_by"], row["end_reason"], row["resumed_time"])


def ending_values(ending: Ending | None) -> dict[str, int | str]:
    """The columns of a channel that tell of the end of its pairing."""
    if ending is None:
        return {"ended_time": 0, "resumed_time": 0, "ended_by": "", "end_reason": ""}
    return {
        "ended_time": ending.ended_time,
        "resumed_time": ending.resumed_time,
        "ended_by": ending.by,
        "end_reason": ending.reason,
    }


def _read_head(connection: Connection, channel: int, log: CompactRange) -> SignedCheckpoint | None:
    where = (heads.c.channel == channel) & (heads.c.size == log.size)
    data = connection.scalar(select(heads.c.note).where(where))
    if data is None:
        return None
    note = Note.parse(data)
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.root != log.root():
        raise Corrupt(f"the newest checkpoint of {checkpoint.origin} has another root than its log")
    if len(note.signatures) < 2:
        raise Corrupt(f"the newest checkpoint of {checkpoint.origin} has lost a signature")
    time = signing_time(note)
    return SignedCheckpoint(checkpoint, Note(note.text, note.signatures[:2]).encode(), time)


def read_receipt(connection: Connection, channel: int, most: int = MAX_SIZE) -> Receipt | None:
    """Reads the newest receipt of a channel for up to so many envelopes; None: there is none."""
    newest = (
        select(heads.c.note, heads.c.receipt_time)
        .where(heads.c.channel == channel, heads.c.size <= most, heads.c.receipt_time.is_not(None))
        .order_by(heads.c.size.desc())
        .limit(1)
    )
    row = connection.execute(newest).first()
    if row is None:
        return None
    return Receipt(Checkpoint.parse(Note.parse(row.note).text), row.note, row.receipt_time)


def _read_halt(connection: Connection, channel: int, row: RowMapping) -> Halt | None:
    if not row["halt_reason"]:
        return None
    notes = select(halt_evidence.c.note).where(halt_evidence.c.channel == channel)
    evidence = connection.scalars(notes.order_by(halt_evidence.c.ordinal)).all()
    return Halt(row["halt_reason"], row["halt_detail"], tuple(evidence), _read_prefix(connection, channel))


def _read_prefix(connection: Connection, channel: int) -> Prefix:
    """What the larger head of the newest fork had at the size of the smaller one."""
    newest = select(forks.c.proof).where(forks.c.channel == channel).order_by(forks.c.number.desc()).limit(1)
    proof = connection.scalar(newest)
    return ForkProof.parse(proof).prefix if proof else NO_PREFIX
