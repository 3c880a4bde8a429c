"""Verifies the kept proofs of forks: both notes of each are of the channel's sender, and say two things."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from gateway.store.reverify.notes import NoteFault, OpenedNote, Turns, open_note
from gateway.store.reverify.report import Findings
from gateway.store.tables import forks

_HEADER = b"regulator.exchange/fork-proof@v1\n"


def check_forks(
    connection: Connection, channel: int, origin: str, senders: Turns, is_forked: bool, findings: Findings
) -> None:
    """Looks at every fork that was found of a channel; the way from root to root is left to who is shown the file.

    Args:
        connection: in one snapshot
        channel: its id
        origin: of the channel
        senders: who signs there, in whichever history
        is_forked: whether it has halted, and two notes that differ are kept with the halt
        findings: what does not fit goes here
    """
    kept = select(forks.c.number, forks.c.proof).where(forks.c.channel == channel).order_by(forks.c.number)
    found = connection.execute(kept).all()
    if is_forked and not found:
        findings.add(f"forks {origin}", "has no proof", "that of the fork for which the channel has halted")
    for place, row in enumerate(found, 1):
        where = f"forks {origin} {row.number}"
        if row.number != place:
            findings.add(where, "is out of sequence", str(place))
        try:
            _check(bytes(row.proof), origin, senders)
        except NoteFault as fault:
            findings.add(where, str(fault))


def _check(proof: bytes, origin: str, senders: Turns) -> None:
    head, *blocks = proof.split(b"\n\n")
    if not head.startswith(_HEADER) or len(blocks) != 4:
        raise NoteFault("is no fork proof")
    notes = b"\n\n".join(blocks[:2]) + b"\n", b"\n\n".join(blocks[2:])
    _require_contradiction([open_note(note, origin, senders, None) for note in notes], head)


def _require_contradiction(heads: Sequence[OpenedNote], head: bytes) -> None:
    first, second = heads
    if first.size > second.size:
        raise NoteFault("has the larger head first")
    if first.size == second.size and first.root == second.root:
        raise NoteFault("has one head twice")
    if (first.size < second.size) != (b"\nprefix " in head):
        raise NoteFault("tells not what the larger log had at the size of the smaller one")
