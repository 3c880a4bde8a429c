"""Counts equal refusals, so that a flood of them makes a few entries and not a full disk.

The first of a kind in an interval has an entry of its own, before the caller is told. Those that equal it within the
interval are counted, and have one entry together at its end.
"""

from dataclasses import dataclass, field

from regulator.exchange.v1.journal_pb2 import JournalEntry

from gateway.journal.entries import MAX_RESOURCES, Entry, Requester

MAX_KINDS = 1000  # in one interval; what comes beyond is counted by its reason alone


@dataclass(frozen=True, slots=True)
class Kind:
    """What makes refusals equal: who, what, why."""

    requester: Requester
    method: str
    reason: str


@dataclass(slots=True)
class _Counted:
    count: int = 0
    resources: dict[str, None] = field(default_factory=dict)
    left_out: int = 0

    def add(self, named: tuple[str, ...], count: int) -> None:
        self.count += count
        for name in named:
            if len(self.resources) < MAX_RESOURCES:
                self.resources[name] = None
            elif name not in self.resources:
                self.left_out += 1

    def entry(self, kind: Kind, request_id: str = "") -> Entry:
        resources, step = tuple(self.resources), JournalEntry.REFUSED
        return Entry(
            kind.requester, kind.method, step, kind.reason, resources, self.left_out, request_id, count=self.count
        )


class Refusals:
    """The refusals of one interval. Memory is bounded: ``MAX_KINDS`` kinds, ``MAX_RESOURCES`` names each."""

    def __init__(self) -> None:
        self._counted: dict[Kind, _Counted] = {}

    def take(self, kind: Kind, named: tuple[str, ...] = (), request_id: str = "", count: int = 1) -> Entry | None:
        """Counts a refusal, or several; gives the entry to be written now if it is the first of its kind."""
        if known := self._counted.get(kind):
            known.add(named, count)
            return None
        if len(self._counted) >= MAX_KINDS:
            self._beyond(kind).add((), count)
            return None
        self._counted[kind] = _Counted()
        first = _Counted()
        first.add(named, count)
        return first.entry(kind, request_id)

    def put_back(self, entry: Entry) -> None:
        """Counts again what could not be written."""
        kind = Kind(entry.requester, entry.method, entry.outcome)
        if kind not in self._counted and len(self._counted) >= MAX_KINDS:
            self._beyond(kind).add((), entry.count)
            return
        counted = self._counted.setdefault(kind, _Counted())
        counted.add(entry.resources, entry.count)
        counted.left_out += entry.left_out

    def _beyond(self, kind: Kind) -> _Counted:
        """What is counted by its reason alone."""
        return self._counted.setdefault(Kind(Requester(), "", kind.reason), _Counted())

    def end(self) -> list[Entry]:
        """Ends the interval: gives an entry for each kind that was counted."""
        ended, self._counted = self._counted, {}
        return [counted.entry(kind) for kind, counted in ended.items() if counted.count]
