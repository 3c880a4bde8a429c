"""What two operators agree on after a fork: which history of the channel goes on, and which one its sender gives up.

::

    regulator.exchange/settlement@v1

    <the newest receipt of the receiver: the history that goes on>

    <the signed head that the sender gives up>

The receiver's operator makes it. What goes on is always what the receiver holds, since its receipts stand for it: the
receipt bears both nodes' signatures, so the file needs none of its own. Its fingerprint is over its exact bytes.
"""

from dataclasses import dataclass
from hashlib import sha256

from gateway.errors import BadProof, Malformed
from gateway.ledger.checkpoint import Receipt, SignedCheckpoint, open_checkpoint, open_receipt
from gateway.ledger.note import MAX_NOTE_BYTES
from gateway.ledger.seals import ChannelSeals

HEADER = "regulator.exchange/settlement@v1"
MAX_SETTLEMENT_BYTES = 2 * MAX_NOTE_BYTES

_BLOCKS = 5  # the header, and of each note its text and its signatures
_DIGITS = 4  # of a group of the fingerprint


@dataclass(frozen=True, slots=True)
class Settlement:
    """The agreement, taken apart; nothing is verified.

    Attributes:
        goes_on: note of the receipt
        given_up: note of the other history's head, with its sender's two lines
    """

    goes_on: bytes
    given_up: bytes

    def encode(self) -> bytes:
        """Gives the file's bytes."""
        return b"\n".join((f"{HEADER}\n".encode(), self.goes_on, self.given_up))

    def fingerprint(self) -> str:
        """Gives SHA-256 over the file's bytes, in 16 groups of 4 hexadecimal digits: ``a1b2-c3d4-...``."""
        digits = sha256(self.encode()).hexdigest()
        return "-".join(digits[start : start + _DIGITS] for start in range(0, len(digits), _DIGITS))

    @classmethod
    def parse(cls, data: bytes) -> "Settlement":
        """Reads a file; what it accepts, ``encode`` gives back byte for byte.

        Raises:
            Malformed: it is not in the format.
        """
        blocks = data.split(b"\n\n")
        if len(blocks) != _BLOCKS or blocks[0] != HEADER.encode() or len(data) > MAX_SETTLEMENT_BYTES:
            raise Malformed(f"a settlement is {HEADER}, a receipt and a signed head; ask for the file itself")
        return cls(b"\n\n".join(blocks[1:3]) + b"\n", b"\n\n".join(blocks[3:]))

    def open(self, seals: ChannelSeals) -> tuple[Receipt, SignedCheckpoint]:
        """Verifies both heads, by the seals of a channel's ends.

        Raises:
            VerificationError: one of them is not of this channel, or not signed by who should have; or both are one.
        """
        origin, sender = seals.origin, seals.sender
        receipt = open_receipt(self.goes_on, origin, sender, seals.receiver_domain, seals.receiver)
        other = open_checkpoint(self.given_up, origin, sender)
        if (receipt.note, other.note) != (self.goes_on, self.given_up):
            raise Malformed("a note of the settlement bears other lines than those that are verified")
        if receipt.checkpoint == other.checkpoint:
            raise BadProof("the settlement names one history twice")
        return receipt, other
