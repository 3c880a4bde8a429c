"""Evidence files: what proves one envelope to a third person, offline (C2SP tlog-proof, version 1).

The ``extra`` line carries an ``EvidenceMaterial``: the envelope's bytes and the sealing certificates. It is not
trusted: the envelope counts because its hash leads to the checkpoint, a certificate because a root issued it
(``gateway.identity.evidence.evidence``).
"""

import re
from dataclasses import dataclass

from gateway.errors import Malformed
from gateway.ledger.checkpoint import (
    Checkpoint,
    Receipt,
    SealPublic,
    SignedCheckpoint,
    open_checkpoint,
    open_receipt,
)
from gateway.ledger.merkle import MAX_SIZE
from gateway.ledger.note import Note, decode_base64, encode_base64
from gateway.ledger.proof import decode_hash, verify_inclusion

HEADER = "c2sp.org/tlog-proof@v1"
MAX_EVIDENCE_BYTES = 16 * 1024 * 1024

_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Evidence:
    """An evidence file, taken apart; nothing is verified.

    Attributes:
        extra: the bytes of the ``extra`` line
        index: of the envelope in its channel's log
        proof: inclusion proof, hashes of 32 bytes from the leaf's sibling up
        note: a checkpoint note; with cosignatures it is a receipt
    """

    extra: bytes
    index: int
    proof: tuple[bytes, ...]
    note: bytes

    def encode(self) -> bytes:
        """Gives the file's bytes."""
        hashes = "".join(f"{encode_base64(node)}\n" for node in self.proof)
        return f"{HEADER}\nextra {encode_base64(self.extra)}\nindex {self.index}\n{hashes}\n".encode() + self.note

    @classmethod
    def parse(cls, data: bytes) -> "Evidence":
        """Reads an evidence file; what it accepts, ``encode`` gives back byte for byte.

        Raises:
            Malformed: it is not in the format.
        """
        head, separator, note = data.partition(b"\n\n")
        if not separator or len(data) > MAX_EVIDENCE_BYTES:
            raise Malformed(f"evidence is a proof, an empty line, a checkpoint; at most {MAX_EVIDENCE_BYTES} bytes")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise Malformed("the proof of an evidence file is ASCII") from error
        if len(lines) < 3 or lines[0] != HEADER or not lines[1].startswith("extra "):
            raise Malformed(f"evidence begins with {HEADER} and an extra line")
        return cls(
            extra=decode_base64(lines[1].removeprefix("extra ")),
            index=_index(lines[2]),
            proof=tuple(decode_hash(line) for line in lines[3:]),
            note=note,
        )

    def origin(self) -> str:
        """Names the channel that the checkpoint claims to be of.

        Raises:
            Malformed: it is no checkpoint of a channel.
        """
        return Checkpoint.parse(Note.parse(self.note).text).origin

    def is_receipted(self) -> bool:
        """Tells whether there are signature lines beside the sender's two, which then must be the receiver's."""
        return len(Note.parse(self.note).signatures) > 2


def verify_leaf_in(evidence: Evidence, leaf: bytes, head: SignedCheckpoint | Receipt) -> None:
    """Verifies that an envelope of this leaf hash stands at the evidence's index of the log that ``head`` is of.

    Raises:
        BadProof: it does not.
    """
    checkpoint = head.checkpoint
    verify_inclusion(leaf, evidence.index, checkpoint.size, evidence.proof, checkpoint.root)


def open_evidence_checkpoint(evidence: Evidence, sender: SealPublic) -> SignedCheckpoint:
    """Verifies the sender's signatures on evidence that bears no others.

    Raises:
        VerificationError: they do not verify, or there are others.
    """
    head = open_checkpoint(evidence.note, evidence.origin(), sender)
    _refuse_other_lines(evidence, head.note)
    return head


def open_evidence_receipt(evidence: Evidence, sender: SealPublic, domain: str, receiver: SealPublic) -> Receipt:
    """Verifies the four signatures on evidence that bears no others.

    Raises:
        VerificationError: they do not verify, or there are others.
    """
    receipt = open_receipt(evidence.note, evidence.origin(), sender, domain, receiver)
    _refuse_other_lines(evidence, receipt.note)
    return receipt


def _refuse_other_lines(evidence: Evidence, verified: bytes) -> None:
    """A line that nobody verifies could be altered unseen."""
    if evidence.note != verified:
        raise Malformed("the checkpoint bears signature lines beside those that are verified, or in another order")


def _index(line: str) -> int:
    match = _INDEX.fullmatch(line)
    if match is None or int(match[1]) >= MAX_SIZE:
        raise Malformed("the third line of evidence is the index of the envelope")
    return int(match[1])
