"""Envelopes that a peer sealed, and a store that takes them without a stream."""

from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.ledger.batch import VerifiedBatch, verify_batch
from gateway.ledger.checkpoint import Checkpoint, sign_checkpoint
from gateway.ledger.merkle import CompactRange, leaf_hash
from gateway.ledger.seals import ChannelSeals, SealHistory
from gateway.store.arriving import read_now
from gateway.store.event_queries import read_events
from gateway.supervision.disclosure import EVERYTHING
from gateway.supervision.envelopes import envelopes
from tests.ledger.samples import HK_SEAL, KR_SEAL
from tests.store.stores import HK_TO_KR, Opened
from tests.supervision.samples import content, seal

TIME = 1_767_225_600  # seconds


def batch_of(datas: list[bytes], log: CompactRange = CompactRange.EMPTY) -> VerifiedBatch:
    """What Korea has verified of Hong Kong's channel."""
    extended, _ = log.extend([leaf_hash(data) for data in datas])
    head = sign_checkpoint(Checkpoint(HK_TO_KR, extended.size, extended.root()), HK_SEAL, TIME)
    message = wire.Batch(first_index=log.size, envelopes=datas, checkpoint=head.note)
    return verify_batch(
        message, log, ChannelSeals(HK_TO_KR, SealHistory.of(HK_SEAL.public), SealHistory.of(KR_SEAL.public))
    )


def envelope(notice_id: str, salt: int = 0, **changes) -> Envelope:
    return envelopes.released(seal(salt=salt.to_bytes(16)), notice_id, content(**changes))


async def append(kr: Opened, datas: list[bytes]) -> None:
    batch = batch_of(datas, kr.state(HK_TO_KR).log)
    await kr.committer.submit(lambda tx: tx.append(HK_TO_KR, batch, read_now(batch)))


async def kinds(store: Opened) -> list[str]:
    return [Event.Kind.Name(each.kind) for each in await store.read(read_events, EVERYTHING, 0, 100)]
