"""Verifies a fork proof as a third person does: with the file and the sender's root, and nothing else.

What it proves is that the holder of a node's seal signed two histories of one channel. An honest node cannot be accused
so: it signs each size of a channel once, and what it signs for another purpose (its journal, which may begin anew after
a restore; another channel; a receipt) names another origin or is not signed as a checkpoint's sender. No byte of the
file is without a check.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from gateway.errors import Malformed
from gateway.identity.certificates.revocation import NOTHING_REVOKED, Revocation
from gateway.identity.evidence.evidence import moment, time_text
from gateway.identity.evidence.verification import Step, passing
from gateway.identity.names import NodeId
from gateway.identity.seals.sealers import Sealer, certified
from gateway.ledger.checkpoint import Checkpoint, open_checkpoint
from gateway.ledger.fork_proof import ForkProof
from gateway.ledger.forks import check_fork
from gateway.ledger.origins import domains_of
from gateway.words import envelopes


@dataclass(frozen=True, slots=True)
class SignedHead:
    """One of the two heads: what it says, and when it was signed, by its sender's clock, in whole seconds."""

    checkpoint: Checkpoint
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class ProvenFork:
    """What a verified fork proof proves.

    Attributes:
        origin: of the channel
        sender: who signed two histories of it
        heads: the two, the smaller size first
        seals: how many seals of the sender signed them: one, or two
        steps: every check, in order
    """

    origin: str
    sender: NodeId
    heads: tuple[SignedHead, SignedHead]
    seals: int
    steps: tuple[Step, ...]


class ForkCheck:
    """The verification of one fork proof, step by step, for those who want to show each.

    Read ``steps`` to its end, then ask for what is ``proven``. The caller trusts the roots, as in ``EvidenceCheck``;
    here that of the sender is enough.

    Args:
        data: the file's bytes
        roots: certificates of node authorities
        revocation: what is known of revoked certificates
    """

    def __init__(
        self, data: bytes, roots: Sequence[x509.Certificate], revocation: Revocation = NOTHING_REVOKED
    ) -> None:
        self._data, self._roots, self._revocation = data, tuple(roots), revocation
        self._sealers: list[Sealer] = []
        self._heads: list[SignedHead] = []

    def steps(self) -> Iterator[Step]:
        """Gives each step as it passes.

        Raises:
            Malformed: it is not in the format, or not in its canonical form.
            Untrusted: a sealing certificate does not lead to a root, names another node, or was not valid then; or it
                was revoked.
            BadSignature: a signature does not verify.
            BadProof: the two checkpoints do not contradict each other, or the file does not show that they do.
                In all of them ``metadata["step"]`` is the name of the first step that failed.
        """
        return passing(
            ("file", self._file),
            ("first seal", lambda: self._seal(0)),
            ("first signatures", lambda: self._signatures(0)),
            ("second seal", lambda: self._seal(1)),
            ("second signatures", lambda: self._signatures(1)),
            ("contradiction", self._contradiction),
        )

    def proven(self, steps: tuple[Step, ...]) -> ProvenFork:
        """Gives what the steps have proven; all of them must have passed."""
        first, second = self._heads
        return ProvenFork(self._origin, self._sealers[0].node, (first, second), len({*self._proof.seals}), steps)

    # --- the steps ------------------------------------------------------------------------------------------------

    def _file(self) -> str:
        """Both must be of one channel; that of a journal, which begins anew after a restore, proves nothing."""
        self._proof = ForkProof.parse(self._data)
        first, second = self._proof.checkpoints()
        if first.origin != second.origin:
            raise Malformed("the two checkpoints are of different channels")
        self._origin = first.origin
        domains_of(self._origin)
        return f"a fork proof of {len(self._data)} bytes, of the channel {self._origin}"

    def _seal(self, place: int) -> str:
        domain, _ = domains_of(self._origin)
        self._sealers.append(certified(self._proof.seals[place], domain, self._roots))
        return self._sealers[place].told()

    def _signatures(self, place: int) -> str:
        sealer, note = self._sealers[place], self._proof.notes[place]
        head = open_checkpoint(note, self._origin, sealer.seal)
        if head.note != note:  # a line that nobody verifies could be altered unseen
            raise Malformed("a checkpoint bears lines beside its sender's two, or in another order")
        signed_at = moment(head.time)
        sealer.require_good(signed_at, self._revocation)
        self._heads.append(SignedHead(head.checkpoint, signed_at))
        log = f"a log of {envelopes(head.checkpoint.size)} with the root {head.checkpoint.root.hex()}"
        return f"Ed25519 and ML-DSA-44 over {log}, signed at {time_text(signed_at)}"

    def _contradiction(self) -> str:
        first, second = (head.checkpoint for head in self._heads)
        check_fork(first, second, self._proof.prefix)
        if first.size == second.size:
            return f"two roots of the one size {first.size}: no log has both"
        there = self._proof.prefix.root.hex()
        return f"the log of {second.size} has, at the size {first.size}, another root ({there}), by a consistency proof"
