from pathlib import Path

from tests.benchmarks import floors


def test_every_act_takes_time_and_leaves_nothing(tmp_path: Path):
    found = floors.acts(tmp_path, 1024, 0.01)
    assert {name.partition(",")[0] for name in found} == {"Ed25519", "ML-DSA-44", "SQLite"}
    assert all(value > 0 for value in found.values())
    assert list(tmp_path.iterdir()) == []
    assert floors.under_bulk(found)["raw inserts"] > 0


def test_a_bulk_is_inserted_as_its_stream_is_cut():
    assert [floors.rows_at_once(size) for size in (256, 1024, 64 * 1024, 1024 * 1024, 2**30)] == [500, 500, 16, 1, 1]


def test_a_process_that_does_nothing_takes_time_and_memory():
    seconds, megabytes = floors.importing()
    assert seconds > 0
    assert 20 < megabytes < 1000
