import time

import pytest
from google.type.date_pb2 import Date
from hypothesis import given
from regulator.exchange.v1 import values_pb2 as values
from regulator.exchange.v1.framework_pb2 import (
    AssessmentContent,
    FrameworkChangeSet,
    FrameworkVersionContent,
    Parameter,
    Provision,
)
from regulator.exchange.v1.framework_service_pb2 import PublishVersionRequest

from gateway.supervision.frameworks import names as named
from gateway.supervision.frameworks.content import (
    MAX_CONTENT_BYTES,
    TOPICS,
    assessment_violations,
    change_violations,
    framework_violations,
    topic_rank,
)
from gateway.supervision.rules.fields import MAX_VIOLATIONS, field_violations
from tests.supervision.framework_samples import (
    assessment,
    day,
    english,
    enlarged,
    header,
    pair,
    parameter,
    provision,
    real,
    version,
    versions,
)
from tests.supervision.samples import arbitrary
from tests.support.properties import examples


def broken(*provisions: Provision, **changes) -> list[tuple[str, str]]:
    found = framework_violations(version(*provisions, **changes))
    return [(each.field, each.description) for each in found]


def fields(*provisions: Provision, **changes) -> list[str]:
    return [field for field, _ in broken(*provisions, **changes)]


# --- names --------------------------------------------------------------------------------------------------


def test_names_are_taken_apart_as_they_are_made():
    assert named.framework_id(named.framework_name("hk-x")) == "hk-x"
    assert named.framework_id(named.version_name("hk-x", 12)) == "hk-x"
    assert named.version_number(named.version_name("hk-x", 12)) == 12
    assert named.framework_id(named.provision_name("hk-x", "so-1")) == "hk-x"
    assert named.provision_id(named.provision_name("hk-x", "so-1")) == "so-1"
    assert named.assessment_id(named.assessment_name("hk-1")) == "hk-1"
    assert named.assessment_id("") == ""


# --- versions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jurisdiction", ["HK", "KR"])
def test_the_real_frameworks_are_valid(jurisdiction):
    content = real(jurisdiction).content
    assert field_violations(content) == []
    assert framework_violations(content) == []


@examples(60)
@given(versions())
def test_valid_versions_break_no_rule(content):
    assert field_violations(content) == []
    assert framework_violations(content) == []


def test_a_provision_does_not_end_before_it_begins():
    one_day = provision(effective_from=day("2026-01-02"), effective_to=day("2026-01-02"))
    backwards = provision("b", effective_from=day("2026-01-02"), effective_to=day("2025-12-31"))
    assert broken(one_day, backwards) == [("content.provisions[1].effective_to", "must not be before effective_from")]


def test_an_id_stands_once():
    assert broken(provision("a"), provision("b"), provision("a")) == [
        ("content.provisions[2].id", "must be another than that of content.provisions[0]")
    ]


def test_a_key_stands_once_in_a_provision():
    twice = provision(parameters=[parameter("1", "HKD"), parameter("2", "HKD")])
    assert fields(twice) == ["content.provisions[0].parameters[1].key"]
    assert (
        fields(provision("a", parameters=twice.parameters[:1]), provision("b", parameters=twice.parameters[:1])) == []
    )


@pytest.mark.parametrize(
    ("figure", "field"),
    [
        (parameter("1", "BTC"), "unit"),
        (parameter("1", "year", Parameter.PERCENTAGE), "unit"),
        (parameter("1", "percent", Parameter.DURATION), "unit"),
        (parameter("-1", "HKD"), "value"),
        (parameter("soon", "day", Parameter.DURATION), "value"),
    ],
)
def test_what_is_wrong_with_a_figure_is_told_at_its_place(figure, field):
    found = fields(provision(), provision("b", parameters=[figure]))
    assert found == [f"content.provisions[1].parameters[0].{field}"]


def test_one_risk_has_one_name():
    (violation,) = broken(provision(topic="aml_ctf"))
    assert violation[0] == "content.provisions[0].topic"
    assert "aml_cft" in violation[1]


def test_topics_sort_in_their_order_and_unknown_ones_last():
    assert sorted(["zeta", "penalties", "alpha", "capital"], key=topic_rank) == [
        "capital",
        "penalties",
        "alpha",
        "zeta",
    ]
    assert len(set(TOPICS)) == len(TOPICS)
    assert field_violations(version(*(provision(f"p{n}", topic=each) for n, each in enumerate(TOPICS)))) == []


def test_the_rules_of_values_hold_in_a_version():
    assert fields(provision(effective_from=Date(year=2026, month=2, day=30))) == [
        "content.provisions[0].effective_from"
    ]
    assert fields(provision(title=[*english("a"), *english("b")])) == ["content.provisions[0].title"]
    assert fields(provision(citation="Cap\u202e. 656")) == ["content.provisions[0].citation"]
    assert fields(jurisdiction="ZZ") == ["content.header.jurisdiction"]


def test_tells_no_more_than_its_bound():
    assert len(broken(*(provision(topic="unheard") for _ in range(200)))) == MAX_VIOLATIONS


@examples(100)
@given(arbitrary(FrameworkVersionContent.DESCRIPTOR))
def test_answers_to_any_version(content):
    for violation in framework_violations(content):
        assert violation.field.startswith("content")


# --- limits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jurisdiction", ["HK", "KR"])
def test_five_thousand_real_provisions_are_a_version_of_modest_size(jurisdiction):
    content = enlarged(real(jurisdiction).content, 5000)
    assert content.ByteSize() < MAX_CONTENT_BYTES / 3
    assert field_violations(content) == []
    assert framework_violations(content) == []


def test_a_hundred_thousand_provisions_are_refused_at_once_by_name_and_limit():
    request = PublishVersionRequest(parent="frameworks/hk-x", content=enlarged(version(provision()), 100_000))
    begun = time.process_time()
    (violation,) = field_violations(request)
    assert time.process_time() - begun < 0.5  # seconds, of some that a look at each would take
    assert (violation.field, violation.description) == ("content.provisions", "must hold at most 10000 items")


def test_a_version_that_is_too_long_for_an_envelope_is_refused_by_its_limit():
    long = [provision(f"p{n}", requirement=english("x" * 16_384)) for n in range(500)]
    (violation,) = broken(*long)
    assert violation[0] == "content"
    assert "must be at most 7340032 bytes long, and is 8" in violation[1]


# --- field rules --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": "A"}, "id"),
        ({"id": "a\n"}, "id"),
        ({"citation": ""}, "citation"),
        ({"sector": 0}, "sector"),
        ({"sector": 99}, "sector"),
        ({"topic": "Capital"}, "topic"),
        ({"status": 0}, "status"),
        ({"status": 9}, "status"),
        ({"effective_from": None}, "effective_from"),
        ({"title": []}, "title"),
        ({"requirement": english("a\x00b")}, "requirement[0].text"),
        ({"parameters": [parameter("1", "hkd dollars")]}, "parameters[0].unit"),
        ({"parameters": [parameter("true", "HKD")]}, "parameters[0].value"),
        ({"parameters": [parameter("true", "x", Parameter.FLAG)]}, "parameters[0].unit"),
        ({"parameters": [parameter("1", "HKD", key=f"k{n}") for n in range(65)]}, "parameters"),
        ({"source": values.Source()}, "source.title"),
        ({"confidence": 0}, "confidence"),
    ],
)
def test_the_contract_names_what_is_wrong_with_a_provision(changes, field):
    assert [each.field for each in field_violations(provision(**changes))] == [field]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"jurisdiction": "hk"}, "jurisdiction"),
        ({"title": []}, "title"),
        ({"authorities": []}, "authorities"),
        ({"authorities": ["SFC", "SFC"]}, "authorities"),
        ({"authorities": ["S F C"]}, "authorities[0]"),
        ({"as_of": None}, "as_of"),
    ],
)
def test_the_contract_names_what_is_wrong_with_a_header(changes, field):
    assert [each.field for each in field_violations(header(**changes))] == [field]


# --- change sets --------------------------------------------------------------------------------------------


def test_a_change_set_is_held_to_the_same_rules():
    changes = FrameworkChangeSet(
        base_version=1,
        header=header(jurisdiction="ZZ"),
        upserts=[provision("a"), provision("a", topic="unheard"), provision("b", parameters=[parameter("1", "BTC")])],
    )
    assert [each.field for each in change_violations(changes)] == [
        "change_set.header.jurisdiction",
        "change_set.upserts[1].id",
        "change_set.upserts[1].topic",
        "change_set.upserts[2].parameters[0].unit",
    ]


def test_a_change_set_is_made_for_a_version():
    assert [each.field for each in field_violations(FrameworkChangeSet())] == ["base_version"]


# --- assessments --------------------------------------------------------------------------------------------


def judged(content: AssessmentContent) -> list[str]:
    return [each.field for each in assessment_violations(content)]


def test_an_assessment_of_an_area_or_of_a_pair_is_valid():
    for content in (assessment(), assessment(pair=pair())):
        assert field_violations(content) == []
        assert judged(content) == []


def test_a_pair_is_of_one_provision_of_each():
    content = assessment(pair=pair("kr-x/provisions/a", "sg-x/provisions/b"))
    assert judged(content) == ["assessment.content.pair.first", "assessment.content.pair.second"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"first_jurisdiction": "ZZ"}, "first_jurisdiction"),
        ({"second_jurisdiction": "ZZ"}, "second_jurisdiction"),
        ({"area": AssessmentContent.Area(sector=1, topic="unheard")}, "area.topic"),
        ({"reasons": english("\u200b")}, "reasons[0].text"),
    ],
)
def test_what_is_wrong_with_an_assessment_is_told_at_its_place(changes, field):
    assert judged(assessment(**changes)) == [f"assessment.content.{field}"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"second_jurisdiction": "HK"}, "second_jurisdiction"),
        ({"outcome": 0}, "outcome"),
        ({"reasons": []}, "reasons"),
        ({"supersedes": "hk-1"}, "supersedes"),
        ({"pair": AssessmentContent.ProvisionPair(first="a", second="b")}, "pair.first"),
    ],
)
def test_the_contract_names_what_is_wrong_with_an_assessment(changes, field):
    assert field_violations(assessment(**changes))[0].field == field


def test_an_assessment_judges_something():
    content = assessment()
    content.ClearField("area")
    (violation,) = field_violations(content)
    assert (violation.field, violation.description) == ("target", "exactly one is required of area, pair")


@examples(100)
@given(arbitrary(AssessmentContent.DESCRIPTOR))
def test_answers_to_any_assessment(content):
    for violation in assessment_violations(content):
        assert violation.field.startswith("assessment.content.")
