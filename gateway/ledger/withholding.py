"""Envelopes that came without their content though the receiver never had it: no receipt is given for them as they are.

A sender destroys content on its day also where the peer gave no receipt, once the pairing has ended and none can come.
If the two are paired again, the hash alone is left to send. A receipt says that the receiver holds what is below its
size; a sender that kept the content all the same could show both, and prove a delivery that never was. So the receiver
withholds its receipt until the log brings the sender's own word, a certificate of destruction that says so: the first
receipt for such an envelope is one for that certificate as well, and whoever shows it as a proof of delivery is
answered with this very log.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from google.protobuf.message import DecodeError
from regulator.exchange.v1.envelope_pb2 import DestroyedEnvelope, Envelope

MAX_CERTIFIED = 256  # envelopes in one certificate, as the contract has it; of one that names more, none counts

MAX_UNCERTIFIED = (
    65_536  # that a receiver keeps in mind, and looks for whenever a stream begins: a peer may go on for ever
)


class Trace(NamedTuple):
    """What is here of an envelope without its content: its leaf hash, and SHA-256 of its remainder."""

    leaf_hash: bytes
    remainder_sha256: bytes


Uncertified = Mapping[int, Trace]
"""Envelopes for which there is no receipt yet, and no certificate, by index."""


def still_uncertified(
    before: Uncertified, came: Iterable[tuple[int, bytes, bytes]], envelopes: Sequence[bytes], origin: str
) -> dict[int, Trace]:
    """What has no certificate once more of the log is here.

    Args:
        before: what had none
        came: further envelopes without their content: index, leaf hash, remainder
        envelopes: that came, in which certificates may be
        origin: of the channel
    """
    known = {**before, **{index: Trace(leaf_hash, sha256(left).digest()) for index, leaf_hash, left in came}}
    if known:
        for index, trace in _certified(envelopes, origin):
            if known.get(index) == trace:
                del known[index]
    return known


def _certified(envelopes: Sequence[bytes], origin: str) -> Iterator[tuple[int, Trace]]:
    """What certificates of the sender say of envelopes of this channel that had no receipt."""
    for data in envelopes:
        for each in _certificate(data):
            if each.origin == origin and each.without_receipt:
                yield each.index, Trace(each.leaf_hash, each.remainder_sha256)


# Field 43 of Envelope, length-delimited; the second also with needless bytes after it.
_TAGS = b"\xda\x02", b"\xda\x82"


def _certificate(data: bytes) -> Iterable[DestroyedEnvelope]:
    if not any(tag in data for tag in _TAGS):
        return ()
    try:
        told = Envelope.FromString(data).content_destroyed.envelopes
    except DecodeError:
        return ()
    return told if len(told) <= MAX_CERTIFIED else ()  # a peer may tell millions
