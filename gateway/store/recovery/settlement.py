"""A forked channel goes on: its receiver opens it again as it is, its sender gives up what the receiver does not have.

Both with a node that is stopped, after their operators agreed on what the receiver holds (``ledger.settlement``). The
proof of the fork stays. If one of them does its part alone, nothing goes wrong: the channel halts again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.journal_pb2 import JournalEntry
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import BadInput, StoreError, WrongState
from gateway.identity.pairing.parties import Parties
from gateway.identity.seals.signers import Keyring
from gateway.journal.entries import Entry, Requester
from gateway.ledger import tiles
from gateway.ledger.checkpoint import Checkpoint, Receipt, Signer
from gateway.ledger.fork_proof import ForkProof
from gateway.ledger.note import Note
from gateway.ledger.settlement import Settlement
from gateway.ledger.steps import FORKED, RESTORED, SENDER_ROLLED_BACK, Halt
from gateway.store.commits import take_alone
from gateway.store.database import Database
from gateway.store.forking import read_forks
from gateway.store.journal.log import read_journal, write_journal
from gateway.store.logs import read_uncertified, reader
from gateway.store.recovery.awaiting import commit_alone
from gateway.store.recovery.branches import (
    BranchLeaf,
    cut,
    forget,
    halt_anew,
    names_in,
    read_branch,
    read_branch_heads,
    withdraw_replies,
)
from gateway.store.recovery.rebuild import rebuild_within
from gateway.store.state import ChannelState, read_channels
from gateway.store.transaction import SALT_BYTES, Transaction
from gateway.supervision.outcomes import EventContent
from gateway.words import envelopes

_ASK = "Ask the peer's operator for a new one; if that is the same, keep all of them, and take the last resort"
KEEP, GIVE_UP = "gateway fork keep", "gateway fork give-up"


def channel_named(connection: Connection, name: str) -> ChannelState:
    """Gives the channel that people call so, such as ``hk-to-kr``.

    Raises:
        BadInput: there is none.
    """
    states = read_channels(connection).values()
    for state in states:
        if state.name == name.removeprefix("channels/"):
            return state
    names = ", ".join(sorted(state.name for state in states))
    raise BadInput.of("channel", f"must be one of {names}" if names else "is none: this node has no channel yet")


# --- the receiver's part --------------------------------------------------------------------------------------------


def keep_history(
    database: Database,
    keyring: Keyring,
    name: str,
    shown: ForkProof | None,
    *,
    clock: Callable[[], int],
    random: Callable[[int], bytes],
) -> Settlement:
    """Opens a channel to here again, as it is; gives the agreement for its sender's operator.

    Args:
        database: open, with the home's lock: no node may run
        keyring: of the node
        name: of the channel
        shown: the proof of a fork that the sender found alone, verified; None: this node has its own
        clock: microseconds since 1970
        random: gives so many random bytes

    Raises:
        BadInput: there is no such channel, or this node sends it.
        WrongState: no fork of it is known here, or the log here is none of the two histories.
        SealUnavailable: its newest receipt is yet to be made, and the seal cannot.
    """
    with database.readers.connect() as connection:
        state = channel_named(connection, name)
    origin = state.origin
    if state.ends.outgoing:
        raise BadInput.of("channel", f"must be one that leads to here: in {name} the history of the peer goes on")

    def halt(tx: Transaction, states: Mapping[str, ChannelState]) -> None:
        if shown and states[origin].halt is None:
            said = "its sender's operator shows that it signed two histories"
            tx.halt(origin, Halt(FORKED, said, shown.notes, shown.prefix))

    def open_again(tx: Transaction, states: Mapping[str, ChannelState]) -> None:
        head = states[origin].head
        assert head is not None, "a fork contradicts something"
        if read_uncertified(tx.connection, states[origin]):
            raise WrongState(
                f"the receipt for {origin} is withheld: content never came, and its sender has not certified that yet. "
                "The last resort is left, as docs/operations.md tells"
            )
        tx.give_receipt(origin, head)  # it may have halted before this was made
        tx.reopen(origin)
        tx.tell_node(Event.ALARM, f"{KEEP}: {origin} goes on from what is here: {envelopes(head.checkpoint.size)}")

    commit_alone(database, keyring, [halt], "", clock=clock, random=random)
    with database.readers.connect() as connection:
        given_up = _contrary(connection, state)
    commit_alone(database, keyring, [open_again], KEEP, clock=clock, random=random)
    with database.readers.connect() as connection:
        receipt = read_channels(connection)[origin].receipt
    assert receipt is not None, "it was made above"
    return Settlement(receipt.note, given_up)


def _contrary(connection: Connection, state: ChannelState) -> bytes:
    """Of the newest fork's two heads, the one that is not of the log here."""
    found = read_forks(connection, state.origin)
    if not found:
        raise WrongState(f"no fork of {state.origin} is known here; if its sender's operator has a proof, give --proof")
    proof = ForkProof.parse(found[-1][0])
    foreign = [
        note for note, head in zip(proof.notes, proof.checkpoints(), strict=True) if not _holds(connection, state, head)
    ]
    if len(foreign) != 1:
        raise WrongState(
            f"{len(foreign)} of the two histories of {state.origin} are not the one here: with this proof there is "
            "nothing that both sides could agree on"
        )
    return foreign[0]


def _holds(connection: Connection, state: ChannelState, head: Checkpoint) -> bool:
    """Whether the log here begins with what a head commits to."""
    return head.size <= state.log.size and tiles.root_of(reader(connection, state.id), head.size) == head.root


# --- the sender's part ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Branch:
    """What is given up of a log.

    Attributes:
        state: of the channel, as it was
        first: index of the first envelope that is given up
        heads: notes of the signed heads over them
        leaves: them
        goes_on: the peer's receipt for the other history
    """

    state: ChannelState
    first: int
    heads: Sequence[bytes]
    leaves: Iterator[BranchLeaf]
    goes_on: Receipt


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What was done: envelopes that are given up, from index ``first`` on, and drafts that lapsed with them."""

    state: ChannelState
    first: int
    count: int
    drafts: int


def give_up_branch(
    database: Database,
    parties: Parties,
    signer: Callable[[int], Signer],
    settlement: Settlement,
    keep: Callable[[Branch], None],
    now: int,
    random: Callable[[int], bytes],
) -> GivenUp:
    """Gives up what a forked channel of ours has beside the history that its receiver holds, in one transaction.

    What lies above the newest receipt goes: the receiver hands back what of it is in its history, too. So it is of a
    change of the seal; where the receiver does not have that, the channel is left behind (``own_seal``).

    Args:
        database: open, with the home's lock: no node may run
        parties: this node and its peers, with the seals that their files name
        signer: gives what signs with the seal in force as of a time, in seconds since 1970, or raises if it cannot
        settlement: that both operators agree on
        keep: keeps what is given up, durably, before it goes
        now: microseconds since 1970
        random: gives so many random bytes

    Raises:
        BadInput: it is of no channel that is here.
        WrongState: the channel is not forked, or cannot go on from there.
        VerificationError: the settlement is not signed by both.
        StoreError: the database did not take it, and is as it was.
    """
    try:
        with database.writer() as connection, connection.begin():
            take_alone(connection)
            done = _GivingUp(connection, parties, settlement, now).run(keep)
            entry = Entry(Requester(), GIVE_UP, JournalEntry.COMMITTED).encode(random(SALT_BYTES), now)
            write_journal(connection, read_journal(connection), [entry], signer, now, sign=True)
            return done
    except SQLAlchemyError as error:
        raise StoreError(f"nothing was given up, and all is as it was: {error}") from error


class _GivingUp:
    def __init__(self, connection: Connection, parties: Parties, settlement: Settlement, now: int) -> None:
        self._connection, self._now = connection, now
        origin = Checkpoint.parse(Note.parse(settlement.goes_on).text).origin
        state = read_channels(connection).get(origin)
        if state is None:
            raise BadInput.of("settlement", f"must be of a channel that is here; it is of {origin}")
        if not state.ends.outgoing:
            raise BadInput.of("settlement", f"must be of a channel of this node; that one is {state.ends.sender}'s")
        self._state = state
        either = state.seals.sender.expecting((parties.own.seal, *parties.own.earlier_seals)).regardless()
        self._goes_on, self._other = settlement.open(replace(state.seals, sender=either))

    def run(self, keep: Callable[[Branch], None]) -> GivenUp:
        state, goes_on = self._state, self._goes_on.checkpoint
        if state.halt is None or state.halt.reason != FORKED:
            raise WrongState(f"{state.origin} has not halted as forked: there is nothing to give up")
        if _holds(self._connection, state, goes_on):
            if _holds(self._connection, state, self._other.checkpoint):
                raise WrongState(f"the log here holds both heads: the settlement is an old one. {_ASK}")
            said = f"{GIVE_UP}: the log here is the history that goes on; it waits to hear from its peer"
            halt_anew(self._connection, state, Halt(RESTORED, said), self._now, self._told(0))
            return GivenUp(state, state.log.size, 0, 0)
        first = self._require_receipts()
        keep(
            Branch(
                state,
                first,
                read_branch_heads(self._connection, state.id, first),
                read_branch(self._connection, state.id, first),
                self._goes_on,
            )
        )
        count, names = state.log.size - first, names_in(read_branch(self._connection, state.id, first))
        said = f"{GIVE_UP}: it takes back what the peer countersigned: {envelopes(goes_on.size)}"
        halt = Halt(SENDER_ROLLED_BACK, said, (self._goes_on.note,))
        cut(self._connection, state, first, halt, self._now, self._told(count))
        withdraw_replies(self._connection, rebuild_within(self._connection, self._now).unused)
        return GivenUp(state, first, count, forget(self._connection, names, self._now))

    def _require_receipts(self) -> int:
        """Where the branch begins: above the newest receipt, which no operator can give up."""
        state, size = self._state, self._goes_on.checkpoint.size
        first = state.receipted_size
        if first >= size:
            raise WrongState(
                f"the peer's receipt for {envelopes(first)} is here, and the settlement goes on from {size}: it is an "
                f"old one, or the peer countersigned two histories. {_ASK}"
            )
        return first

    def _told(self, count: int) -> EventContent:
        size = self._goes_on.checkpoint.size
        said = f"{GIVE_UP}: {self._state.origin} goes on from what its peer has, {envelopes(size)}; given up: {count}"
        return EventContent(Event.ALARM, detail=said)
