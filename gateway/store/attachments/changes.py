"""What a transaction is going to write of attachments, while it is still in memory."""

from dataclasses import dataclass, field

from gateway.supervision.attachments import Attached, AttachmentRecord, Chunk


@dataclass(slots=True)
class AttachmentChanges:
    """New and changed rows.

    Attributes:
        records: new or changed, by number
        chunks: new ones, each with the number of its file
        named: what each new notice names, by the notice's id
        chosen: numbers of the files that it names, where its author saw which they are
        swept: chunks that go: number of the file, the first index, and the one after the last
        removed: numbers of files of which no chunk is left
        forgotten: ids of notices whose files go, where no other notice names them
    """

    records: dict[int, AttachmentRecord] = field(default_factory=dict)
    chunks: list[tuple[int, Chunk]] = field(default_factory=list)
    named: dict[str, tuple[Attached, ...]] = field(default_factory=dict)
    chosen: dict[str, tuple[int, ...]] = field(default_factory=dict)
    swept: list[tuple[int, int, int]] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything changes."""
        return bool(self.records or self.chunks or self.named or self.swept or self.removed or self.forgotten)

    def absorb(self, other: "AttachmentChanges") -> None:
        """Adds the writes of another unit, which came after these."""
        self.records |= other.records
        self.chunks += other.chunks
        self.named |= other.named
        self.chosen |= other.chosen
        self.swept += other.swept
        self.removed += other.removed
        self.forgotten += other.forgotten
