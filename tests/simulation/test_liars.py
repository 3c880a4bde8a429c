"""A peer that says anything, made of all that was ever honestly signed: it ends streams, and changes nothing.

What is not signed by the sender's seal cannot halt a channel, and what is not signed cannot be kept.
"""

from random import Random

import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.ledger import steps
from gateway.ledger.channel import State
from tests.ledger.samples import HK_TO_KR, STRANGER_SEAL, envelopes, head_of, receipt_of
from tests.simulation.checker import check_receipts
from tests.simulation.disk import Disk
from tests.simulation.world import World

LEAVES = envelopes(6)
HEADS = [head_of(LEAVES[:size]).note for size in range(7)]
RECEIPTS = [receipt_of(LEAVES[:size]).note for size in range(1, 7)]
FORGED = [head_of(LEAVES[:4], STRANGER_SEAL).note, receipt_of(LEAVES[:4], STRANGER_SEAL).note, b"", b"\xff junk"]
NOTES = HEADS + RECEIPTS + FORGED
REASONS = [steps.FORKED, steps.SENDER_ROLLED_BACK, ""]


def any_batch(random):
    first, end = random.randint(0, 7), random.randint(0, 8)
    return wire.Batch(first_index=first, envelopes=envelopes(8)[first:end], checkpoint=random.choice(NOTES))


def any_message(random):
    sizes = [*range(8), 2**63, 2**64 - 1]
    return random.choice(
        [
            lambda: wire.Hello(
                versions=[random.choice([1, 1, 2])],
                origin=random.choice([HK_TO_KR, HK_TO_KR, "a/to/b"]),
                size=random.choice(sizes),
                checkpoint=random.choice(NOTES),
            ),
            lambda: wire.Hello(versions=[1], origin=HK_TO_KR),
            lambda: any_batch(random),
            lambda: wire.Recover(first_index=random.choice(sizes)),
            lambda: wire.Position(version=1, size=random.choice(sizes), receipt=random.choice(NOTES)),
            lambda: wire.Position(version=1),
            lambda: wire.Receipt(note=random.choice(NOTES)),
            lambda: wire.Halted(reason=random.choice(REASONS), evidence=random.choices(NOTES, k=random.randint(0, 3))),
        ]
    )()


def talk(end, random):
    """A conversation over as many streams as it takes; the states that were seen."""
    seen = set()
    for _ in range(30):
        if end.machine.state is State.IDLE:
            end.link.dial()
            end.open_stream()
        else:
            end.feed(any_message(random))
        while end.pending:
            end.step()
        seen.add(end.machine.state)
    return seen


@pytest.fixture(scope="module")
def settled():
    """Six envelopes sealed, four of them delivered and receipted."""
    world = World()
    for count in (1, 3):
        world.seal(count)
        world.settle()
    world.sender.seal(LEAVES[4:5])
    world.sender.seal(LEAVES[5:6])
    return world


def test_a_lying_receiver_changes_nothing_at_the_sender(settled):
    seen = set()
    for seed in range(400):
        sender = World().sender
        sender.boot(settled.sender.disk.backup())
        seen |= talk(sender, Random(seed))
        assert sender.disk.halt is None, seed
        assert sender.disk.envelopes == LEAVES
        check_receipts(sender, settled.receiver)
    assert seen >= {State.STREAMING, State.GREETING}, "it must get somewhere to show something"


def test_a_lying_receiver_makes_no_fork_of_what_a_rolled_back_sender_lost(settled):
    """It holds two honest heads that the sender has no more; at worst the sender waits for its own envelopes."""
    reasons = set()
    for seed in range(400):
        world = World()
        world.receiver.boot(settled.receiver.disk.backup())
        backup = settled.sender.disk.backup()
        world.sender.boot(rolled_back(backup, 1))
        talk(world.sender, Random(seed))
        reasons.add(world.sender.disk.halt and world.sender.disk.halt.reason)
        assert world.sender.disk.envelopes == LEAVES[: len(world.sender.disk.envelopes)]
    assert reasons == {None, steps.SENDER_ROLLED_BACK}


def rolled_back(disk, size):
    """The same disk as it was after its first envelopes."""
    earlier = Disk()
    earlier.append(disk.envelopes[:size], disk.heads[size])
    return earlier


def test_a_lying_sender_changes_nothing_at_the_receiver_but_what_the_real_one_signed(settled):
    seen, sizes = set(), set()
    for seed in range(400):
        receiver = World().receiver
        receiver.boot(settled.receiver.disk.backup())
        seen |= talk(receiver, Random(seed))
        assert receiver.disk.halt is None, seed
        sizes.add(len(receiver.disk.envelopes))
        assert receiver.disk.envelopes == LEAVES[: len(receiver.disk.envelopes)]
        check_receipts(receiver, receiver)
    assert seen >= {State.STREAMING, State.AWAITING_HELLO}
    assert sizes > {4}, "a replay of what was signed is taken: it is the sender's own"
