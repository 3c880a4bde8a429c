import time

import pytest
from google.type.date_pb2 import Date
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.framework_pb2 import (
    FrameworkChangeSet,
    FrameworkDiff,
    FrameworkVersionContent,
    ProvisionChange,
    TextChange,
)
from regulator.exchange.v1.values_pb2 import LocalizedText, Source

from gateway.errors import BadInput
from gateway.supervision.frameworks.changes import apply_changes
from gateway.supervision.frameworks.diff import diff_versions
from gateway.supervision.rules.fields import field_violations
from tests.supervision.framework_samples import (
    day,
    english,
    enlarged,
    header,
    parameter,
    provision,
    real,
    version,
    versions,
)
from tests.support.properties import examples

Change = ProvisionChange
A, B, C = (provision(each) for each in "abc")
COUNT = 5000
SECONDS = 0.5  # for a diff of so many provisions, on an idle machine; measured in time of the processor


def kinds(diff: FrameworkDiff) -> dict[str, Change.Kind.ValueType]:
    return {each.provision: each.kind for each in diff.provisions}


def change(**changes) -> Change:
    """How provision ``a`` differs once it has ``changes``."""
    (found,) = diff_versions(version(A), version(provision("a", **changes))).provisions
    return found


def change_set_of(diff: FrameworkDiff) -> FrameworkChangeSet:
    """The change set that makes the new version of a whole diff out of its old one, the first."""
    return FrameworkChangeSet(
        base_version=1,
        header=diff.header.new if diff.HasField("header") else None,
        upserts=[each.new for each in diff.provisions[:] if each.kind != Change.REMOVED],
        removals=[each.provision for each in diff.provisions[:] if each.kind == Change.REMOVED],
        provision_order=diff.provision_order,
    )


def refused(base: FrameworkVersionContent, **changes) -> list[tuple[str, str]]:
    with pytest.raises(BadInput) as caught:
        apply_changes(base, FrameworkChangeSet(base_version=3, **changes))
    return [(each.field, each.description) for each in caught.value.violations]


# --- diff ---------------------------------------------------------------------------------------------------


def test_provisions_are_added_removed_and_changed():
    other = provision("a", topic="capital")
    diff = diff_versions(version(A, B), version(C, other))
    assert kinds(diff) == {"c": Change.ADDED, "a": Change.CHANGED, "b": Change.REMOVED}
    assert (diff.added_count, diff.changed_count, diff.removed_count) == (1, 1, 1)
    added, changed, removed = diff.provisions
    assert (added.new, added.HasField("old")) == (C, False)
    assert (changed.old, changed.new) == (A, other)
    assert (removed.old, removed.HasField("new")) == (B, False)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"status": 5}, ["status"]),
        ({"effective_to": day("2027-01-01"), "sector": 1}, ["sector", "effective_to"]),
        ({"source": Source(title="Gazette"), "confidence": 1}, ["source", "confidence"]),
        ({"citation": "Cap. 1", "topic": "capital"}, ["citation", "topic"]),
        ({"effective_to": Date()}, ["effective_to"]),  # set to nothing is not the same as unset
    ],
)
def test_each_field_that_differs_is_named_in_the_order_of_the_contract(changes, fields):
    found = change(**changes)
    assert list(found.fields) == fields
    assert [*found.texts, *found.parameters] == []


def test_figures_are_told_old_and_new():
    one, two, three = (parameter(value, "HKD", key=key) for key, value in (("x", "1"), ("y", "2"), ("z", "3")))
    more = parameter("2.5", "HKD", key="y")
    old, new = provision("a", parameters=[one, two]), provision("a", parameters=[more, three])
    (found,) = diff_versions(version(old), version(new)).provisions
    assert list(found.fields) == ["parameters"]
    assert [(each.key, each.old.value, each.new.value) for each in found.parameters] == [
        ("y", "2", "2.5"),
        ("z", "", "3"),
        ("x", "1", ""),
    ]
    assert not found.parameters[1].HasField("old")
    assert not found.parameters[2].HasField("new")


def test_texts_are_told_as_redlines_by_language():
    korean = LocalizedText(language_tag="ko", text="준비금")
    found = change(requirement=[korean, *english("A licensee keeps full reserves.")])
    assert list(found.fields) == ["requirement"]
    assert [(each.field, each.language_tag) for each in found.texts] == [("requirement", "ko"), ("requirement", "en")]
    assert [(each.kind, each.text) for each in found.texts[0].segments] == [(TextChange.Segment.ADDED, "준비금")]
    assert [each.text for each in found.texts[1].segments] == ["A licensee keeps ", "full ", "reserves."]


def test_a_language_that_is_gone_is_removed():
    both = [*english("Title"), LocalizedText(language_tag="ko", text="제목")]
    (found,) = diff_versions(version(provision("a", title=both)), version(A)).provisions
    (text,) = found.texts
    assert (text.field, text.language_tag) == ("title", "ko")
    assert [each.kind for each in text.segments] == [TextChange.Segment.REMOVED]


def test_a_header_is_told_where_it_differs():
    diff = diff_versions(version(A), version(A, title=english("The framework"), as_of=day("2027-01-01")))
    assert list(diff.header.fields) == ["title", "as_of"]
    assert [each.field for each in diff.header.texts] == ["title"]
    assert diff.header.old == header()
    assert not diff.provisions


def test_a_first_version_is_all_new():
    diff = diff_versions(FrameworkVersionContent(), version(A, B))
    assert kinds(diff) == {"a": Change.ADDED, "b": Change.ADDED}
    assert not diff.header.HasField("old")
    assert apply_changes(FrameworkVersionContent(), change_set_of(diff)) == version(A, B)


def test_another_order_is_a_difference():
    diff = diff_versions(version(A, B), version(B, A))
    assert list(diff.provision_order) == ["b", "a"]
    assert not diff_versions(version(A, B), version(B, C)).provision_order
    assert list(diff_versions(version(A, B), version(C, B)).provision_order) == ["c", "b"]


@examples(100)
@given(versions(), versions())
def test_a_diff_applied_to_the_old_version_gives_the_new_one(old, new):
    changes = change_set_of(diff_versions(old, new))
    assert field_violations(changes) == []
    assert apply_changes(old, changes) == new


@examples(50)
@given(versions())
def test_equal_versions_have_no_difference(content):
    same = FrameworkVersionContent.FromString(content.SerializeToString())
    assert diff_versions(content, same) == FrameworkDiff()


@examples(40)
@given(versions(), versions())
def test_counts_and_fields_say_what_differs(old, new):
    diff = diff_versions(old, new)
    before, after = ({each.id: each for each in content.provisions} for content in (old, new))
    assert diff.added_count == len(after.keys() - before.keys())
    assert diff.removed_count == len(before.keys() - after.keys())
    assert diff.changed_count == sum(before[each] != after[each] for each in before.keys() & after.keys())
    for each in diff.provisions:
        if each.kind == Change.CHANGED:
            assert each.fields
            assert ("parameters" in each.fields) >= bool(each.parameters)
            assert {text.field for text in each.texts} <= {"title", "requirement"} & set(each.fields)


# --- change sets --------------------------------------------------------------------------------------------


def test_what_is_upserted_keeps_its_place_and_what_is_new_comes_last():
    other = provision("a", topic="capital")
    made = apply_changes(version(A, B), FrameworkChangeSet(upserts=[C, other]))
    assert made == version(other, B, C)


def test_an_order_may_be_given():
    made = apply_changes(version(A, B), FrameworkChangeSet(upserts=[C], removals=["a"], provision_order=["c", "b"]))
    assert made == version(C, B)


def test_a_header_stays_unless_another_is_given():
    other = header(title=english("Another"))
    assert apply_changes(version(A), FrameworkChangeSet(removals=["a"])).header == header()
    assert apply_changes(version(A), FrameworkChangeSet(header=other)).header == other


def test_what_is_not_there_cannot_be_removed():
    assert refused(version(A), removals=["a", "nowhere"]) == [
        ("change_set.removals[1]", "must be a provision of version 3, which has no nowhere")
    ]


def test_a_provision_is_changed_once():
    assert refused(version(A), removals=["a"], upserts=[A, B, B]) == [
        ("change_set.upserts[0].id", "must be no other change to a: it is removed or taken in before"),
        ("change_set.upserts[2].id", "must be no other change to b: it is removed or taken in before"),
    ]


@pytest.mark.parametrize(
    ("order", "field", "words"),
    [
        (["a", "x", "b"], "provision_order[1]", "x is not"),
        (["a", "b", "a"], "provision_order[2]", "a is not"),
        (["b"], "provision_order", "a too"),
    ],
)
def test_an_order_names_each_provision_once(order, field, words):
    ((path, description),) = refused(version(A, B), provision_order=order)
    assert path == f"change_set.{field}"
    assert words in description


def test_a_refused_change_leaves_its_base_alone():
    base = version(A)
    refused(base, upserts=[B], removals=["nowhere"])
    assert base == version(A)


# --- cost ---------------------------------------------------------------------------------------------------


def _some_words(text: str) -> str:
    words = text.split(" ")
    words[len(words) // 3] = "other"
    words.insert(2 * len(words) // 3, "added")
    return " ".join(words)


def _all_words(text: str) -> str:
    return " ".join(sorted(text.split(" ")))


@pytest.mark.parametrize("edit", [_some_words, _all_words])
def test_thousands_of_changed_provisions_are_diffed_in_time(edit):
    old = enlarged(real("HK").content, COUNT)
    new = FrameworkVersionContent.FromString(old.SerializeToString())
    for each in new.provisions:
        each.requirement[0].text = edit(each.requirement[0].text)
    begun = time.process_time()
    diff = diff_versions(old, new)
    assert time.process_time() - begun < 4 * SECONDS  # this machine may be busy
    assert diff.changed_count > COUNT // 2
    assert apply_changes(old, change_set_of(diff)) == new


@examples(30)
@given(st.integers(0, 99))
def test_one_change_among_many_is_found(place):
    old = enlarged(real("KR").content, 100)
    new = FrameworkVersionContent.FromString(old.SerializeToString())
    new.provisions[place].status = 5
    assert kinds(diff_versions(old, new)) == {new.provisions[place].id: Change.CHANGED}
