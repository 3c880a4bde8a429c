"""What a verification found, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import RowMapping

MAX_FINDINGS = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not fit.

    Attributes:
        where: table and row, ``leaves gateway.hk.example/to/gateway.kr.example 17``
        what: is wrong there
        expected: what would be right; empty where that is not known
    """

    where: str
    what: str
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"; expected {self.expected}" if self.expected else "")


@dataclass(frozen=True, slots=True)
class ChannelCount:
    """What was verified of one channel.

    Attributes:
        origin: of the channel
        envelopes: leaves whose bytes were hashed, or whose content is destroyed
        heads: signed checkpoints, receipts among them
        receipts: of these, countersigned
        receipted: number of envelopes that the newest receipt covers
        destroyed: envelopes whose content is destroyed
    """

    origin: str
    envelopes: int
    heads: int
    receipts: int
    receipted: int
    destroyed: int


@dataclass(frozen=True, slots=True)
class JournalCount:
    """What was verified of the access journal.

    Attributes:
        origin: of the journal
        entries: leaves whose bytes were hashed
        signed: how many of these the newest signed head covers
        waiting: how many of the newest wait for a signature that the seal could not give: so far nothing proves them
    """

    origin: str
    entries: int
    signed: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was verified, and what does not fit; a store that verifies has no findings, and nothing unproven or lost.

    Attributes:
        journal: the access journal
        channels: by origin
        rows: number of rows read of each projection, by table
        findings: at most ``MAX_FINDINGS``, in the order in which they were met
        left_out: how many more there were
        unused: replies that count for nothing, as those that came before what they reply to: channel and index
        unproven: what could not be checked, for people
        lost: what this node has seen of the database, and is not there any more, for people
    """

    journal: JournalCount
    channels: tuple[ChannelCount, ...]
    rows: Mapping[str, int]
    findings: tuple[Finding, ...]
    left_out: int
    unused: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(slots=True)
class Findings:
    """Collects findings, up to a bound; and what is no fault of a row: unused replies, what is unproven or lost."""

    found: list[Finding] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    left_out: int = 0

    def add(self, where: str, what: str, expected: str = "") -> None:
        """Adds one."""
        if len(self.found) < MAX_FINDINGS:
            self.found.append(Finding(where, what, expected))
        else:
            self.left_out += 1

    def compare(self, where: str, row: RowMapping, expected: Mapping[str, Any]) -> None:
        """Adds one for each column of a row that has another value than is expected."""
        for column, value in expected.items():
            if row[column] != value:
                self.add(where, f"has {column} {row[column]!r}", repr(value))
