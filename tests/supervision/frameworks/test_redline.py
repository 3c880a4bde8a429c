import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.framework_pb2 import TextChange

from gateway.supervision.frameworks.redline import Effort, redline
from tests.supervision.framework_samples import texts
from tests.support.properties import examples

Segment = TextChange.Segment
MARKS = {Segment.KEPT: "{}", Segment.REMOVED: "[-{}-]", Segment.ADDED: "{{+{}+}}"}
PLENTY = 10**9


def shown(old: str, new: str, effort: int = PLENTY) -> str:
    return "".join(MARKS[each.kind].format(each.text) for each in redline(old, new, Effort(effort)))


def joined(segments: list[Segment], *kinds: Segment.Kind.ValueType) -> str:
    return "".join(each.text for each in segments if each.kind in kinds)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("keeps the reserve", "keeps the reserve", "keeps the reserve"),
        ("", "new", "{+new+}"),
        ("old", "", "[-old-]"),
        ("", "", ""),
        ("a licensee may pay", "a licensee must not pay", "a licensee [-may -]{+must not +}pay"),
        ("pays 25,000,000 HKD", "pays 30,000,000.50 HKD", "pays [-25,000,000 -]{+30,000,000.50 +}HKD"),
        ("pays HKD", "pays HKD at once", "pays HKD{+ at once+}"),
        ("at once, pays", "pays", "[-at once, -]pays"),
        ("one two three four", "one 2 3 four", "one [-two three -]{+2 3 +}four"),
        ("one  two", "one two", "one[-  -]{+ +}two"),
        (" one", "one", "[- -]one"),
    ],
)
def test_spaced_text_is_compared_by_words(old, new, told):
    assert shown(old, new) == told


def test_korean_is_compared_by_words():
    told = shown("이용자의 예치금은 은행에 보관한다.", "이용자의 예치금은 은행 또는 신탁업자에 보관한다.")
    assert told == "이용자의 예치금은 [-은행에 -]{+은행 또는 신탁업자에 +}보관한다."


def test_chinese_is_compared_by_characters():
    told = shown("一個營業日內按面值贖回。費用不得過高", "兩個營業日內按面值贖回。費用必須合理")
    assert told == "[-一-]{+兩+}個營業日內按面值贖回。費用[-不得過高-]{+必須合理+}"


def test_scripts_may_stand_side_by_side():
    assert shown("HKMA香港金管局", "HKMA香港證監會") == "HKMA香港[-金管局-]{+證監會+}"


def test_a_character_is_never_parted_from_its_marks():
    assert shown("葛\U000e0100城", "葛\U000e0101城") == "[-葛\U000e0100-]{+葛\U000e0101+}城"
    assert shown("cafe\u0301", "cafe") == "[-cafe\u0301-]{+cafe+}"


def test_the_longest_run_of_words_is_kept():
    told = shown("x one two three y z", "y z one two three w")
    assert told == "[-x -]{+y z +}one two three [-y z-]{+w+}"


def test_without_effort_only_beginning_and_end_are_found():
    assert shown("a x b y c", "a 1 b 2 c") == "a [-x -]{+1 +}b [-y -]{+2 +}c"
    assert shown("a x b y c", "a 1 b 2 c", effort=0) == "a [-x b y -]{+1 b 2 +}c"


def test_effort_is_used_up_by_one_redline_after_another():
    effort = Effort(30)
    assert len(redline("x b y", "1 b 2", effort)) == 5
    assert effort.left < 30
    assert [each.kind for each in redline("x b y", "1 b 2", effort)] == [Segment.REMOVED, Segment.ADDED]


@examples(400)
@given(texts(), texts(), st.sampled_from([0, 30, 100, PLENTY]))
def test_both_texts_come_out_of_the_segments(old, new, effort):
    segments = redline(old, new, Effort(effort))
    assert joined(segments, Segment.KEPT, Segment.REMOVED) == old
    assert joined(segments, Segment.KEPT, Segment.ADDED) == new


@examples(300)
@given(st.text(), st.text())
def test_both_texts_come_out_whatever_they_are(old, new):
    segments = redline(old, new, Effort(PLENTY))
    assert joined(segments, Segment.KEPT, Segment.REMOVED) == old
    assert joined(segments, Segment.KEPT, Segment.ADDED) == new
    assert all(each.text for each in segments)


@examples(200)
@given(texts(), texts())
def test_neighbours_are_of_different_kinds_and_removals_come_first(old, new):
    kinds = [each.kind for each in redline(old, new, Effort(PLENTY))]
    assert all(one != other for one, other in pairwise(kinds))
    assert (Segment.ADDED, Segment.REMOVED) not in set(pairwise(kinds))


@given(texts())
def test_a_text_is_kept_whole_against_itself(text):
    assert redline(text, text, Effort(0)) == [Segment(kind=Segment.KEPT, text=text)]


@pytest.mark.parametrize("words", [["a"], ["a", "b"], ["a", "a", "b"], list("abcdefgh"), list("香港數字資")])
def test_texts_made_to_be_slow_are_not(words):
    old, new = " ".join(words * 2000), " ".join((words[::-1] + words[:1]) * 2000)
    begun = time.process_time()
    segments = redline(f"x {old} y", f"z {new} w", Effort(600_000))
    assert time.process_time() - begun < 2  # seconds; unbounded, it takes minutes
    assert joined(segments, Segment.KEPT, Segment.ADDED) == f"z {new} w"
