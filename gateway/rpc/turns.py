"""Which of a peer's files is asked for next: that with the least to come, but one of which nothing came lets others go.

Else a file that its holder cannot read, and that ends the stream each time, would hold up all larger ones for ever. One
that was asked for while the line broke waits for one part of another file, and no longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.store.attachments.queries import Wanted


@dataclass(slots=True)
class _Asked:
    """A file that was asked for, and of which nothing more is here since."""

    stored_bytes: int
    times: int
    to_pass: int  # questions for other files before it is asked for again, where there are others


class Turns:
    """Remembers what was asked of each peer in vain; on the loop's thread alone."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, bytes], _Asked] = {}  # by peer and digest

    def waiting(self, peer: str) -> int:
        """Gives how many of a peer's files may wait for others."""
        return sum(of_peer == peer for of_peer, _ in self._asked)

    def ordered(self, peer: str, wanted: Sequence[Wanted]) -> list[Wanted]:
        """Gives what is wanted in the order in which it is to be asked for."""
        stored = {each.file.sha256: each.stored_bytes for each in wanted}
        for key, asked in [each for each in self._asked.items() if each[0][0] == peer]:
            if stored.get(key[1]) != asked.stored_bytes:
                del self._asked[key]
        return sorted(wanted, key=lambda each: self._to_pass(peer, each))

    def asks(self, peer: str, wanted: Wanted) -> None:
        """Takes that a file is asked for now."""
        for (of_peer, _), asked in self._asked.items():
            if of_peer == peer:
                asked.to_pass = max(asked.to_pass - 1, 0)
        known = self._asked.get((peer, wanted.file.sha256))
        times = known.times + 1 if known else 1
        self._asked[peer, wanted.file.sha256] = _Asked(wanted.stored_bytes, times, times)

    def _to_pass(self, peer: str, wanted: Wanted) -> int:
        known = self._asked.get((peer, wanted.file.sha256))
        return known.to_pass if known else 0
