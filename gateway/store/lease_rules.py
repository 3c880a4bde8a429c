"""Who takes which lease, and when: decided by each replica for itself, from what all of them see.

Channels are shared out evenly: a replica takes what nobody has up to its share at once, and more only after some time
in which nobody else did. So a channel moves at once where it can, and always moves in the end. One that holds more than
its share, as when others have been started, gives the rest back.
"""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256

from gateway.moments import MICROS
from gateway.store.leases import Picture, Replica

PATIENCE_SECONDS = 1.0  # that what is free is left to those who have less
SETTLED_SECONDS = 10.0  # that a replica runs before others make room for it
GIVEN_AT_ONCE = 8  # channels: each is without a stream for a moment


@dataclass(frozen=True, slots=True)
class Decision:
    """Channels, by their ids, of which a replica tries to take the lease, and of which it gives it back."""

    take: tuple[int, ...] = ()
    give_back: tuple[int, ...] = ()


def decide(me: str, picture: Picture, outgoing: Collection[int]) -> Decision:
    """Decides for one replica.

    Args:
        me: its id
        picture: what it sees
        outgoing: the channels that it can dial
    """
    mine = [channel for channel in outgoing if _holder(picture, channel) == me]
    # One with another number of channels was started with other pairings: it may not be able to dial these.
    able = [each for each in picture.running() if each.outgoing == len(outgoing)]
    share = -(-len(outgoing) // max(1, len(able)))
    free = [channel for channel in outgoing if _holder(picture, channel) is None]
    room = max(0, share - len(mine))
    ordered = sorted(free, key=lambda channel: sha256(f"{me} {channel}".encode()).digest())
    late = [channel for channel in ordered[room:] if _free_for(me, picture, channel) > PATIENCE_SECONDS * MICROS]
    settled = [each for each in able if each.id == me or _age(picture, each) > SETTLED_SECONDS * MICROS]
    surplus = len(mine) - -(-len(outgoing) // max(1, len(settled)))
    return Decision((*ordered[:room], *late), tuple(sorted(mine)[: max(0, min(surplus, GIVEN_AT_ONCE))]))


def _holder(picture: Picture, channel: int) -> str | None:
    holding = picture.holding(channel)
    return (holding.lease.holder or None) if holding else None


def _free_for(me: str, picture: Picture, channel: int) -> int:
    """Since how long nobody has it; where that is not known, since this replica began."""
    holding, known = picture.holdings.get(channel), picture.replicas.get(me)
    if holding and holding.expires_at <= picture.now:
        return picture.now - holding.expires_at
    return _age(picture, known) if known else 0


def _age(picture: Picture, replica: Replica) -> int:
    return picture.now - replica.started_at
