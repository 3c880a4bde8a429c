import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.framework_pb2 import AssessmentContent, Comparison, Parameter, Provision
from regulator.exchange.v1.values_pb2 import SECTOR_EXCHANGE, SECTOR_STABLECOIN_ISSUER

from gateway.supervision.frameworks.alignment import aligned
from gateway.supervision.frameworks.comparison import KnownVersion, Side, compare
from gateway.supervision.frameworks.content import topic_rank
from tests.supervision.framework_samples import (
    assessment,
    day,
    english,
    enlarged,
    pair,
    parameter,
    parameters,
    provision,
    real,
    version,
)
from tests.support.properties import examples

Cell, Aligned = Comparison.Cell, Comparison.AlignedParameter
TODAY = day("2026-11-24")
SECONDS = 0.5  # for a comparison of 5,000 provisions a side, on an idle machine; in time of the processor
DURATION, SHARE, COUNT, FLAG = Parameter.DURATION, Parameter.PERCENTAGE, Parameter.COUNT, Parameter.FLAG


def side(jurisdiction: str, *provisions: Provision) -> Side:
    return Side(jurisdiction, (KnownVersion(f"{jurisdiction.lower()}-x", 3, version(*provisions)),))


def compared(first=(), second=(), assessments=()) -> Comparison:
    return compare(side("HK", *first), side("KR", *second), TODAY, assessments)


def cells(comparison: Comparison) -> dict[tuple[int, str], Cell]:
    return {(each.sector, each.topic): each for each in comparison.cells}


def the_cell(*arguments) -> Cell:
    (cell,) = compared(*arguments).cells
    return cell


# --- cells --------------------------------------------------------------------------------------------------

HERE, LATER = provision("a"), provision("p", effective_from=day("2027-01-01"))
PROPOSED = provision("q", status=Provision.PROPOSED)


@pytest.mark.parametrize(
    ("first", "second", "coverage", "gaps"),
    [
        ([HERE], [HERE], Cell.BOTH, 0),
        ([HERE], [], Cell.FIRST_ONLY, 1),
        ([HERE], [PROPOSED], Cell.FIRST_ONLY, 1),
        ([LATER], [HERE], Cell.SECOND_ONLY, 1),
        ([LATER], [PROPOSED], Cell.NEITHER, 0),
    ],
)
def test_a_gap_is_where_one_side_alone_has_a_rule_in_force(first, second, coverage, gaps):
    comparison = compared(first, second)
    assert [each.coverage for each in comparison.cells] == [coverage]
    assert comparison.gap_count == gaps


def test_a_cell_holds_the_rules_of_both_sides_those_in_force_first():
    cell = the_cell([PROPOSED, HERE], [LATER])
    assert [(each.name, each.in_force, each.status) for each in cell.first] == [
        ("frameworks/hk-x/provisions/a", True, Provision.IN_FORCE),
        ("frameworks/hk-x/provisions/q", False, Provision.PROPOSED),
    ]
    assert [each.name for each in cell.second] == ["frameworks/kr-x/provisions/p"]
    assert (cell.first[0].citation, list(cell.first[0].title)) == ("Cap. 656", english("Title"))


def test_what_has_lapsed_or_is_repealed_is_left_out():
    lapsed = provision("a", effective_to=day("2026-11-23"))
    repealed = provision("b", status=Provision.REPEALED)
    assert not compared([lapsed], [repealed]).cells


def test_cells_stand_by_sector_and_then_by_topic():
    found = compared(
        [provision("a", topic="penalties"), provision("b", topic="made_up_later")],
        [provision("c", topic="capital"), provision("d", topic="penalties", sector=SECTOR_EXCHANGE)],
    )
    assert list(cells(found)) == [
        (SECTOR_EXCHANGE, "penalties"),
        (SECTOR_STABLECOIN_ISSUER, "capital"),
        (SECTOR_STABLECOIN_ISSUER, "penalties"),
        (SECTOR_STABLECOIN_ISSUER, "made_up_later"),
    ]


def test_a_jurisdiction_may_have_several_frameworks():
    two = Side("HK", (KnownVersion("hk-x", 1, version(HERE)), KnownVersion("hk-y", 2, version(HERE))))
    comparison = compare(two, side("KR"), TODAY)
    assert list(comparison.versions) == [
        "frameworks/hk-x/versions/1",
        "frameworks/hk-y/versions/2",
        "frameworks/kr-x/versions/3",
    ]
    assert [each.name for each in comparison.cells[0].first] == [
        "frameworks/hk-x/provisions/a",
        "frameworks/hk-y/provisions/a",
    ]


def test_a_comparison_says_whose_and_when():
    comparison = compared()
    assert (comparison.first_jurisdiction, comparison.second_jurisdiction) == ("HK", "KR")
    assert comparison.as_of == TODAY


# --- figures ------------------------------------------------------------------------------------------------


def rows(first: list[Parameter], second: list[Parameter]) -> list[tuple[str, str, list[str], list[str]]]:
    """Key, relation, and the values of both sides."""
    cell = the_cell([provision(parameters=first)], [provision(parameters=second)])
    return [
        (
            each.key,
            Aligned.Relation.Name(each.relation),
            [stated.parameter.value for stated in each.first],
            [stated.parameter.value for stated in each.second],
        )
        for each in cell.parameters
    ]


@pytest.mark.parametrize(
    ("one", "other", "relation"),
    [
        (parameter("100", "percent", SHARE), parameter("100.0", "percent", SHARE), "EQUAL"),
        (parameter("1", "percent", SHARE), parameter("100", "basis_point", SHARE), "EQUAL"),
        (parameter("98", "percent", SHARE), parameter("80", "percent", SHARE), "FIRST_GREATER"),
        (parameter("9", "HKD"), parameter("10", "HKD"), "SECOND_GREATER"),
        (parameter("1", "week", DURATION), parameter("6", "day", DURATION), "FIRST_GREATER"),
        (parameter("1", "year", DURATION), parameter("12", "month", DURATION), "EQUAL"),
        (parameter("1", "business_day", DURATION), parameter("1", "day", DURATION), "UNITS_DIFFER"),
        (parameter("25000000", "HKD"), parameter("5000000000", "KRW"), "UNITS_DIFFER"),
        (parameter("2", "times", COUNT), parameter("3", "times_gain", COUNT), "UNITS_DIFFER"),
        (parameter("true", "", FLAG), parameter("true", "", FLAG), "EQUAL"),
        (parameter("true", "", FLAG), parameter("false", "", FLAG), "DIFFERENT"),
    ],
)
def test_figures_are_aligned_by_kind_and_unit(one, other, relation):
    assert rows([one], [other]) == [("minimum", relation, [one.value], [other.value])]


def test_a_figure_that_one_side_alone_has_stands_alone():
    one, other = parameter("1", "HKD", key="x"), parameter("2", "HKD", key="y")
    assert rows([one], [other]) == [("x", "FIRST_ALONE", ["1"], []), ("y", "SECOND_ALONE", [], ["2"])]


def test_figures_of_another_kind_are_others():
    one, other = parameter("1", "HKD"), parameter("1", "percent", SHARE)
    assert [relation for _, relation, _, _ in rows([one], [other])] == ["FIRST_ALONE", "SECOND_ALONE"]


def test_several_figures_of_a_side_are_compared_as_a_set():
    def both(*values: str) -> list[Provision]:
        return [provision(f"p{value}", parameters=[parameter(value, "HKD")]) for value in values]

    assert [each.relation for each in the_cell(both("1", "2"), both("2", "1")).parameters] == [Aligned.EQUAL]
    assert [each.relation for each in the_cell(both("1", "2"), both("1", "3")).parameters] == [Aligned.DIFFERENT]


def test_a_figure_says_where_it_stands():
    (row,) = the_cell([provision("so-1", parameters=[parameter("1", "HKD")])], [HERE]).parameters
    assert row.first[0].provision == "frameworks/hk-x/provisions/so-1"


def test_figures_of_pending_rules_are_left_out():
    proposed = provision("q", status=Provision.PROPOSED, parameters=[parameter("1", "HKD")])
    assert not the_cell([HERE], [proposed]).parameters


@examples(200)
@given(st.lists(parameters(), max_size=6), st.lists(parameters(), max_size=6))
def test_every_figure_is_aligned_once(first, second):
    found = list(
        aligned(*([Comparison.StatedParameter(parameter=each) for each in given] for given in (first, second)))
    )
    for name, given_ in (("first", first), ("second", second)):
        told = [stated.parameter.SerializeToString() for row in found for stated in getattr(row, name)]
        assert sorted(told) == sorted(each.SerializeToString() for each in given_)
    alone = {Aligned.FIRST_ALONE: (True, False), Aligned.SECOND_ALONE: (False, True)}
    for row in found:
        assert (bool(row.first), bool(row.second)) == alone.get(row.relation, (True, True))


# --- assessments --------------------------------------------------------------------------------------------


def standing(name: str, assessor: str = "HK", **changes) -> Comparison.StandingAssessment:
    return Comparison.StandingAssessment(name=f"assessments/{name}", assessor=assessor, content=assessment(**changes))


def names(cell: Cell) -> list[str]:
    return [each.name.removeprefix("assessments/") for each in cell.assessments]


def test_an_assessment_stands_in_the_cell_of_its_area():
    (found,) = the_cell([HERE], [HERE], [standing("hk-1")]).assessments
    assert (found.assessor, found.content.outcome) == ("HK", AssessmentContent.EQUIVALENT)


def test_an_assessment_may_say_the_two_the_other_way_round():
    assert names(the_cell([HERE], [], [standing("kr-1", "KR", first_jurisdiction="KR", second_jurisdiction="HK")]))


def test_an_assessment_of_others_is_left_out():
    assert not names(the_cell([HERE], [], [standing("hk-1", second_jurisdiction="SG")]))


def test_an_assessment_whose_place_another_took_is_left_out():
    later = standing("hk-2", supersedes="assessments/hk-1")
    assert names(the_cell([HERE], [], [later, standing("hk-1"), standing("kr-1", "KR")])) == ["hk-2", "kr-1"]


def test_nobody_ends_the_assessment_of_another():
    hostile = standing("kr-2", "KR", supersedes="assessments/hk-1")
    assert names(the_cell([HERE], [], [standing("hk-1"), hostile])) == ["hk-1", "kr-2"]


def test_an_assessment_of_another_target_takes_no_place():
    """A peer may have sealed it: to lists of assessments, too, both stand."""
    other = standing("hk-2", pair=pair(), supersedes="assessments/hk-1")
    assert names(the_cell([HERE], [provision("b")], [standing("hk-1"), other])) == ["hk-1", "hk-2"]


def test_an_assessment_of_a_pair_stands_in_the_cells_of_both_provisions():
    judged = standing("hk-1", pair=pair())
    found = cells(compared([HERE], [provision("b", topic="capital")], [judged]))
    assert [names(each) for each in found.values()] == [["hk-1"], ["hk-1"]]
    assert names(the_cell([HERE], [provision("b")], [judged])) == ["hk-1"]
    assert not compared([], [], [judged]).cells


def test_an_area_without_rules_may_be_assessed():
    assert (the_cell([], [], [standing("hk-1")]).coverage, the_cell([], [], [standing("hk-1")]).topic) == (
        Cell.NEITHER,
        "reserve_assets",
    )


# --- the real frameworks ------------------------------------------------------------------------------------


def both_real(count: int = 0) -> tuple[Side, Side]:
    contents = {jurisdiction: real(jurisdiction).content for jurisdiction in ("HK", "KR")}
    return tuple(
        Side(jurisdiction, (KnownVersion("x-y", 1, enlarged(content, count) if count else content),))
        for jurisdiction, content in contents.items()
    )


def test_the_real_frameworks_are_compared():
    comparison = compare(*both_real(), TODAY)
    found = cells(comparison)
    assert list(found) == sorted(found, key=lambda area: (area[0], topic_rank(area[1])))
    reserve = found[SECTOR_STABLECOIN_ISSUER, "reserve_assets"]
    assert reserve.coverage == Cell.FIRST_ONLY  # Korea's bill is before the National Assembly
    assert [each.in_force for each in reserve.second] == [False]
    cold = {each.key: each for each in found[SECTOR_EXCHANGE, "custody_segregation"].parameters}
    assert cold["cold_storage_minimum"].relation == Aligned.FIRST_GREATER
    rule = {each.key: each for each in found[SECTOR_EXCHANGE, "aml_cft"].parameters}
    assert rule["travel_rule_threshold"].relation == Aligned.SECOND_ALONE  # Hong Kong's is an issuer's rule


def test_every_rule_in_force_stands_in_one_cell():
    sides = both_real()
    comparison = compare(*sides, TODAY)
    told = [each.name for cell in comparison.cells for each in (*cell.first, *cell.second) if each.in_force]
    assert len(told) == len(set(told)) == 29 + 17  # what is in force in the data on the day


def test_thousands_of_provisions_are_compared_in_time():
    first, second = both_real(5000)
    begun = time.process_time()
    compare(first, second, TODAY)
    assert time.process_time() - begun < 4 * SECONDS  # this machine may be busy
