"""How much is measured: the whole of it, or less."""

from dataclasses import dataclass, replace

from tests.benchmarks.load import Amount, Seconds

MESSAGE_BYTES = 1024  # of the message that all else is measured with
CALLERS = 64  # where nothing else is said; with messages of other sizes, a few
FEW_CALLERS = 8
MILLION = 1_000_000
BULK_A_SECOND = 4_000  # notices of a bulk for each second of a round, about


@dataclass(frozen=True)
class Form:
    """One form of the benchmark.

    Attributes:
        name: of it
        rounds: how often each figure is taken, in turns with its floor; they are put together
        seconds: of each round, about
        callers: at once
        sizes: of messages, in bytes
        peers: of one node
        notices: in its log
        provisions: of a framework's version
        starts: of a node, of which the middle one counts
        profiled: loads whose time is told by part (``profile.LOADS``)
        profile_share: of the notices of such a load
    """

    name: str
    rounds: int
    seconds: float
    callers: tuple[int, ...] = (1, 8, 64, 512)
    sizes: tuple[int, ...] = (256, MESSAGE_BYTES, 64 * 1024, 1024 * 1024)
    peers: tuple[int, ...] = (1, 2, 4, 8)
    notices: tuple[int, ...] = (1_000, 10_000, 100_000)
    provisions: int = 5_000
    starts: int = 3
    profiled: tuple[str, ...] = ("unary", "alone", "bulk")
    profile_share: float = 1

    @property
    def amount(self) -> Amount:
        """Of calls in a round."""
        return Seconds(self.seconds)

    def with_million(self) -> "Form":
        return replace(self, notices=(*(each for each in self.notices if each < MILLION), MILLION))


WHOLE = Form("whole", rounds=3, seconds=1.5)
QUICK = Form(
    "quick",
    rounds=1,
    seconds=0.2,
    peers=(1, 2),
    notices=(1_000, 5_000),
    provisions=500,
    starts=1,
    profiled=("unary", "bulk"),
    profile_share=0.1,
)
