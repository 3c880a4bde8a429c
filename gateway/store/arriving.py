"""What arrives in a batch, read and checked before the writer has it: of a large one that may take seconds.

The writer runs on the loop (docs/adr/0003), and a peer may seal what is as slow to check as its size allows.
"""

from collections.abc import Sequence
from typing import NamedTuple

from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.errors import Violation
from gateway.ledger.batch import VerifiedBatch
from gateway.store.logs import parsed
from gateway.supervision.destruction import left_in
from gateway.supervision.rules.fields import field_violations
from gateway.threads import to_its_end

SMALL_BYTES = 64 * 1024  # of envelopes: they are read and checked at once, in some milliseconds


class Arrived(NamedTuple):
    """An envelope, or what is left of one; None: the bytes are none. ``broken``: the field rules that it breaks."""

    envelope: Envelope | None
    broken: Sequence[Violation] = ()


async def read_arrived(batch: VerifiedBatch) -> Sequence[Arrived]:
    """Reads and checks what a batch brings, on another thread if that may take long.

    Raises:
        Malformed: in the place of an envelope whose content is destroyed stands more than what is left of it.
    """
    if sum(map(len, batch.envelopes)) <= SMALL_BYTES:
        return read_now(batch)
    return await to_its_end(read_now, batch)


def read_now(batch: VerifiedBatch) -> Sequence[Arrived]:
    """The same on this thread."""
    return [_read(data, index in batch.destroyed) for index, data in enumerate(batch.envelopes, batch.first)]


def _read(data: bytes, is_destroyed: bool) -> Arrived:
    if is_destroyed:
        return Arrived(left_in(data))
    envelope = parsed(data)
    return Arrived(envelope, field_violations(envelope) if envelope else ())
