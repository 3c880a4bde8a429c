"""The PeerService stream into both machines: an input is a transcript of what the other end sends.

Each frame is a byte that picks a message with good signatures, two bytes of length, and bytes that are merged over it
as protobuf merges; message 0 is empty, so that any message at all can be said. 255 breaks the stream and opens another.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from google.protobuf.message import DecodeError
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.ledger import steps
from gateway.ledger.channel import Machine, State
from gateway.ledger.merkle import leaf_hash
from gateway.ledger.receiver import ReceiverMachine
from gateway.ledger.seals import Rotation
from gateway.ledger.sender import SenderMachine
from tests.ledger import oracle
from tests.ledger.samples import (
    CHANNEL_SEALS,
    HK,
    HK_SEAL,
    KR,
    KR_SEAL,
    LATER,
    batch_of,
    certified,
    envelopes,
    fixed_seal,
    head_of,
    prefix_of,
    receipt_of,
    rotation,
)
from tests.simulation.disk import Disk
from tests.support.driver import Driver

LEAVES = [*envelopes(6), rotation(fixed_seal(f"{HK} 1"), 2)]
OTHERS = [*LEAVES[:2], *envelopes(6, "other")[2:]]
BREAK = 255
MAX_FRAMES = 64

Message = wire.ExchangeRequest | wire.ExchangeResponse


def receiver(data: bytes) -> None:
    """The first byte says how much the receiver holds, and how much of that it has countersigned."""
    held, receipted = data[0] % 8 if data else 0, data[0] >> 4 if data else 0
    disk = _disk(held, min(receipted, held))
    machine = ReceiverMachine(disk.seals, disk.log, disk.head, disk.receipt)
    _play(machine, disk, data[1:], requests(), KR, KR_SEAL)


def sender(data: bytes) -> None:
    held, receipted = data[0] % 8 if data else 0, data[0] >> 4 if data else 0
    disk = _disk(held, min(receipted, held))
    machine = SenderMachine(disk.seals, disk.log, disk.head, disk.receipt)
    _play(machine, disk, data[1:], responses(), HK, HK_SEAL)


def _play(machine: Machine, disk: Disk, data: bytes, pool: Sequence[Message], domain: str, signer: object) -> None:
    driver = Driver(machine, disk, domain, signer, LATER)
    driver.feed(steps.Opened())
    for message in _frames(data, pool):
        before = disk.log.size
        if message is None or driver.closed is not None:
            driver.closed = None
            machine.feed(steps.Closed())
            driver.feed(steps.Opened())
        elif step := message.WhichOneof("step"):
            driver.feed(getattr(message, step))
        assert disk.log.size >= before, "a log never shrinks"
        assert machine.state is State.HALTED or driver.closed is None or machine.state is State.IDLE
        assert disk.halt is None or disk.halt.evidence, "only what was signed halts a channel"


def _frames(data: bytes, pool: Sequence[Message]) -> Iterator[Message | None]:
    for _ in range(MAX_FRAMES):
        if len(data) < 3:
            return
        number, length = data[0], int.from_bytes(data[1:3])
        body, data = data[3 : 3 + length], data[3 + length :]
        if number == BREAK:
            yield None
            continue
        message = type(pool[0])()
        message.CopyFrom(pool[number % len(pool)])
        try:
            message.MergeFromString(body)
        except DecodeError:
            continue  # gRPC refuses it, and the stream goes on
        yield message


def frame(number: int, body: bytes = b"") -> bytes:
    return bytes([number]) + len(body).to_bytes(2) + body


@cache
def requests() -> Sequence[wire.ExchangeRequest]:
    """What a sender may send; a few of them are lies that are signed."""
    hellos = [_hello(LEAVES, size) for size in range(8)] + [_hello(OTHERS, 3), _hello(OTHERS, 6)]
    batches = [batch_of(LEAVES[:end], first) for first, end in ((0, 1), (0, 3), (1, 3), (3, 6), (2, 6), (6, 7), (3, 7))]
    batches += [batch_of(OTHERS[:6], 3), batch_of(OTHERS[:3], 0)]
    receipted = wire.Batch(first_index=0, envelopes=[b"left", *LEAVES[1:3]], checkpoint=receipt_of(LEAVES[:3]).note)
    batches += [receipted]
    recovers = [wire.ExchangeRequest(recover=wire.Recover(first_index=first)) for first in (0, 2, 7)]
    remainders = [
        _destroyed(receipt=receipt_of(LEAVES[:3]).note),
        _destroyed(receipt=receipt_of(LEAVES[:6]).note, consistency=oracle.proof(3, LEAVES[:6])),
    ]
    told, last = ([wire.ExchangeRequest(batch=each) for each in which] for which in (batches, remainders))
    showing = _hello(LEAVES, 6)
    showing.hello.receipt = receipt_of(LEAVES[:6], time=LATER + 9).note
    return [wire.ExchangeRequest(), *hellos, *told, *recovers, *last, showing]


@cache
def responses() -> Sequence[wire.ExchangeResponse]:
    """What a receiver may send, and what one that lies may."""
    sizes = range(1, 7)
    positions = [wire.Position(version=1)]
    positions += [wire.Position(version=1, size=size, receipt=receipt_of(LEAVES[:size]).note) for size in sizes]
    receipts = [wire.Receipt(note=receipt_of(LEAVES[:size]).note) for size in sizes]
    others = receipt_of(OTHERS[:6]).note
    halts = [
        wire.Halted(reason="FORKED", evidence=[head_of(LEAVES[:6]).note, head_of(OTHERS[:6]).note]),
        wire.Halted(reason="FORKED", evidence=[head_of(LEAVES[:3]).note, head_of(LEAVES[:6]).note]),
    ]
    recovered = [batch_of(LEAVES[:end], first) for first, end in ((0, 3), (3, 6), (2, 3))]
    return [
        wire.ExchangeResponse(),
        *(wire.ExchangeResponse(position=each) for each in positions),
        wire.ExchangeResponse(position=wire.Position(version=1, size=6, receipt=others)),
        *(wire.ExchangeResponse(receipt=each) for each in receipts),
        wire.ExchangeResponse(receipt=wire.Receipt(note=others)),
        *(wire.ExchangeResponse(halted=each) for each in halts),
        *(wire.ExchangeResponse(recovered=each) for each in recovered),
        wire.ExchangeResponse(halted=_with_past(OTHERS)),
        wire.ExchangeResponse(halted=_with_past(LEAVES)),
    ]


def _destroyed(**shown: Any) -> wire.Batch:
    """Three envelopes, of the second of which the remainder is left."""
    gone = [wire.DestroyedLeaf(index=1, leaf_hash=leaf_hash(LEAVES[1]))]
    left = [LEAVES[0], b"", LEAVES[2]]
    return wire.Batch(first_index=0, envelopes=left, checkpoint=head_of(LEAVES[:3]).note, destroyed=gone, **shown)


def _with_past(leaves: Sequence[bytes]) -> wire.Halted:
    """A larger checkpoint of a history, and what that history had at three."""
    evidence = [head_of(LEAVES[:3]).note, head_of(leaves[:6]).note]
    past = prefix_of(leaves[:6], 3)
    return wire.Halted(reason="FORKED", evidence=evidence, prefix_root=past.root, consistency=past.proof)


def _hello(leaves: Sequence[bytes], size: int) -> wire.ExchangeRequest:
    note = head_of(leaves[:size]).note if size else b""
    return wire.ExchangeRequest(
        hello=wire.Hello(versions=[1], origin=CHANNEL_SEALS.origin, size=size, checkpoint=note),
    )


def _disk(held: int, receipted: int) -> Disk:
    disk = Disk()
    for end in range(1, held + 1):
        disk.append(LEAVES[end - 1 : end], head_of(LEAVES[:end]))
        if end == len(LEAVES):
            disk.seals = disk.seals.after(Rotation(certified(fixed_seal(f"{HK} 1")), end, 2))
    if receipted:
        disk.keep_receipt(receipt_of(LEAVES[:receipted]))
    return disk
