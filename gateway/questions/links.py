"""How the channels move: kept up to date by those who run the streams, and told to whoever asks or waits."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.news import News
from gateway.store.leases import Picture
from gateway.store.state import ChannelState


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """How the stream of a channel does.

    Attributes:
        connected: whether it is up
        last_error: for people, empty while nothing is wrong
        refused: the peer takes none, since an operator there ended the pairing
    """

    connected: bool = False
    last_error: str = ""
    refused: bool = False


class Links(News):
    """How the stream of each channel does, by origin. Used on the loop's thread alone.

    ``replica`` and ``replica_id`` name this replica, and are empty where the node is one process; ``picture``: what is
    known of all of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.replica, self.replica_id, self.picture = "", "", Picture()
        self._status: dict[str, LinkStatus] = {}
        self._halted: frozenset[str] = frozenset()

    def holds(self, channel: int) -> bool:
        """Whether this replica has the stream of a channel; a node that is one process has all."""
        holder = self.picture.holder(channel)
        return not self.replica or (holder is not None and holder.id == self.replica_id)

    def of(self, origin: str) -> LinkStatus:
        """Gives how the stream of a channel does."""
        return self._status.get(origin, LinkStatus())

    def note(self, origin: str, status: LinkStatus) -> None:
        """Keeps how it does now, and wakes all who wait if that is news."""
        if status != self.of(origin):
            self._status[origin] = status
            self.wake()

    def follow(self, states: Mapping[str, ChannelState]) -> None:
        """Takes the state as of a commit, and wakes all who wait if a channel halted or was opened again."""
        halted = frozenset(origin for origin, state in states.items() if state.halt)
        if halted != self._halted:
            self._halted = halted
            self.wake()


class Movement(StrEnum):
    """Whether a channel moves, in the words that metrics and health use."""

    SERVING = "serving"
    PEER_UNREACHABLE = "peer_unreachable"  # its stream is down: envelopes wait
    HALTED = "halted"  # until an operator has decided, or what the halt was for is mended
    ENDED = "ended"  # with its pairing: that it stands still is meant


def movement(state: ChannelState, link: LinkStatus) -> Movement:
    """Tells whether a channel moves; one that has ended or halted does not, whatever its stream does."""
    if state.ended:
        return Movement.ENDED
    if state.halt:
        return Movement.HALTED
    return Movement.SERVING if link.connected else Movement.PEER_UNREACHABLE
