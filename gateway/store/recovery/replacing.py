"""Another seal where the one before was lost, and so cannot say which comes next: decided by operators, node stopped.

Nothing that was signed changes, but what its other side may not have seen yet is signed anew: the own checkpoints that
have no receipt, and the own newest receipts. So the seal that was lost is needed for nothing more. A receipt that is
signed anew bears another time: ``rebuild`` afterwards makes what follows from it.

Where a channel of ours has halted, its peer hands back what was lost here, or the history that goes on, and that bears
the seal of before: it would be refused for ever by a channel in which another one is in force from a smaller size on.
So there it is replaced last.
"""

from collections.abc import Iterator, Mapping, Sequence

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import StoreError, Untrusted, WrongState
from gateway.ledger.checkpoint import SignedCheckpoint, Signer, countersign, open_checkpoint, sign_checkpoint
from gateway.ledger.origins import reverse_of
from gateway.ledger.seals import CertifiedSeal, SealHistory
from gateway.moments import MICROS, datetime_of
from gateway.store.commits import take_alone
from gateway.store.database import Database
from gateway.store.event_rows import event_row
from gateway.store.receipts import read_void
from gateway.store.seals import SealChange, seal_rows
from gateway.store.state import ChannelState, read_channels, read_counters
from gateway.store.tables import events, heads, leaves, seals
from gateway.supervision.outcomes import EventContent


def replace_own_seal(
    database: Database, seal: CertifiedSeal, signer: Signer, now: int, *, only: str | None = None
) -> Sequence[str]:
    """Puts another seal of this node in force in every channel that has not halted, in one transaction.

    Said again, it does what is left to do.

    Args:
        database: open, with the home's lock: no node may run
        seal: from now on
        signer: signs with it
        now: microseconds since 1970
        only: domain of a peer, whose channels do not have this seal, though it is the node's: in these alone

    Returns:
        The jurisdictions of peers to whom channels have halted, which are left out.

    Raises:
        WrongState: it has that seal, or its channel has halted, and the log may be more than is here; or the seal was
            certified before a rotation was sealed of which a peer may not know: it could not tell which of both counts.
        StoreError: the database did not take it, and is as it was.
    """
    try:
        with database.writer() as connection, connection.begin():
            take_alone(connection)
            states = read_channels(connection)
            waiting = [] if only else [each for each in states.values() if each.ends.outgoing and each.halt]
            for state in _to_replace(states, seal, only, waiting):
                if state.ends.outgoing:
                    _require_later(connection, state, seal)
                    _sign_anew(connection, state, signer, now)
                else:
                    _countersign_anew(connection, state, signer, now)
                _add(connection, state, seal, cosigner=not state.ends.outgoing)
            _tell(connection, f"this node's seal was replaced by an operator{f' for {only}' if only else ''}", now)
    except SQLAlchemyError as error:
        raise StoreError(f"the seal could not be replaced, and is as it was: {error}") from error
    return [each.ends.recipient for each in waiting]


def replace_peer_seal(
    database: Database, domain: str, seal: CertifiedSeal, now: int, *, put_back: bool = False
) -> bool:
    """Puts another seal of a peer in force, from what is here of its channels on.

    But where the database was put back, and the peer was not heard since, more may be to come that the seal before it
    signed: then it comes into force where the peer's log bears it, as the document tells the node (``carrier``).

    Args:
        database: open, with the home's lock: no node may run
        domain: of the peer
        seal: as its new pairing document names it
        now: microseconds since 1970
        put_back: the database was, though nothing in it tells that yet

    Returns:
        Whether it is in force from now on.

    Raises:
        Untrusted: a key of it is one that the peer had before.
        StoreError: the database did not take it, and is as it was.
    """
    try:
        with database.writer() as connection, connection.begin():
            take_alone(connection)
            if any(history.has_a_key_of(seal) for history in _histories(connection, domain)):
                raise Untrusted(f"a key of the new seal of {domain} is one that it had before: it must make new ones")
            theirs = [
                state
                for state in read_channels(connection).values()
                if domain in (state.seals.sender_domain, state.seals.receiver_domain)
            ]
            waits = put_back or any(state.unheard for state in theirs)
            for state in () if waits else theirs:
                _add(connection, state, seal, cosigner=state.ends.outgoing)
            how = "; it holds from where the log of that peer bears it" if waits else ""
            _tell(connection, f"the seal of {domain} was replaced by a pairing document{how}", now)
    except SQLAlchemyError as error:
        raise StoreError(f"the seal could not be replaced, and is as it was: {error}") from error
    return not waits


def knows_seal(connection: Connection, domain: str, seal: CertifiedSeal) -> bool:
    """Whether a seal is, or was, one of a node's in a channel that is here; also where there is no channel of it."""
    histories = list(_histories(connection, domain))
    return not histories or any(history.knows(seal.public) for history in histories)


def _histories(connection: Connection, domain: str) -> Iterator[SealHistory]:
    for state in read_channels(connection).values():
        if domain == state.seals.sender_domain:
            yield state.seals.sender
        if domain == state.seals.receiver_domain:
            yield state.seals.receiver


def _to_replace(
    states: Mapping[str, ChannelState], seal: CertifiedSeal, only: str | None, waiting: Sequence[ChannelState]
) -> Sequence[ChannelState]:
    if only is None:
        left = {origin for each in waiting for origin in (each.origin, reverse_of(each.origin))}
        return [each for each in states.values() if each.origin not in left and _own(each).newest != seal]
    ours = [each for each in states.values() if each.ends.outgoing and not _own(each).knows(seal.public)]
    if not (late := [each for each in ours if each.seals.receiver_domain == only]):
        raise WrongState(f"{only} was told of the seal in force, or is no peer: there is nothing to replace")
    if late[0].halt:
        raise WrongState(f"{late[0].name} has halted: {late[0].halt.reason}. It has to be mended first")
    return [late[0], states[reverse_of(late[0].origin)]]


def _own(state: ChannelState) -> SealHistory:
    """The seals of this node in a channel."""
    return state.seals.sender if state.ends.outgoing else state.seals.receiver


def _require_later(connection: Connection, state: ChannelState, seal: CertifiedSeal) -> None:
    """Passes if each rotation without a receipt was sealed before the seal was certified (``seals.is_overtaken``)."""
    unreceipted = leaves.c.channel == state.id, leaves.c.index >= state.receipted_size
    mine = seals.c.channel == state.id, seals.c.cosigner.is_(False), seals.c.rotated_channel == state.id
    turned = select(leaves.c.data).where(*unreceipted, leaves.c.index.in_(select(seals.c.rotated_index).where(*mine)))
    sealed = (Envelope.FromString(bytes(data)).sealed_at.seconds for data in connection.scalars(turned))
    if (newest := max(sealed, default=-1)) >= seal.not_before:
        raise WrongState(
            f"{state.ends.recipient} may not know of the rotation at {_moment(newest)}, and the certificates of the "
            f"new seal begin at {_moment(seal.not_before)}: it could not tell which of both came last. Have others "
            "issued for it that begin later"
        )


def _moment(seconds: int) -> str:
    return f"{datetime_of(seconds * MICROS):%Y-%m-%d %H:%M:%S} UTC"


def _sign_anew(connection: Connection, state: ChannelState, signer: Signer, now: int) -> None:
    unreceipted = (heads.c.channel == state.id, heads.c.size > state.receipted_size)
    for row in connection.execute(select(heads.c.size, heads.c.note).where(*unreceipted)).all():
        head = open_checkpoint(row.note, state.origin, state.seals.sender)
        signed = sign_checkpoint(head.checkpoint, signer, max(now // MICROS, head.time))
        where = (heads.c.channel == state.id, heads.c.size == row.size)
        connection.execute(update(heads).where(*where).values(note=signed.note))


def _countersign_anew(connection: Connection, state: ChannelState, signer: Signer, now: int) -> None:
    if state.receipt is None:
        return
    for void in read_void(connection, state):
        if void.checkpoint != state.receipt.checkpoint:  # what that covers, the newest one does
            plain = open_checkpoint(void.note, state.origin, state.seals.sender).note
            one = (heads.c.channel == state.id, heads.c.size == void.checkpoint.size)
            connection.execute(update(heads).where(*one).values(note=plain, receipt_time=None))
    head: SignedCheckpoint = open_checkpoint(state.receipt.note, state.origin, state.seals.sender)
    time = max(now // MICROS, state.receipt.time)
    receipt = countersign(head, state.seals.receiver_domain, signer, time)
    where = (heads.c.channel == state.id, heads.c.size == head.checkpoint.size)
    connection.execute(update(heads).where(*where).values(note=receipt.note, receipt_time=receipt.time))


def _add(connection: Connection, state: ChannelState, seal: CertifiedSeal, *, cosigner: bool) -> None:
    before = state.seals.receiver if cosigner else state.seals.sender
    above = state.receipted_size if cosigner else state.log.size
    span = before.rotated(above, seal).spans[-1]
    change = SealChange(state.origin, cosigner, len(before.spans), span)
    connection.execute(insert(seals), seal_rows([change], {state.origin: state.id}))


def _tell(connection: Connection, detail: str, now: int) -> None:
    cursor = read_counters(connection).cursor + 1
    connection.execute(insert(events), [event_row(EventContent(Event.ALARM, detail=detail), cursor, now, None, 0)])
