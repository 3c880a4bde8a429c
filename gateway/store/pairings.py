"""The end of a pairing as the store keeps it: with both channels of the peer, so every replica knows it at once."""

from collections.abc import Sequence

from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.journal_pb2 import JournalEntry

from gateway.errors import PairingEnded
from gateway.identity.pairing.end import Ending, later
from gateway.journal.entries import Entry, Requester
from gateway.store.state import ChannelState
from gateway.store.transaction import Transaction

END, RESUME = "gateway pair end", "gateway pair import"  # what the journal names as the act


def keep_ending(tx: Transaction, peer: str, origins: Sequence[str], ending: Ending) -> bool:
    """Takes an operator's decision, with its event and its entry in the access journal; False: it is known, or older.

    Args:
        tx: of this commit
        peer: the jurisdiction
        origins: of the two channels
        ending: as the home has it
    """
    known = [tx.channel(each).ending for each in origins]
    if all(each is not None and later(each, ending) is each for each in known):
        return False
    for origin in origins:
        tx.keep_ending(origin, ending)
    if ending.is_over:
        tx.tell_node(Event.PAIRING_RESUMED, f"the pairing with {peer} holds again; it had ended at {ending.when}")
    else:
        said = f"the pairing with {peer} was ended at {ending.when} by {ending.by}: {ending.reason}"
        tx.tell_node(Event.PAIRING_ENDED, said)
    act = RESUME if ending.is_over else END
    tx.journal(Entry(Requester(), act, JournalEntry.COMMITTED, resources=(f"peers/{peer.lower()}",)))
    return True


def require_paired(state: ChannelState) -> None:
    """Passes unless the pairing of a channel has ended.

    Raises:
        PairingEnded: it has; what is in the log stays there.
    """
    if ended := state.ended:
        raise pairing_ended(state.ends.peer, ended)


def not_paired(peer: str, ended: Ending) -> str:
    """What is wrong with a recipient whose pairing has ended."""
    return f"must be a paired jurisdiction: the pairing with {peer} ended at {ended.when}"


def pairing_ended(peer: str, ended: Ending) -> PairingEnded:
    """Says that a pairing has ended, and when; who ended it and why is not for everybody."""
    return PairingEnded(f"the pairing with {peer} ended at {ended.when}", peer=peer)
