"""The time that a node signs with, and whether it is to be believed.

What is sealed hours ahead of the time is taken by no peer before that time has come, and a log's times never go back.
So a clock that leaps must be found before anything is sealed with it. The machine's clock is believed as long as it
goes on as the time does that has passed since it was believed (by a clock that nobody sets), or, with PostgreSQL, as
the server's does; and whenever that of a peer agrees: two clocks are less likely wrong in the same way than one.

While it is not believed, nothing is sealed, and an alarm tells of it. All else goes on: what is received, and the
journal, are dated by the time that has passed. A peer alone that disagrees has nothing sealed for it, and that is all.
"""

import time
from collections.abc import Callable, Iterator, Mapping

from gateway.errors import Unavailable
from gateway.moments import MICROS

MAX_LEAP_MICROS = 45 * 60 * MICROS  # less than the hour that peers allow each other
MAX_SET_BACK_MICROS = 60 * 60 * MICROS  # that times stand still for a clock to catch up again
NOTHING_TELLS = "since a restore nothing tells whether the clock is right, and no peer's agrees with it"
MAX_DIGITS = 18
TOLD_MINUTES = 5  # to which a difference is told: else the same one would be told again as another

TIME_KEY = "gateway-time"
"""The key in gRPC's initial metadata under which a peer tells its time: microseconds since 1970, in decimal digits."""


class Witnesses:
    """What may know better than the machine's clock: here nothing does."""

    def tell(self) -> str:
        """Gives what a peer is told of the time here; empty: nothing."""
        return ""

    def server(self, micros: int) -> None:
        """Takes the time of the database's server."""

    def peer(self, _domain: str, _told: str, /) -> bool:
        """Takes what a peer tells of the time; False: it tells none."""
        return False

    def forget(self, _domain: str) -> None:
        """Lets go of what a peer told of the time."""

    def wanted(self, _domain: str) -> bool:
        """Tells whether a peer is to be asked for its time again."""
        return False

    def require(self, domain: str) -> None:
        """Passes if something may be sealed for a peer now; raises ``Unavailable``."""

    def require_known(self) -> None:
        """Passes if there is a time by which a receipt can be dated; raises ``Unavailable``."""


NO_WITNESSES = Witnesses()


def elapsed_micros() -> int:
    """Microseconds since the machine started, those while it slept too: nobody sets this clock."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


class Clock(Witnesses):
    """Compares the machine's clock with all that is known of the time. Any thread may ask it.

    Args:
        wall: the machine's clock, microseconds since 1970
        elapsed: microseconds since any moment, by a clock that nobody sets
    """

    def __init__(self, wall: Callable[[], int], elapsed: Callable[[], int] = elapsed_micros) -> None:
        self.wall, self._elapsed = wall, elapsed
        self._believed = (wall(), elapsed())  # when it last was, and how long that is ago; 0: that is not known
        self._server: tuple[int, int] | None = None
        self._peers: Mapping[str, tuple[int, int]] = {}  # as they told it; never changed, since threads look through it

    @property
    def believed(self) -> int:
        """Gives when the machine's clock was last believed; 0: that is not known."""
        return self._believed[0]

    def go_on_from(self, micros: int) -> None:
        """Takes when the node last believed its clock, before it was started; 0: it did, and nothing tells when."""
        if self.wall() > micros + MAX_LEAP_MICROS:
            self._believed = (micros, self._elapsed())

    def now(self) -> int:
        """Gives the time; by the time that has passed, while the machine's clock is not believed, if that is known."""
        return self._judge()[0]

    @property
    def doubt(self) -> str:
        """Tells, for people, why the machine's clock is not believed; empty: it is."""
        return self._judge()[1]

    def tell(self) -> str:
        """Gives the machine's clock as it is: two that agree are right, though neither believes itself."""
        return str(self.wall())

    def server(self, micros: int) -> None:
        """Takes the time of the database's server."""
        self._server = (micros, self._elapsed())

    def peer(self, domain: str, told: str, /) -> bool:
        """Takes what a peer tells of the time; False: it tells none."""
        if not (told.isascii() and told.isdecimal() and len(told) <= MAX_DIGITS):
            return False
        self._peers = {**self._peers, domain: (int(told), self._elapsed())}
        return True

    def forget(self, domain: str) -> None:
        """Lets go of what a peer told: it is asked no more, and neither confirms this clock nor contradicts it."""
        self._peers = {each: told for each, told in self._peers.items() if each != domain}

    def wanted(self, domain: str) -> bool:
        """Tells whether a peer is to be asked again: its clock may be right now, or tell that this one is."""
        return bool(self.doubt or self._contradiction(domain))

    def contradictions(self) -> Iterator[str]:
        """Tells, for people, of each peer whose clock is another one."""
        return filter(None, map(self._contradiction, sorted(self._peers)))

    def require(self, domain: str) -> None:
        """Passes if something may be sealed for a peer now.

        Raises:
            Unavailable: the clock is in doubt.
        """
        if why := self.doubt or self._contradiction(domain):
            raise Unavailable(f"nothing is sealed now: {why}")

    def require_known(self) -> None:
        """Passes if there is a time to date a receipt by: one of a time to come would hold all later ones to that.

        Raises:
            Unavailable: nothing tells the time but a clock that nothing confirms.
        """
        if (why := self.doubt) == NOTHING_TELLS:
            raise Unavailable(f"no receipt is given now: {why}")

    # --- how --------------------------------------------------------------------------------------------------------

    def _judge(self) -> tuple[int, str]:
        wall, elapsed = self.wall(), self._elapsed()
        passed = _later(self._believed, elapsed)
        if self._server:
            reference, of = _later(self._server, elapsed), "that of the database's server"
            agrees = _agree(wall, reference)
        else:
            reference, of = passed, "the time that has passed"
            agrees = wall <= passed + MAX_LEAP_MICROS  # one that was set back harms no log: its times stand still
        is_confirmed = self._is_confirmed(wall, elapsed)
        if not (self._believed[0] or self._server or is_confirmed):
            return wall, NOTHING_TELLS
        if is_confirmed or (agrees and wall >= reference - MAX_LEAP_MICROS):
            self._believed = (wall, elapsed)
        if agrees or is_confirmed:
            return wall, ""
        return reference, f"the clock is {_apart(wall, reference)} {of}, and no peer's agrees with it"

    def _is_confirmed(self, wall: int, elapsed: int, but: str = "") -> bool:
        return any(_agree(wall, _later(told, elapsed)) for domain, told in self._peers.items() if domain != but)

    def _contradiction(self, domain: str) -> str:
        """In what a peer's clock is another one; empty: it is not, or something else says that this one is right."""
        told, wall, elapsed = self._peers.get(domain), self.wall(), self._elapsed()
        if told is None or _agree(wall, _later(told, elapsed)):
            return ""
        if (self._server and _agree(wall, _later(self._server, elapsed))) or self._is_confirmed(
            wall, elapsed, but=domain
        ):
            return ""
        return f"the clock is {_apart(wall, _later(told, elapsed))} that of {domain}"


def next_time(last: int, signed_seconds: int, clock: int) -> int:
    """Gives the time of the next commit: not before the last one, nor before what this node signed in an earlier life.

    A signature bears its second alone, and what it is for may be of the last moment of that.
    """
    signed = signed_seconds * MICROS
    known = not_before(signed + MICROS - 1, max(last, clock)) if signed > last else last
    return not_before(known, clock)


def not_before(last: int, clock: int) -> int:
    """Gives the time of a commit: not before that of the one before, unless that was far ahead, and so was wrong."""
    return max(last, clock) if last <= clock + MAX_SET_BACK_MICROS else clock


def _later(told: tuple[int, int], elapsed: int) -> int:
    return told[0] + elapsed - told[1]


def _agree(one: int, other: int) -> bool:
    return abs(one - other) <= MAX_LEAP_MICROS


def _apart(wall: int, other: int) -> str:
    minutes = round(abs(wall - other) / (60 * MICROS * TOLD_MINUTES)) * TOLD_MINUTES
    return f"{minutes // 60} h {minutes % 60} min {'ahead of' if wall > other else 'behind'}"
