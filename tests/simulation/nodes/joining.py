"""A node that others are paired with while all run: each operator imports the other document in its own time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

from gateway.identity.pairing.parties import Party
from tests.simulation.nodes.site import Site

LONGEST_WAIT_SECONDS, LONGEST_TALK_SECONDS = 6.0, 8.0


class Joining:
    """What operators do about a node that comes later.

    Attributes:
        may_rotate: not while documents are made and imported
    """

    def __init__(self, world: Any, random: Random) -> None:
        self._world, self._random, self.may_rotate = world, random, True

    async def run(self, late: Site, others: Sequence[Site]) -> None:
        """Pairs it with each of the others, one after the other."""
        for other in others:
            await asyncio.sleep(self._random.uniform(0.5, LONGEST_WAIT_SECONDS))
            self.may_rotate = False
            while any(_is_rotating(door) for site in (late, other) for door in site.doors):  # noqa: ASYNC110 - of files
                await asyncio.sleep(1)
            documents = [(late, _document(other)), (other, _document(late))]
            self._random.shuffle(documents)
            for site, document in documents:
                await self._import(site, document)
            self.may_rotate = True

    async def _import(self, site: Site, document: Party) -> None:
        """As ``gateway pair import``, and a start of each replica, which knows the peer from then on."""
        await asyncio.sleep(self._random.uniform(0, LONGEST_TALK_SECONDS))
        for door in site.doors:
            await door.visited(partial(door.join, document))
        self._world.told("joins", site.name, document.jurisdiction)


def _is_rotating(site: Site) -> bool:
    return bool(site.next_seal or site.kept_seals)


def _document(site: Site) -> Party:
    """What a node exports: the seal that is in force now, and none before it."""
    return replace(site.parties.own, earlier_seals=())
