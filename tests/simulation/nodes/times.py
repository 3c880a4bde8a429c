"""What goes wrong with the time: clocks that leap, each to a time of its own or all to the same one; hours that pass.

A node finds out a clock that leaps, and seals nothing with it; so once it is right, all goes on at once. Only what is
wrong everywhere in the same way is found by nobody: then that time must come before all is at rest.
"""

from random import Random
from typing import Any

from tests.simulation.nodes.site import Site

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86_400, 365 * 86_400
STEPS = (2 * HOUR, DAY, YEAR)
SLIGHT_SECONDS = 20 * MINUTE  # two clocks that are off by it, to and fro, still agree
FAR_BEHIND_SECONDS = HOUR  # for which times do not stand still


class Times:
    """The clocks of all nodes.

    Attributes:
        agreed_seconds: how far ahead all of them were at once
    """

    def __init__(self, world: Any, random: Random) -> None:
        self._world, self._random = world, random
        self._factors = {place: number for number, place in enumerate(world.sites, 1)}
        self.agreed_seconds = 0.0

    async def set_clock(self, site: Site) -> None:
        """A clock is set right, a little wrong, or leaps: so that it never agrees with another one that leapt."""
        slight = self._random.uniform(-SLIGHT_SECONDS, SLIGHT_SECONDS)
        far = self._factors[site.place] * self._random.choice(STEPS) * self._random.choice([1, -1])
        seconds = self._random.choice([0.0, slight, far + self._random.uniform(-1, 1)])
        self._set(site, seconds)

    async def mislead(self, _site: Site) -> None:
        """All clocks leap in the same way, and confirm each other."""
        self.agreed_seconds = max(self.agreed_seconds, jump := float(self._random.choice([2 * HOUR, DAY])))
        for site in self._world.sites.values():
            self._set(site, jump)
            site.disk.mislead(jump)
            site.is_misled = True

    async def let_hours_pass(self, site: Site) -> None:
        """A node is off for hours; then it waits for who confirms its clock, or an operator has looked at it."""
        site.kill()
        self._world.loop.leap(self._random.uniform(HOUR, DAY))
        if self._random.random() < 0.5:
            self.set_right(site)

    def set_right(self, site: Site) -> None:
        """An operator looks at a clock, and starts the node with it."""
        site.offset_seconds, site.trusts_clock = self.agreed_seconds, True

    def stop(self) -> None:
        """All clocks are right, or wrong in the one way in which all were."""
        for site in self._world.sites.values():
            site.offset_seconds = self.agreed_seconds
            site.disk.mislead(self.agreed_seconds)

    def _set(self, site: Site, seconds: float) -> None:
        site.offset_seconds, site.trusts_clock = seconds, False  # whoever looked at it saw another time
        for door in site.doors:
            door.was_far_behind |= seconds < -FAR_BEHIND_SECONDS
