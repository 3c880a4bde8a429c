"""The end of a pairing: which of two acts counts, and what a mark in the home says."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.identity.pairing.end import Ending, EndMarks, ended, later

NOW = 1_770_000_000

times = st.integers(0, 4_000_000_000)
endings = st.builds(Ending, times, st.just("Chan"), st.just("over"), times)


@given(st.none() | endings, times)
def test_a_new_end_is_newer_than_all_that_was_known_whatever_the_clock_says(before: Ending | None, now: int):
    made = ended(before, now, "Kim", "again")
    assert not made.is_over
    assert later(before, made) is later(made, before) is made


@given(endings, times)
def test_to_take_it_up_again_is_newer_too(before: Ending, now: int):
    again = before.resumed(now)
    assert again.is_over
    assert later(before, again) is later(again, before) is again
    assert (again.ended_time, again.reason) == (before.ended_time, before.reason)


@given(st.none() | endings, st.none() | endings)
def test_of_two_the_newer_act_counts_whichever_comes_first(one: Ending | None, other: Ending | None):
    found = {each.newest if each else None for each in (later(one, other), later(other, one))}
    assert len(found) == 1
    assert found.pop() == max((each.newest for each in (one, other) if each), default=None)


def test_a_mark_comes_back_as_it_was_written(tmp_path: Path):
    marks, ending = EndMarks(tmp_path / "ended"), Ending(NOW, "陳", "\u201cit is over\u201d", NOW + 5)
    assert marks.read("KR") is None
    marks.write("KR", "gateway.kr.example", "aa-bb", ending)
    assert marks.read("KR") == ending
    assert marks.read("SG") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "pairing-end/2"},
        {"jurisdiction": "SG"},
        {"ended_time": -1},
        {"ended_time": "1770000000"},
        {"resumed_time": 10**12},
        {"reason": "x" * 501},
        {"more": 1},
    ],
)
def test_a_mark_with_anything_else_in_it_is_refused_and_its_file_named(tmp_path: Path, changes: dict[str, object]):
    marks = EndMarks(tmp_path / "ended")
    marks.write("KR", "gateway.kr.example", "aa-bb", Ending(NOW, "Chan", "over"))
    file = marks.path("KR")
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    with pytest.raises(ConfigError, match=r"ended/kr\.json"):
        marks.read("KR")
