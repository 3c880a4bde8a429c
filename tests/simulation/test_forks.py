"""A sender that signed two histories: found out, proved, and never resolved."""

import pytest

from gateway.ledger.channel import State
from gateway.ledger.checkpoint import open_checkpoint
from gateway.ledger.steps import FORKED
from tests.ledger import oracle
from tests.ledger.samples import CHANNEL_SEALS, envelopes
from tests.simulation.world import World


@pytest.fixture
def world():
    """Two envelopes on both sides; a backup of the sender; then three more of the honest history."""
    made = World()
    made.seal(2)
    made.settle()
    made.backup = made.sender.disk.backup()
    made.seal(3)
    made.settle()
    made.honest = made.sender.disk.backup()
    return made


def seal_other(world, count):
    """The restored sender seals before it dials: nobody can keep it from that."""
    world.sender.boot(world.backup.backup())
    world.seal(count, "other")


def roots_of(evidence):
    """The two heads, opened with the sender's keys alone, as a third person would."""
    heads = [open_checkpoint(note, CHANNEL_SEALS.origin, CHANNEL_SEALS.sender).checkpoint for note in evidence]
    return {(head.size, head.root) for head in heads}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_sender_that_sealed_anew_before_it_dialled_ends_forked_on_both_sides(world, count):
    copy = list(world.receiver.disk.envelopes)
    seal_other(world, count)
    world.settle()
    assert world.receiver.disk.halt.reason == world.sender.disk.halt.reason == FORKED
    other = [*envelopes(2), *envelopes(2 + count, "other")[2:]]
    contradiction = {(5, oracle.mth(envelopes(5))), (2 + count, oracle.mth(other))}
    assert roots_of(world.receiver.disk.halt.evidence) == contradiction
    assert roots_of(world.sender.disk.halt.evidence) == contradiction
    assert world.receiver.disk.envelopes == copy, "nothing of the other history was taken"


def test_a_sender_that_sealed_more_than_it_lost_finds_the_fork_itself(world):
    """The receiver cannot tell from a larger head alone; the receipt in its Position shows it to the sender."""
    seal_other(world, 5)
    world.settle()
    assert world.sender.disk.halt.reason == FORKED
    assert (5, oracle.mth(envelopes(5))) in roots_of(world.sender.disk.halt.evidence)
    assert world.receiver.disk.envelopes == envelopes(5)
    assert world.receiver.disk.halt is None


def test_the_honest_half_of_a_forked_sender_is_told_and_halts_too(world):
    seal_other(world, 2)
    world.settle()
    world.sender.boot(world.honest)
    world.settle()
    assert world.sender.disk.halt.reason == FORKED
    assert len(roots_of(world.sender.disk.halt.evidence)) == 2


def test_a_halted_channel_stays_halted_over_restarts_of_both_ends(world):
    seal_other(world, 2)
    world.settle()
    for _ in range(3):
        for end in world.ends:
            world.crash(end)
        world.settle()
    assert all(end.machine.state is State.HALTED for end in world.ends)
    assert not world.link.stream
    world.sender.boot(world.honest)  # the receiver's halt is found on its disk, and told
    world.settle()
    assert world.sender.disk.halt.reason == FORKED


def test_a_receiver_that_halted_tells_again_without_a_restart(world):
    seal_other(world, 2)
    world.settle()
    machine = world.receiver.machine
    world.sender.boot(world.honest)
    world.settle()
    assert world.receiver.machine is machine
    assert world.sender.disk.halt.reason == FORKED
