"""Fork proofs: files that prove to a third person, offline, that a node signed two histories of one channel.

::

    regulator.exchange/fork-proof@v1
    seal <base64: certificate of the Ed25519 key> <base64: certificate of the ML-DSA-44 key>
    seal <the same, of the seal that signed the second checkpoint>
    prefix <base64: root that the second one's log had at the size of the first>
    <base64: a hash of the consistency proof from there, one a line>

    <the first checkpoint note, with its sender's two signature lines>

    <the second one>

The first is of the smaller size; of one size it is the note whose bytes sort first, and there is no prefix. Nothing
here is trusted: the two notes count because their signatures verify, a certificate because a root issued it
(``gateway.identity.evidence.forks``).
"""

from dataclasses import dataclass

from gateway.errors import Malformed
from gateway.ledger.checkpoint import Checkpoint
from gateway.ledger.forks import NO_PREFIX, Prefix
from gateway.ledger.note import Note, decode_base64, encode_base64
from gateway.ledger.proof import MAX_HASHES, decode_hash
from gateway.ledger.seals import Certificates

HEADER = "regulator.exchange/fork-proof@v1"
MAX_PROOF_BYTES = 256 * 1024

_HEAD_LINES = 3  # the header and two seals
_BLOCKS = 5  # the head, and of each note its text and its signatures


@dataclass(frozen=True, slots=True)
class ForkProof:
    """A fork proof, taken apart; nothing is verified.

    Attributes:
        seals: certificates of the seals that signed the first note and the second one
        prefix: what the log of the second one had at the size of the first; ``NO_PREFIX`` if they are of one size
        notes: the two checkpoints, in the order that ``in_order`` gives
    """

    seals: tuple[Certificates, Certificates]
    prefix: Prefix
    notes: tuple[bytes, bytes]

    def checkpoints(self) -> tuple[Checkpoint, Checkpoint]:
        """Reads what the two notes say.

        Raises:
            Malformed: they are no checkpoints.
        """
        first, second = (Checkpoint.parse(Note.parse(note).text) for note in self.notes)
        return first, second

    def encode(self) -> bytes:
        """Gives the file's bytes."""
        lines = [HEADER, *(f"seal {encode_base64(one)} {encode_base64(other)}" for one, other in self.seals)]
        if self.prefix.root:
            lines += [f"prefix {encode_base64(self.prefix.root)}", *map(encode_base64, self.prefix.proof)]
        return b"\n".join(("\n".join(lines).encode() + b"\n", *self.notes))

    @classmethod
    def parse(cls, data: bytes) -> "ForkProof":
        """Reads a fork proof; what it accepts, ``encode`` gives back byte for byte.

        Raises:
            Malformed: it is not in the format.
        """
        blocks = data.split(b"\n\n")
        if len(blocks) != _BLOCKS or len(data) > MAX_PROOF_BYTES:
            raise Malformed(f"a fork proof is a head and two checkpoint notes; at most {MAX_PROOF_BYTES} bytes")
        try:
            head = blocks[0].decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise Malformed("the head of a fork proof is ASCII") from error
        if len(head) < _HEAD_LINES or head[0] != HEADER:
            raise Malformed(f"a fork proof begins with {HEADER} and two seals")
        first, second = map(_seal, head[1:_HEAD_LINES])
        notes = b"\n\n".join(blocks[1:3]) + b"\n", b"\n\n".join(blocks[3:])
        proof = cls((first, second), _prefix(head[_HEAD_LINES:]), notes)
        proof._require_order()
        return proof

    def _require_order(self) -> None:
        first, second = self.checkpoints()
        if in_order(*self.notes) != self.notes:
            raise Malformed("the first checkpoint of a fork proof is the smaller one")
        if (first.size < second.size) != bool(self.prefix.root):
            raise Malformed(
                "a fork proof has a prefix where its two checkpoints are of different sizes, and only there"
            )


def in_order(one: bytes, other: bytes) -> tuple[bytes, bytes]:
    """Puts two checkpoint notes in the order of a fork proof.

    Raises:
        Malformed: they are no checkpoints.
    """
    first, second = sorted((one, other), key=lambda note: (Checkpoint.parse(Note.parse(note).text).size, note))
    return first, second


def is_fork_proof(data: bytes) -> bool:
    """Whether a file says of itself that it is one."""
    return data.startswith(f"{HEADER}\n".encode())


def _seal(line: str) -> Certificates:
    match line.split(" "):
        case ["seal", one, other]:
            return decode_base64(one), decode_base64(other)
    raise Malformed("a seal of a fork proof is two certificates: of its Ed25519 key, and of its ML-DSA-44 key")


def _prefix(lines: list[str]) -> Prefix:
    if not lines:
        return NO_PREFIX
    if not lines[0].startswith("prefix ") or len(lines) > MAX_HASHES + 1:
        raise Malformed(f"a prefix is a root, and at most {MAX_HASHES} hashes of a consistency proof")
    root, *proof = (decode_hash(line) for line in (lines[0].removeprefix("prefix "), *lines[1:]))
    return Prefix(root, tuple(proof))
