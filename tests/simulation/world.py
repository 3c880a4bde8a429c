"""Both ends, the link between them, and a schedule of faults drawn from a seed."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from gateway.ledger.channel import State
from tests.ledger.samples import envelopes
from tests.simulation.checker import check_invariants
from tests.simulation.ends import End, ReceiverEnd, SenderEnd
from tests.simulation.link import Link

SETTLE_STEPS = 3000  # more than any of the small logs here needs once faults have stopped (G6)


@dataclass(frozen=True)
class Limits:
    """How large a schedule gets: seals, envelopes a seal, acts (a fault is an act), and rotations of seals."""

    seals: int = 8
    envelopes_per_seal: int = 3
    acts: int = 150
    rotations: int = 0


class World:
    """A channel from Hong Kong to Korea.

    ``act`` takes one random step of anything, faults included; ``settle`` lets all go well until nothing is left to
    do. After each the invariants are checked.
    """

    def __init__(self, seed: int = 0, limits: Limits = Limits()) -> None:
        self.random = Random(seed)
        self.limits = limits
        self.link = Link()
        self.sender, self.receiver = SenderEnd(self.link), ReceiverEnd(self.link)
        self.seals_left = limits.seals
        self.rotations_left = limits.rotations
        self.grown = self.sender.grown  # commits that the sender's machine has not heard of

    # --- what goes well -----------------------------------------------------------------------------------------

    def seal(self, count: int = 1, history: str = "honest") -> None:
        size = self.sender.disk.log.size
        self.sender.seal(envelopes(size + count, history)[size:])

    def rotate(self) -> None:
        """One of the ends changes its seal."""
        self.rotations_left -= 1
        self.random.choice(self.ends).rotate()

    def progress(self) -> list[Callable[[], None]]:
        """All that can go on by itself now."""
        found: list[Callable[[], None]] = [end.step for end in self.ends if end.pending]
        found += [end.notice_loss for end in self.ends if self._has_lost(end)]
        found += [end.receive for end in self.ends if end.inbox and end.stream == self.link.stream and not end.pending]
        if self.sender.receivers != self.receiver.seals and self.sender.machine.state is not State.RESTORING:
            found.append(lambda: self.sender.hear_of_rotation(self.receiver.seals))
        if self.grown and self.sender.machine.state is not State.RESTORING:  # Restored is fed at once, before
            found.append(self.tell_grown)
        if not (self.sender.stream or self.sender.pending or self.halted):
            found.append(self.sender.dial)
        if self.link.stream and not (self.receiver.stream or self.receiver.pending):
            found.append(self.receiver.open_stream)
        return found

    @property
    def ends(self) -> tuple[SenderEnd, ReceiverEnd]:
        return self.sender, self.receiver

    @property
    def halted(self) -> bool:
        """The sender dials no more."""
        return self.sender.disk.halt is not None and self.sender.disk.halt.reason == "FORKED"

    def tell_grown(self) -> None:
        self.sender.feed(self.grown.popleft())

    def settle(self) -> None:
        """Runs without faults until nothing is left to do."""
        for _ in range(SETTLE_STEPS):
            options = self.progress()
            if not options:
                return
            self.random.choice(options)()
            check_invariants(self.sender, self.receiver)
        raise AssertionError("the channel does not come to rest (G6)")

    # --- what goes wrong ----------------------------------------------------------------------------------------

    def act(self) -> None:
        """One step, or one fault."""
        faults: list[Callable[[], None]] = [
            lambda: self.link.drop(self.link.stream),
            lambda: self.link.duplicate(self.random),
            lambda: self.link.truncate(self.random),
            lambda: self.link.replay(self.random),
            lambda: self.crash(self.sender),
            lambda: self.crash(self.receiver),
        ]
        options = self.progress()
        if self.rotations_left and self.sender.disk.halt is None and self.random.random() < 0.04:
            self.rotate()
        elif self.seals_left and self.sender.disk.halt is None and self.random.random() < 0.15:
            self.seals_left -= 1
            self.seal(self.random.randint(1, self.limits.envelopes_per_seal))
        elif self.random.random() < 0.08 or not options:
            self.random.choice(faults)()
        else:
            self.random.choice(options)()
        check_invariants(self.sender, self.receiver)

    def crash(self, end: End) -> None:
        """All that is volatile is gone; effects that were not carried out never are."""
        end.boot()

    def _has_lost(self, end: End) -> bool:
        return bool(end.stream) and end.stream != self.link.stream and not end.pending
