"""A run of envelopes and the checkpoint that commits to them: what travels, and what is left once it is verified."""

from collections.abc import Sequence
from dataclasses import dataclass

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.errors import BadProof, RemoteProtocolError
from gateway.ledger.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint, open_cosigned
from gateway.ledger.merkle import HASH_BYTES, CompactRange, Subtree, leaf_hash
from gateway.ledger.proof import verify_consistency
from gateway.ledger.seals import CertifiedSeal, ChannelSeals, Rotation, rotating, rotation_in

MAX_BATCH_ENVELOPES = 1000
MAX_BATCH_BYTES = 8 * 1024 * 1024  # of envelopes; with the checkpoint it fits into MAX_MESSAGE_BYTES
MAX_MESSAGE_BYTES = 12 * 1024 * 1024  # of one message on the stream


@dataclass(frozen=True, slots=True)
class VerifiedBatch:
    """Envelopes that follow on a log, under a checkpoint that their sender signed.

    Attributes:
        first: index of the first envelope
        envelopes: their exact bytes, in order; at least one
        leaf_hashes: one an envelope
        log: the right edge of the log with them
        subtrees: of the stored levels, those that they completed
        head: the signed checkpoint of the log with them
        destroyed: indexes of those whose content is destroyed; what stands for them is not what the log commits to
        rotation: the sender's next seal, if the last of them brings one that was not known
        learnt: the seal that signed the head, where what came back is the first to tell that the log had it
    """

    first: int
    envelopes: Sequence[bytes]
    leaf_hashes: Sequence[bytes]
    log: CompactRange
    subtrees: Sequence[Subtree]
    head: SignedCheckpoint
    destroyed: frozenset[int] = frozenset()
    rotation: Rotation | None = None
    learnt: CertifiedSeal | None = None


def verify_batch(batch: wire.Batch, log: CompactRange, seals: ChannelSeals) -> VerifiedBatch:
    """Verifies that a batch continues a log: extent, place, signatures, root.

    Of envelopes whose content is destroyed the hashes are taken as they are told: the root, which is signed, tells
    whether they are right. What is left of the content is the other side's word.

    Raises:
        RemoteProtocolError: it is empty, too large, does not begin where the log ends, goes on after a rotation of
            the seal, or brings one in an envelope that no root commits to.
        BadProof: its checkpoint commits to other envelopes.
        VerificationError: its checkpoint is not one that the sender signed, or its next seal is not certified.
    """
    check_extent(batch)
    envelopes = list(batch.envelopes)
    if batch.first_index != log.size:
        raise RemoteProtocolError(f"a batch from {batch.first_index} on does not continue a log of {log.size}")
    destroyed = {each.index: each.leaf_hash for each in batch.destroyed}
    hashes = [destroyed.get(index) or leaf_hash(data) for index, data in enumerate(envelopes, log.size)]
    extended, subtrees = log.extend(hashes)
    head = open_checkpoint(batch.checkpoint, seals.origin, seals.sender)
    if (head.checkpoint.size, head.checkpoint.root) != (extended.size, extended.root()):
        raise BadProof("the batch's checkpoint commits to other envelopes", size=head.checkpoint.size)
    if any(rotating(envelopes[index - log.size]) for index in destroyed):
        raise RemoteProtocolError("an envelope that brings a seal is never destroyed")
    learnt = seals.sender.unknown_signer(head.note, seals.origin, head.checkpoint.size)
    rotation = rotation_in(envelopes, log.size, seals.learning(learnt, log.size), head)
    gone = frozenset(destroyed)
    return VerifiedBatch(log.size, envelopes, hashes, extended, subtrees, head, gone, rotation, learnt)


def check_held(batch: wire.Batch, head: Checkpoint, seals: ChannelSeals) -> None:
    """Passes if the receiver countersigned once what a batch leads to, so that it may take hashes for envelopes.

    Raises:
        BadProof: the receipt that is shown is of another log, or of less.
        VerificationError: it is not the receiver's.
    """
    held, _ = open_cosigned(batch.receipt, seals.origin, seals.receiver_domain, seals.receiver)
    verify_consistency(head.size, held.size, head.root, held.root, batch.consistency)


def check_extent(batch: wire.Batch) -> None:
    """Passes if a batch has as many envelopes, and bytes of them, as one may have.

    Raises:
        RemoteProtocolError: it has none, or more.
    """
    if not 0 < len(batch.envelopes) <= MAX_BATCH_ENVELOPES:
        raise RemoteProtocolError(f"a batch holds 1 to {MAX_BATCH_ENVELOPES} envelopes")
    if sum(map(len, batch.envelopes)) > MAX_BATCH_BYTES:
        raise RemoteProtocolError(f"the envelopes of a batch have at most {MAX_BATCH_BYTES} bytes")
    end = batch.first_index + len(batch.envelopes)
    last = batch.first_index - 1
    for each in batch.destroyed:
        if not last < each.index < end or len(each.leaf_hash) != HASH_BYTES:
            raise RemoteProtocolError("destroyed envelopes are told once each, in order, within the batch, with hashes")
        last = each.index
