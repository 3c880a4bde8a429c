"""Both machines under schedules of faults: at the end both logs are the same, and all is receipted.

A failure names its seed; ``GATEWAY_SEED=<seed>`` runs that schedule alone. The long form runs as many schedules as
``GATEWAY_SCHEDULES`` says, of all shapes.
"""

import os

import pytest

from tests.simulation.checker import check_prefix, check_settled
from tests.simulation.world import Limits, World
from tests.support.long_form import long_form_where

SHORT_SCHEDULES = 300
SEEDS = [int(os.environ["GATEWAY_SEED"])] if "GATEWAY_SEED" in os.environ else range(SHORT_SCHEDULES)


def run(seed, limits):
    world = World(seed, limits)
    for _ in range(limits.acts):
        world.act()
        check_prefix(world.sender, world.receiver)
    world.settle()
    check_settled(world.sender, world.receiver)
    return world


def run_named(seed, limits):
    try:
        return run(seed, limits)
    except Exception as error:
        error.add_note(f"GATEWAY_SEED={seed}")
        raise


def test_short_schedules_end_with_both_logs_the_same():
    worlds = [run_named(seed, Limits()) for seed in SEEDS]
    if len(worlds) == SHORT_SCHEDULES:
        delivered = sum(len(world.receiver.disk.envelopes) for world in worlds)
        assert delivered > 10 * SHORT_SCHEDULES, "schedules that deliver little show little"
        assert sum(world.link.streams for world in worlds) > 5 * SHORT_SCHEDULES, "the link hardly broke"


@pytest.mark.parametrize("seed", range(8))
def test_a_log_longer_than_the_window_comes_through(seed):
    world = run_named(seed, Limits(seals=40, envelopes_per_seal=1, acts=400))
    assert len(world.receiver.disk.envelopes) > 16


def test_schedules_in_which_either_end_rotates_its_seal_end_with_both_logs_the_same():
    worlds = [run_named(seed, Limits(rotations=4)) for seed in SEEDS]
    if len(worlds) == SHORT_SCHEDULES:
        assert sum(len(world.sender.keys) - 1 for world in worlds) > SHORT_SCHEDULES
        assert sum(len(world.receiver.keys) - 1 for world in worlds) > SHORT_SCHEDULES
        refused = [error for world in worlds for error in world.sender.errors if error.startswith("UNKNOWN_SEAL")]
        assert refused, "no receipt under a new seal came before the news of it: that shows little"


@long_form_where("GATEWAY_SCHEDULES")
@pytest.mark.timeout(3600)
def test_long_schedules_end_with_both_logs_the_same():
    for seed in range(SHORT_SCHEDULES, SHORT_SCHEDULES + int(os.environ["GATEWAY_SCHEDULES"])):
        run_named(
            seed, Limits(seals=seed % 30, envelopes_per_seal=1 + seed % 5, acts=100 + seed % 300, rotations=seed % 5)
        )
