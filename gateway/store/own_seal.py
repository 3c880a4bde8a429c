"""The seal in force of a node, as its channels tell it, and the channels that have yet to tell it to their peers.

A rotation is sealed in every channel of ours. But one that has halted takes nothing, and where the pairing has ended
nobody may ever mend it. Such a channel is *left behind*: the seal of before goes on to be in force there, and nowhere
else. Once it takes something again, the rotation is sealed in it, by that seal, as in any other; until then its keys
are kept.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, select

from gateway.errors import WrongState
from gateway.ledger.checkpoint import SealPublic
from gateway.ledger.origins import reverse_of
from gateway.ledger.seals import CertifiedSeal, SealHistory, SealSpan
from gateway.ledger.steps import RESTORED, SENDER_ROLLED_BACK
from gateway.store.seals import seal_in
from gateway.store.state import ChannelState, require_heard
from gateway.store.tables import channels, seals

States = Mapping[str, ChannelState]

_LOST = RESTORED, SENDER_ROLLED_BACK  # why a channel waits for what its peer hands back


def given_up(histories: Collection[SealHistory]) -> set[SealPublic]:
    """Of the histories of one node's seals in its channels, the seals that one of them tells a later one of."""
    return {span.seal.public for each in histories for span in each.spans[:-1]}


def newest(histories: Collection[SealHistory]) -> CertifiedSeal | None:
    """Of the histories of one node's seals in its channels, the newest seal: none of them tells one after it.

    Of a database that was put back there may be more such, until all is back: then that which was certified last.
    """
    before = given_up(histories)
    found = [each.newest for each in histories if each.newest.public not in before]
    return max(found, key=lambda each: each.not_before, default=None)


def own_seal(states: States) -> CertifiedSeal | None:
    """Gives the seal in force of the node itself; None: it has no channel."""
    return newest([state.seals.sender for state in _ours(states)])


def left_behind(states: States) -> list[ChannelState]:
    """Gives the channels of ours that have yet to tell the seal in force."""
    seal = own_seal(states)
    return [state for state in _ours(states) if seal and not state.seals.sender.knows(seal.public)]


def is_told(states: States) -> bool:
    """Whether no channel of ours needs a seal of before any more: each tells the one in force.

    One that waits for what it lost may turn out to have another one (``SealHistory.learnt``).
    """
    return not left_behind(states) and not any(state.halt and state.halt.reason in _LOST for state in _ours(states))


def to_catch_up(states: States) -> list[ChannelState]:
    """Gives those of them that take it now.

    Not so one whose seal no channel tells a later one of: that is the newest itself, and what passes for it is of a
    database that was put back, and has not all of another channel yet.
    """
    before = given_up([state.seals.sender for state in _ours(states)])
    late = (state for state in left_behind(states) if state.seals.sender.newest.public in before)
    return [state for state in late if _takes(state, states)]


def is_idle(states: States, here: Sequence[CertifiedSeal]) -> bool:
    """Whether nothing is to be sealed by the seal in force: each pairing has ended, and the node's own is a newer one.

    An operator put that in the place of a lost one, and no channel takes it: it signs the journal, as ``here`` says.
    """
    ours = _ours(states)
    is_over = bool(ours) and all(state.ended for state in ours)
    return is_over and here[0].public not in given_up([each.seals.sender for each in ours])


def cosigning(state: ChannelState, back: ChannelState, here: Sequence[CertifiedSeal]) -> CertifiedSeal:
    """Gives the seal that receipts bear: that in force in a channel to here, if its keys are here; else the node's.

    A restored node may not know yet which is in force there, and the peer takes none of before for more than it gave
    up: so until the peer was heard, keys that were kept for another channel sign nothing here. Nor do those of a
    replica that has yet to take the seal to which another one has rotated: then it is that in force, though not here.

    Args:
        state: the channel to here
        back: the one that leads the other way, in which this node tells its seals
        here: the seals whose keys are here, that of the node first
    """
    seals, is_whole = state.seals.receiver, not back.halt or back.halt.reason not in _LOST
    if here[0].public in given_up([seals]):
        return seals.newest
    return seals.newest if seals.newest in here and is_whole else here[0]


def to_rotate(
    states: States, seal: CertifiedSeal, *, before_all_is_back: bool
) -> tuple[Sequence[str], Sequence[ChannelState]]:
    """Gives the channels, by origin, in which a rotation to a seal is to be sealed; and those that it leaves behind.

    In those that know it, it was sealed by a commit that failed, as its caller was told, and that is there.

    Args:
        states: the channels, as of the last commit
        seal: that comes into force
        before_all_is_back: though a peer has not sent all again since the database was put back: what would be said of
            the receipts so far may be too little

    Raises:
        WrongState: a peer has not sent all again; or a channel has yet to be told of the seal before; or none of them
            could tell this one.
    """
    if not before_all_is_back:
        require_heard(state for state in states.values() if not state.ended)
    ours = [state for state in _ours(states) if not state.seals.sender.knows(seal.public)]
    behind = [state.origin for state in left_behind(states)]
    left = [state for state in ours if state.ended and (state.origin in behind or not _takes(state, states))]
    telling = [state for state in ours if state not in left]
    if left and not telling and len(ours) == len(_ours(states)):
        raise WrongState(
            "no peer is left that could be told: every pairing has ended, and the channels have halted. Take one up "
            "again, and mend its channel: docs/operations.md"
        )
    late = {state.ends.recipient for state in telling if state.origin in behind and not state.halt}
    if late:
        raise WrongState(
            f"{', '.join(sorted(late))} has yet to be told of the seal in force: ask again in a moment; or, where the "
            "alarm seal says why it cannot be, gateway certs replace-seal --peer"
        )
    return [state.origin for state in telling], left if telling else ()


def why_left(state: ChannelState) -> str:
    """Says that a rotation left a channel behind, for people."""
    return (
        f"the seal was rotated without {state.ends.recipient}: the pairing has ended, and {state.name} takes none now. "
        "Once it does, the seal of before tells the new one there; its keys are kept until then"
    )


def read_own_seal(connection: Connection) -> tuple[CertifiedSeal | None, bool]:
    """Reads the seal in force of the node itself, None if it has no channel; and whether that is told (``is_told``).

    Raises:
        Corrupt: a seal cannot be read.
    """
    own = channels.c.outgoing.is_(True), seals.c.cosigner.is_(False)
    statement = select(seals).join(channels, channels.c.id == seals.c.channel).where(*own)
    found: dict[int, list[SealSpan]] = {}
    for row in connection.execute(statement.order_by(seals.c.channel, seals.c.ordinal)).mappings():
        found.setdefault(row["channel"], []).append(SealSpan(row["above"], seal_in(row)))
    histories = [SealHistory(tuple(spans)) for spans in found.values()]
    seal = newest(histories)
    waiting = select(channels.c.id).where(channels.c.outgoing.is_(True), channels.c.halt_reason.in_(_LOST)).limit(1)
    is_whole = connection.execute(waiting).first() is None
    return seal, is_whole and all(seal is None or each.knows(seal.public) for each in histories)


def _takes(state: ChannelState, states: States) -> bool:
    """Whether a rotation may be sealed in a channel of ours: it is open, and what its peer has receipts for is here."""
    return not (state.halt or states[reverse_of(state.origin)].unheard)


def _ours(states: States) -> list[ChannelState]:
    return [state for state in states.values() if state.ends.outgoing]
