"""The access journal as a log: its origin, and the file in which an auditor takes it away.

The journal is one more log of a node, in the same tree and under the same kind of checkpoint as a channel. Its origin
is ``<domain>/journal``, so nothing that is signed for it verifies for a channel. An export is text, line by line::

    regulator.exchange/journal@v1
    first 3                         index of the first entry that follows
    certificate <base64>            of the seal: Ed25519, then ML-DSA-44 (X.509, DER)
    certificate <base64>
    edge <base64>                   the compact range of the entries before: one hash for each 1 in ``first``
    edge <base64>

    gateway.hk.example/journal      the checkpoint, a C2SP signed note
    5
    <root>

    — gateway.hk.example/journal <base64>
    — gateway.hk.example/journal <base64>

    <base64>                        the exact bytes of each entry, a line each, up to the checkpoint's size
    <base64>

A file without entries, whose ``first`` is the checkpoint's size, is a checkpoint to be kept.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.errors import BadProof, Malformed
from gateway.ledger.checkpoint import Checkpoint
from gateway.ledger.merkle import MAX_SIZE, CompactRange, leaf_hash
from gateway.ledger.note import MAX_NOTE_BYTES, Note, decode_base64, encode_base64
from gateway.ledger.origins import domain_of_journal

HEADER = "regulator.exchange/journal@v1"
MAX_ENTRY_BYTES = 1024 * 1024
MAX_LINE_BYTES = MAX_ENTRY_BYTES * 4 // 3 + 4  # of an entry in base64, with its line break
MAX_HEAD_LINES = 80  # 64 of them are hashes

_FIRST = re.compile(r"first (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class JournalHead:
    """What stands before the entries of an export; nothing is verified.

    Attributes:
        edge: the log before the first entry that follows
        certificates: of the seal, X.509 in DER: Ed25519, then ML-DSA-44
        note: the checkpoint, as a signed note
    """

    edge: CompactRange
    certificates: tuple[bytes, ...]
    note: bytes

    @property
    def first(self) -> int:
        """Index of the first entry that follows."""
        return self.edge.size

    def checkpoint(self) -> Checkpoint:
        """Reads the checkpoint.

        Raises:
            Malformed: it is none of a journal.
        """
        checkpoint = Checkpoint.parse(Note.parse(self.note).text)
        domain_of_journal(checkpoint.origin)
        return checkpoint

    def encode(self) -> bytes:
        """Gives the lines, up to the empty one before the entries."""
        lines = [HEADER, f"first {self.first}"]
        lines += (f"certificate {encode_base64(each)}" for each in self.certificates)
        lines += (f"edge {encode_base64(each)}" for each in self.edge.hashes)
        return "\n".join([*lines, "", ""]).encode() + self.note + b"\n"

    @classmethod
    def read(cls, lines: Iterator[bytes]) -> "JournalHead":
        """Reads the lines of an export up to its entries; what it accepts, ``encode`` gives back byte for byte.

        Raises:
            Malformed: they are not in the format.
        """
        preface = [_ascii(line) for line in _block(lines)]
        note = b"".join([*_block(lines), b"\n", *_block(lines)])
        if len(preface) < 2 or preface[0] != HEADER or len(note) > MAX_NOTE_BYTES:
            raise Malformed(f"an export of the journal begins with {HEADER} and has a checkpoint")
        certificates, edge = _labelled(preface[2:], "certificate"), _labelled(preface[2:], "edge")
        head = cls(CompactRange(_first(preface[1]), edge), certificates, note)
        if head.encode().splitlines()[: len(preface)] != [line.encode() for line in preface]:
            raise Malformed("the lines before the checkpoint are not certificates, then the edge")
        return head


def encode_entry(leaf: bytes) -> bytes:
    """Gives the line of one entry."""
    return base64.b64encode(leaf) + b"\n"


def read_entries(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Gives the exact bytes of each entry that follows a head.

    Raises:
        Malformed: a line is not in the format.
    """
    for line in lines:
        yield decode_base64(_ascii(line))


class JournalWalk:
    """Recomputes the log from an export's entries, and compares it with checkpoints on the way.

    Args:
        edge: the log before the first entry
        checkpoints: whose signatures were verified, each of the same journal
    """

    def __init__(self, edge: CompactRange, *checkpoints: Checkpoint) -> None:
        self._log = edge
        self._awaited = sorted(checkpoints, key=lambda each: each.size)
        if self._awaited[0].size < edge.size:
            raise BadProof(f"the export begins with entry {edge.size}, after the checkpoint of {self._awaited[0].size}")
        self._compare()

    def take(self, leaf: bytes) -> None:
        """Takes the next entry.

        Raises:
            BadProof: the log up to it is not the one that a checkpoint commits to.
        """
        if not self._awaited:
            raise BadProof(f"there are entries after the last that is signed, {self._log.size - 1}")
        self._log, _ = self._log.extend([leaf_hash(leaf)])
        self._compare()

    def finish(self) -> None:
        """Passes if every checkpoint was reached.

        Raises:
            BadProof: entries are missing at the end.
        """
        if self._awaited:
            raise BadProof(f"it ends after {self._log.size} entries, and a checkpoint is of {self._awaited[-1].size}")

    def _compare(self) -> None:
        while self._awaited and self._awaited[0].size == self._log.size:
            if self._awaited.pop(0).root != self._log.root():
                raise BadProof(f"the first {self._log.size} entries are not those that were signed")


def _block(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines up to an empty one, which is taken too."""
    for count, line in enumerate(lines):
        if line == b"\n":
            return
        if count == MAX_HEAD_LINES or not line.endswith(b"\n"):
            break
        yield line
    raise Malformed("an export of the journal has lines, an empty line, a checkpoint, an empty line, and entries")


def _ascii(line: bytes) -> str:
    if not line.endswith(b"\n") or len(line) > MAX_LINE_BYTES or not line.isascii():
        raise Malformed(f"a line of an export is ASCII of at most {MAX_LINE_BYTES} bytes, with its line break")
    return line[:-1].decode()


def _first(line: str) -> int:
    match = _FIRST.fullmatch(line)
    if match is None or int(match[1]) > MAX_SIZE:
        raise Malformed("the second line of an export is the index of its first entry")
    return int(match[1])


def _labelled(lines: list[str], label: str) -> tuple[bytes, ...]:
    return tuple(decode_base64(each.removeprefix(f"{label} ")) for each in lines if each.startswith(f"{label} "))
