"""How files stand between this node and others: what they take of their quotas, what waits for them, how they move."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gateway.errors import GatewayError
from gateway.store.attachments.standing import Awaited, read_awaited, read_totals
from gateway.store.readers import Readers
from gateway.supervision.attachments import Owner, Totals


class Transfers:
    """How the files of each channel move, by its origin: noted by those who move them. On the loop's thread alone.

    Args:
        clock: microseconds since 1970
        on_moved: told the origin, and how many bytes went or came
        on_refused: told what this node does not take of a peer
    """

    def __init__(
        self,
        clock: Callable[[], int],
        on_moved: Callable[[str, int], None],
        on_refused: Callable[[GatewayError], None],
    ) -> None:
        self._clock, self._on_moved, self.on_refused = clock, on_moved, on_refused
        self._began_at, self._moved_at = clock(), dict[str, int]()
        self._trouble: dict[str, str] = {}

    def moved(self, origin: str, count: int) -> None:
        """Notes bytes that went to the peer, or came from it."""
        self._moved_at[origin] = self._clock()
        self._on_moved(origin, count)

    def note(self, origin: str, trouble: str) -> None:
        """Notes what holds files up, for people; empty: nothing that is known."""
        self._trouble[origin] = trouble

    def idle_since(self, origin: str, awaited: Awaited) -> int:
        """Since when no byte moved of what notices of a channel wait for; at most since this process began."""
        return max(awaited.since, awaited.touched_at or 0, self._moved_at.get(origin, self._began_at))

    def trouble(self, origin: str) -> str:
        """Gives what holds files up."""
        return self._trouble.get(origin, "")


@dataclass(frozen=True, slots=True)
class Usage:
    """What the files of one owner take of its quota."""

    owner: Owner
    totals: Totals
    quota_bytes: int


class AttachmentStanding:
    """Answers for operators and for metrics.

    Args:
        readers: of the store
        quotas: bytes of each authority and each peer, by whose it is
        transfers: how files move
    """

    def __init__(self, readers: Readers, quotas: Mapping[Owner, int], transfers: Transfers) -> None:
        self._readers, self._quotas, self.transfers = readers, quotas, transfers

    async def usages(self) -> list[Usage]:
        """Tells of everybody who has a quota here, and of whoever has files."""
        return list(self._usages(await self._readers.run(read_totals)))

    async def awaited(self) -> Mapping[int, Awaited]:
        """Tells which notices wait for their files, by the id of their channel."""
        return await self._readers.run(read_awaited)

    def _usages(self, totals: Mapping[Owner, Totals]) -> Iterator[Usage]:
        for owner in {**self._quotas, **totals}:
            yield Usage(owner, totals.get(owner, Totals()), self._quotas.get(owner, 0))
