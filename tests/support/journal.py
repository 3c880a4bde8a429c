"""Exports that a made-up node would give of its journal, with everything real but the node."""

from collections.abc import Sequence

from regulator.exchange.v1.journal_pb2 import JournalEntry

from gateway.ledger.checkpoint import Checkpoint, sign_checkpoint
from gateway.ledger.journal import JournalHead, encode_entry
from gateway.ledger.origins import journal_origin
from tests.ledger.samples import log_of
from tests.support.evidence import HK, HONG_KONG, SIGNED, Side

ORIGIN = journal_origin(HK)


def entry(index: int, **changes) -> bytes:
    made = JournalEntry(salt=bytes([index]) * 16, method="/p.S/Get", outcome="OK", count=1, **changes)
    return made.SerializeToString()


LEAVES = [*(entry(index) for index in range(6)), entry(6, client="spiffe://gateway.hk.example/SFC/desk")]


def head(leaves: Sequence[bytes] = LEAVES, first: int = 0, side: Side = HONG_KONG, origin: str = ORIGIN) -> JournalHead:
    signed = sign_checkpoint(Checkpoint(origin, len(leaves), log_of(leaves).root()), side.seal, SIGNED)
    return JournalHead(log_of(leaves[:first]), tuple(side.certificates), signed.note)


def export(leaves: Sequence[bytes] = LEAVES, first: int = 0, side: Side = HONG_KONG) -> bytes:
    return head(leaves, first, side).encode() + b"".join(map(encode_entry, leaves[first:]))
