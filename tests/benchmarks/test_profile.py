import os
import signal
import time
from pathlib import Path

import pytest

from tests.benchmarks.processor import MAIN, used_micros
from tests.benchmarks.profile import PARTS, part_of
from tests.benchmarks.sampler import ROOT, Sampler


def burn(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def wait(seconds: float) -> None:
    time.sleep(seconds)


@pytest.fixture
def stacks(tmp_path: Path):
    path = tmp_path / "stacks"
    sampler = Sampler(path)
    before = signal.signal(signal.SIGPROF, sampler.take)
    sampler.turn(0, None)
    burn(0.1)
    wait(0.1)
    sampler.turn(0, None)
    signal.signal(signal.SIGPROF, before)
    return path.read_text().splitlines()


def test_samples_count_what_was_used_where_it_was_used_and_no_waiting(stacks):
    of_burning = sum(int(line.split()[0]) for line in stacks if ":burn" in line)
    assert 80_000 < of_burning < 200_000
    assert sum(int(line.split()[0]) for line in stacks if ":wait" in line) < 20_000


def test_what_a_process_used_is_told_by_thread():
    before = used_micros(os.getpid())[MAIN]
    burn(0.05)
    assert used_micros(os.getpid())[MAIN] - before >= 49_000


@pytest.mark.parametrize("part", [part for part in PARTS if part != "the rest"])
def test_every_place_of_a_part_is_one_of_the_node(part):
    for prefix in PARTS[part]:
        assert (ROOT / prefix).exists(), prefix


def test_a_frame_belongs_to_the_first_part_that_has_its_file():
    assert part_of("gateway/supervision/rules/fields.py:field_violations") == "field rules"
    assert part_of("gateway/supervision/projections/notices.py:released") == "envelopes and projection"
    assert part_of("uvloop/loop.py:run") == "the rest"
