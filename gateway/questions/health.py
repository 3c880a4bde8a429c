"""What is well, by name: the services, and to those who may look at channels, these.

    empty, or that of a service      the node serves: it can write
    channels                         every channel moves
    channels/hk-to-kr                this channel moves: what is sealed gets its receipt
    channels/hk-to-kr/connected      its stream is up: the peer is reached
    channels/hk-to-kr/open           it has neither halted nor ended with its pairing

So a channel whose peer cannot be reached is ``open`` and not ``connected``, and one that has halted is not ``open``.
One that has ended is not well by its own name, and does not count for ``channels``.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping

from gateway.identity.access.access import Access, Caller
from gateway.questions.links import Links, Movement, movement
from gateway.questions.standing import channel_name
from gateway.store.bulletin import Bulletin

CHANNELS = "channels"
_LOOKING = "/regulator.exchange.v1.AdminService/GetChannel"  # who may do this may ask for channels here


class Health:
    """Answers from what the node knows at the moment.

    Args:
        services: full names of those that are served
        bulletin: knows the channels
        links: how they move
    """

    def __init__(self, services: Collection[str], bulletin: Bulletin, links: Links) -> None:
        self._services, self._bulletin, self._links = ("", *services), bulletin, links
        self._writes = True  # as far as is known

    def is_well(self, name: str, caller: Caller) -> bool | None:
        """Tells of one name; None: there is none such, or none that the caller may ask for."""
        return self.of_all(caller).get(name)

    def of_all(self, caller: Caller) -> Mapping[str, bool]:
        """Tells of every name that a caller may ask for."""
        serves = self._writes and not self.is_over
        found = dict.fromkeys(self._services, serves)
        if Access.allows(caller, _LOOKING):
            found |= {name: serves and is_well for name, is_well in self._of_channels()}
        return found

    def note_commit(self, *, is_durable: bool) -> None:
        """Takes how a commit went: a node that cannot write answers no call, since it cannot tell of it."""
        if is_durable != self._writes:
            self._writes = is_durable
            self._links.wake()

    @property
    def can_write(self) -> bool:
        """Tells whether the newest commit was durable."""
        return self._writes

    async def until_it_cannot_write(self) -> None:
        """Waits until a commit has failed."""
        while self._writes:
            await self.next().wait()

    @property
    def is_over(self) -> bool:
        """Tells whether the node stops: nothing will be well again."""
        return self._bulletin.closed

    def next(self) -> asyncio.Event:
        """Gives what is set by the next news: take it before you ask, then nothing is missed."""
        return self._links.next()

    def _of_channels(self) -> Iterator[tuple[str, bool]]:
        states = self._bulletin.commit.states.values()
        links = {state.origin: self._links.of(state.origin) for state in states}
        moves = {state.origin: movement(state, links[state.origin]) is Movement.SERVING for state in states}
        yield CHANNELS, all(moves[state.origin] for state in states if not state.ended)
        for state in states:
            name = channel_name(state)
            yield name, moves[state.origin]
            yield f"{name}/connected", links[state.origin].connected
            yield f"{name}/open", state.halt is None and not state.ended
