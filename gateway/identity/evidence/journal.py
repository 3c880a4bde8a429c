"""Verifies an export of an access journal as an auditor does: with the file and the jurisdiction's root, offline.

The format is told in ``gateway.ledger.journal``. Every byte of a file is checked: the certificates lead to the root,
the signatures to the certificates, the entries to the signed root, and what none of these covers has one form only.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from google.protobuf.message import DecodeError
from regulator.exchange.v1.journal_pb2 import JournalEntry

from gateway.errors import Malformed, Untrusted
from gateway.identity.certificates.revocation import NOTHING_REVOKED, Revocation
from gateway.identity.evidence.evidence import moment, time_text
from gateway.identity.evidence.verification import Step, passing
from gateway.identity.names import NodeId
from gateway.identity.seals.sealers import Sealer, certified
from gateway.ledger.checkpoint import Checkpoint, open_checkpoint
from gateway.ledger.journal import JournalHead, JournalWalk, read_entries
from gateway.ledger.origins import domain_of_journal


@dataclass(frozen=True, slots=True)
class ProvenJournal:
    """What a verified export proves.

    Attributes:
        node: whose journal it is
        first: index of the first entry in the file
        size: of the journal under the verified signatures, in entries
        signed_at: by the node's clock, in whole seconds
        earlier_size: of the checkpoint that was kept; None: none was given
        outcomes: how many calls came to what
    """

    node: NodeId
    first: int
    size: int
    signed_at: datetime
    earlier_size: int | None
    outcomes: Mapping[str, int]


class JournalCheck:
    """The verification of one export, step by step, for those who want to show each.

    Read ``steps`` to its end, then ask for what is ``proven``. A file alone shows that nothing in it was altered,
    taken out, added, moved, or cut off at its end. That the node has not cut off or rewritten its journal before it
    signed shows only a checkpoint which was kept elsewhere before: an earlier export, or what ``gateway audit
    checkpoint`` wrote. Dates are compared with the time of signing, never with today.

    Args:
        lines: of the file, each with its line break; a longer one than ``MAX_LINE_BYTES`` may come cut
        roots: certificates of node authorities that the caller trusts
        earlier: lines of a file that was kept; None: there is none
        take: is given each entry with its index; believe them only once all steps have passed
        revocation: what is known of revoked certificates
    """

    def __init__(
        self,
        lines: Iterator[bytes],
        roots: Sequence[x509.Certificate],
        earlier: Iterator[bytes] | None = None,
        take: Callable[[int, JournalEntry], None] = lambda _index, _entry: None,
        revocation: Revocation = NOTHING_REVOKED,
    ) -> None:
        self._lines, self._roots, self._earlier_lines, self._take = lines, roots, earlier, take
        self._revocation = revocation
        self._earlier: Checkpoint | None = None
        self._outcomes: Counter[str] = Counter()

    def steps(self) -> Iterator[Step]:
        """Gives each step as it passes.

        Raises:
            Malformed: it is not in the format, or not in its canonical form.
            Untrusted: the certificates do not lead to a root, name another node than the checkpoint, or were not valid
                when it was signed, or were revoked.
            BadSignature: a signature does not verify.
            BadProof: the entries are not those that were signed.
                In all of them ``metadata["step"]`` is the name of the first step that failed.
        """
        return passing(
            ("file", self._file),
            ("certificates", self._certificates),
            ("signatures", self._signatures),
            ("earlier checkpoint", self._earlier_checkpoint),
            ("entries", self._entries),
        )

    def proven(self) -> ProvenJournal:
        """Gives what the steps have proven; all of them must have passed."""
        earlier = self._earlier.size if self._earlier else None
        return ProvenJournal(
            self._sealer.node, self._head.first, self._checkpoint.size, self._signed_at, earlier, self._outcomes
        )

    # --- the steps ------------------------------------------------------------------------------------------------

    def _file(self) -> str:
        self._head = JournalHead.read(self._lines)
        origin = self._head.checkpoint().origin
        return f"an export of {origin}, from entry {self._head.first} on"

    def _certificates(self) -> str:
        self._sealer = _sealer(self._head, self._roots)
        return self._sealer.told()

    def _signatures(self) -> str:
        self._checkpoint, self._signed_at = self._opened(self._head, self._sealer)
        size = self._checkpoint.size
        return f"Ed25519 and ML-DSA-44 over the journal of {size} entries, signed at {time_text(self._signed_at)}"

    def _earlier_checkpoint(self) -> str:
        """It may bear the signatures of an earlier seal, with certificates of its own."""
        if self._earlier_lines is None:
            return ""
        head = JournalHead.read(self._earlier_lines)
        self._earlier, signed_at = self._opened(head, _sealer(head, self._roots))
        if self._earlier.origin != self._checkpoint.origin:
            raise Untrusted(f"the earlier checkpoint is of another journal, {self._earlier.origin}")
        return f"one of {self._earlier.size} entries, signed at {time_text(signed_at)}"

    def _entries(self) -> str:
        known = [self._checkpoint, self._earlier] if self._earlier else [self._checkpoint]
        walk, index = JournalWalk(self._head.edge, *known), self._head.first
        for index, leaf in enumerate(read_entries(self._lines), self._head.first):
            walk.take(leaf)
            entry = _entry(index, leaf)
            self._outcomes[entry.outcome] += entry.count
            self._take(index, entry)
        walk.finish()
        return f"{self._checkpoint.size - self._head.first}, which lead to the signed root"

    def _opened(self, head: JournalHead, sealer: Sealer) -> tuple[Checkpoint, datetime]:
        """The checkpoint, and when it was signed. A line that nobody verifies could be altered unseen."""
        opened = open_checkpoint(head.note, head.checkpoint().origin, sealer.seal)
        if opened.note != head.note:
            raise Malformed("the checkpoint bears signature lines beside those that are verified, or in another order")
        signed_at = moment(opened.time)
        sealer.require_good(signed_at, self._revocation)
        return opened.checkpoint, signed_at


def _sealer(head: JournalHead, roots: Sequence[x509.Certificate]) -> Sealer:
    return certified(head.certificates, domain_of_journal(head.checkpoint().origin), tuple(roots))


def _entry(index: int, leaf: bytes) -> JournalEntry:
    try:
        return JournalEntry.FromString(leaf)
    except DecodeError as error:
        raise Malformed(f"entry {index} is not a JournalEntry") from error
