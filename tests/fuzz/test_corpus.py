"""Every input that is kept passes: it is read, or refused as its target says, within its bounds of time and memory."""

import time
import tracemalloc
from pathlib import Path

import pytest

from tests.fuzz.kit import kit_inputs
from tests.fuzz.seeding import seeds
from tests.fuzz.table import CORPUS, TARGETS, Target

# Of serial numbers that are not positive: they are refused.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")

SECONDS = 2.0  # of processor time, for what mostly takes a millisecond
MEMORY_BYTES, MEMORY_PER_BYTE = 16 * 1024 * 1024, 400
KEPT_BYTES = 64 * 1024

KEPT = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


def replay(target: Target, data: bytes) -> None:
    tracemalloc.start()
    try:
        begun = time.process_time()
        target(data)
        assert time.process_time() - begun < SECONDS, "it takes too long"
        _, peak = tracemalloc.get_traced_memory()
        assert peak < MEMORY_BYTES + MEMORY_PER_BYTE * len(data), "it takes too much memory"
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", TARGETS)
def test_every_kept_input_is_read_or_refused_within_bounds(name: str):
    kept = [path for path in KEPT if path.parent.name == name]
    assert kept, "a target has inputs that are kept"
    for path in kept:
        try:
            replay(TARGETS[name], path.read_bytes())
        except BaseException as error:
            error.add_note(f"the input is {path}")
            raise


def test_every_input_of_the_conformance_kit_is_read_or_refused():
    targets = set()
    for name, data in kit_inputs():
        TARGETS[name](data)
        targets.add(name)
    assert len(targets) == 10


def test_what_is_kept_is_small_and_of_a_target():
    assert {path.parent.name for path in KEPT} == set(TARGETS)
    for path in KEPT:
        assert path.stat().st_size <= KEPT_BYTES, path
    assert 200 <= len(KEPT) <= 1000


@pytest.mark.parametrize("name", sorted(TARGETS.keys() - {"envelope", "receiver", "sender"}))  # which refuse nothing
def test_a_target_takes_a_good_input_whole_and_refuses_a_bad_one(name: str):
    target = TARGETS[name]
    accepted = 0
    for seeded, data in seeds():
        if seeded == name:
            accepted += _takes(target, data)
    assert accepted, "or the deep parts are never reached"
    assert not _takes(target, b"\xff\xfe bad"), "or the target checks nothing"


def _takes(target: Target, data: bytes) -> bool:
    try:
        target.take(data)
    except target.refusals:
        return False
    return True


@pytest.mark.parametrize("error", [ValueError("odd"), RecursionError(), AssertionError("two forms"), MemoryError()])
def test_anything_but_a_targets_own_refusal_is_a_finding(error: Exception):
    def take(_: bytes) -> None:
        raise error

    with pytest.raises(type(error)):
        replay(Target(take, TARGETS["note"].refusals), b"")


def test_an_input_that_takes_too_much_memory_is_a_finding():
    with pytest.raises(AssertionError, match="memory"):
        replay(Target(lambda _: bytearray(2 * MEMORY_BYTES).clear(), ()), b"")


def test_the_corpus_lies_beside_its_table():
    assert Path(__file__).parent / "corpus" == CORPUS
