"""Keeps the proof of each fork from the moment that a channel halts, for ever: whatever becomes of the channel."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from gateway.errors import BadProof, GatewayError
from gateway.ledger import tiles
from gateway.ledger.checkpoint import Checkpoint, open_checkpoint
from gateway.ledger.fork_proof import ForkProof, in_order
from gateway.ledger.forks import TWO_HEADS, Prefix, check_fork
from gateway.ledger.note import Note
from gateway.ledger.steps import FORKED, Halt
from gateway.logs import Log
from gateway.store.logs import reader
from gateway.store.state import ChannelState, read_channels
from gateway.store.tables import channels, forks

_log = Log(__name__)


def keep_fork(connection: Connection, state: ChannelState, halt: Halt, now: int) -> None:
    """Adds the proof of the fork for which a channel halts, with its certificates, so that it stands by itself.

    Args:
        connection: inside the transaction that halts it; both heads that are in the log here are durable
        state: of the channel
        halt: why it halts; other reasons than a fork prove nothing
        now: microseconds since 1970
    """
    if halt.reason != FORKED:
        return
    try:
        proof = _proof(connection, state, halt)
    except GatewayError as error:  # the channel halts all the same
        _log.error("fork_unproven", channel=state.origin, error=error.reason)
        return
    number = len(read_forks(connection, state.origin)) + 1
    row = {"channel": state.id, "number": number, "found_at": now, "proof": proof.encode()}
    connection.execute(insert(forks), [row])


def prove_halts(connection: Connection, now: int) -> None:
    """Adds the proof of each fork for which a channel has halted, where none is kept: an earlier version kept none."""
    for state in read_channels(connection).values():
        if state.halt and not read_forks(connection, state.origin):
            keep_fork(connection, state, state.halt, now)


def read_forks(connection: Connection, origin: str) -> Sequence[tuple[bytes, int]]:
    """Reads the proofs of a channel's forks, in the order in which they were found, and when (microseconds)."""
    joined = select(forks.c.proof, forks.c.found_at).join(channels, channels.c.id == forks.c.channel)
    found = connection.execute(joined.where(channels.c.origin == origin).order_by(forks.c.number))
    return [(bytes(row.proof), row.found_at) for row in found]


def _proof(connection: Connection, state: ChannelState, halt: Halt) -> ForkProof:
    """Makes it of a halt's two notes; what one log had at two sizes is read here, unless the halt tells it."""
    seals = state.seals.sender.expecting(halt.seals).regardless()
    heads = [open_checkpoint(note, state.origin, seals) for note in halt.evidence]
    if len(heads) != TWO_HEADS:
        raise BadProof("one head alone contradicts nothing")
    notes = in_order(*(head.note for head in heads))
    parsed = [Note.parse(note) for note in notes]
    first, second = (Checkpoint.parse(note.text) for note in parsed)
    by_first, by_second = (
        seals.signing(note, state.origin, head.size).certificates
        for note, head in zip(parsed, (first, second), strict=True)
    )
    prefix = halt.prefix if halt.prefix.root or first.size == second.size else _prefix(connection, state, first, second)
    check_fork(first, second, prefix)
    return ForkProof((by_first, by_second), prefix, notes)


def _prefix(connection: Connection, state: ChannelState, first: Checkpoint, second: Checkpoint) -> Prefix:
    if not 0 < first.size < second.size <= state.log.size:
        raise BadProof("the log here does not hold the larger of the two heads")
    read = reader(connection, state.id)
    return Prefix(tiles.root_of(read, first.size), tiles.consistency_proof(read, first.size, second.size))
