"""An end that is restored from a backup: what is lost is found out, and comes back from the other end."""

import pytest

from gateway.ledger.channel import State
from gateway.ledger.steps import PEER_ROLLED_BACK, SENDER_ROLLED_BACK
from tests.ledger.samples import envelopes
from tests.simulation.checker import check_settled
from tests.simulation.disk import Disk
from tests.simulation.world import Limits, World


def grown_world(*seals, seed=0):
    world = World(seed)
    for count in seals:
        world.seal(count)
        world.settle()
    return world


def set_clock(world):
    """The receiver's is right, or off by so much that its sender takes what it signs."""
    world.receiver.ahead = world.random.choice([-45 * 60, 0, 45 * 60])


def run_until(world, condition):
    for _ in range(500):
        if condition():
            return
        world.progress()[0]()
    raise AssertionError("never came")


def test_a_rolled_back_receiver_is_sent_again_with_an_alarm():
    world = grown_world(2, 3)
    backup = world.receiver.disk.backup()
    world.seal(4)
    world.settle()
    world.receiver.boot(backup)
    world.settle()
    assert world.sender.alarms == [PEER_ROLLED_BACK]
    assert world.receiver.disk.envelopes == envelopes(9)
    check_settled(world.sender, world.receiver)


def test_a_receiver_that_lost_everything_is_sent_everything_again():
    world = grown_world(2, 3, 1)
    world.receiver.boot(Disk())
    world.settle()
    assert world.sender.alarms == [PEER_ROLLED_BACK]
    check_settled(world.sender, world.receiver)


@pytest.mark.parametrize("ahead", [45 * 60, -45 * 60])
@pytest.mark.parametrize("kept", [0, 2])
def test_what_a_rolled_back_receiver_with_another_clock_gives_receipts_for_is_delivered(kept, ahead):
    """Its sender shows when it cosigned last: of less than it covers now, and before, by a clock that was ahead."""
    world = grown_world(2)
    backup = world.receiver.disk.backup() if kept else Disk()
    world.receiver.ahead = max(ahead, 0)
    world.seal(3)
    world.settle()
    last = world.sender.disk.receipt.time
    world.receiver.ahead = min(ahead, 0)
    world.receiver.boot(backup)
    world.settle()
    for _ in range(2):
        world.seal(1)
        world.settle()
    check_settled(world.sender, world.receiver)
    assert world.sender.errors == []
    assert world.sender.disk.receipt.time == last, "its own clock has not come to that time"


def test_a_rolled_back_sender_halts_recovers_in_several_batches_and_reopens():
    world = grown_world(2)
    backup = world.sender.disk.backup()
    for count in (1, 2, 3):
        world.seal(count)
        world.settle()
    receipt = world.sender.disk.receipt
    world.sender.boot(backup)
    run_until(world, lambda: world.sender.disk.halt is not None)
    assert world.sender.disk.halt.reason == SENDER_ROLLED_BACK
    assert world.sender.disk.halt.evidence == (receipt.note,)
    world.settle()
    assert world.sender.disk.halt is None
    assert world.sender.disk.envelopes == envelopes(8)
    assert set(world.sender.disk.heads) >= {2, 3, 5, 8}, "they came in the batches that were sealed"
    world.seal(1)
    world.settle()
    check_settled(world.sender, world.receiver)


@pytest.mark.parametrize("seed", range(10))
def test_a_sender_that_lost_everything_gets_everything_back_on_one_stream(seed):
    """Whenever news of the growth reaches its machine."""
    world = grown_world(2, 3, 1, 2, seed=seed)
    streams = world.link.streams
    world.sender.boot(Disk())
    world.settle()
    check_settled(world.sender, world.receiver)
    assert (world.sender.errors, world.receiver.errors) == ([], [])
    assert world.link.streams == streams + 1


@pytest.mark.parametrize("crash_after", range(12))
def test_a_recovery_that_is_cut_short_goes_on_where_it_stood(crash_after):
    world = grown_world(2, 3, 1, 2)
    world.sender.boot(Disk())
    run_until(world, lambda: world.sender.disk.halt is not None)
    for _ in range(crash_after):
        for act in world.progress()[:1]:
            act()
    world.crash(world.sender)
    world.settle()
    assert world.sender.disk.halt is None
    check_settled(world.sender, world.receiver)


def test_both_ends_rolled_back_to_one_size_stay_halted_once_the_sender_knows():
    """The sender holds a receipt for more; to seal again would sign a second history."""
    world = grown_world(2)
    sender, receiver = world.sender.disk.backup(), world.receiver.disk.backup()
    world.seal(3)
    world.settle()
    world.sender.boot(sender)
    run_until(world, lambda: world.sender.disk.halt is not None)
    world.crash(world.sender)
    world.receiver.boot(receiver)
    for _ in range(60):
        world.progress()[0]()
    assert world.sender.disk.halt.reason == SENDER_ROLLED_BACK
    assert "has shown 5 envelopes and holds 2" in world.sender.errors[-1]
    assert world.sender.disk.envelopes == envelopes(2)


@pytest.mark.parametrize("seed", range(60))
def test_rollbacks_amid_other_faults_and_clocks_that_are_set_end_with_both_logs_the_same(seed):
    world = World(seed, Limits(seals=6, acts=60))
    rolled_back = world.random.choice(world.ends)
    set_clock(world)
    for _ in range(60):
        world.act()
    backup = rolled_back.disk.backup()
    set_clock(world)
    for _ in range(60):
        world.act()
    world.settle()  # what is lost from the sender alone, unreceipted, is lost: let it be delivered
    rolled_back.boot(backup)
    set_clock(world)
    world.seals_left = 0  # a sender that seals before it knows is another story: test_forks
    for _ in range(100):
        world.act()
    world.settle()
    if rolled_back is world.receiver:
        world.seal(1)
        world.settle()
    assert world.sender.machine.state is State.STREAMING
    check_settled(world.sender, world.receiver)


@pytest.mark.parametrize("seed", range(30))
def test_rollbacks_over_rotations_of_either_seal_end_with_both_logs_the_same(seed):
    """A sender that lost its own rotation has it back from the peer, and knows its own keys meanwhile."""
    world = World(seed, Limits(seals=6, acts=60, rotations=4))
    rolled_back = world.random.choice(world.ends)
    set_clock(world)
    for _ in range(40):
        world.act()
    backup = rolled_back.disk.backup()
    set_clock(world)
    for _ in range(80):
        world.act()
    world.settle()
    rolled_back.boot(backup)
    set_clock(world)
    world.seals_left = world.rotations_left = 0
    for _ in range(100):
        world.act()
    world.settle()
    if rolled_back is world.receiver:
        world.seal(1)
        world.settle()
    assert world.sender.machine.state is State.STREAMING
    check_settled(world.sender, world.receiver)
