"""An area that is too large to be told at once comes in parts, which merged are the area."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.framework_pb2 import Comparison
from regulator.exchange.v1.values_pb2 import SECTOR_CUSTODY

from gateway.supervision.frameworks.parts import divided
from tests.supervision.framework_samples import assessment, english, parameter

Cell = Comparison.Cell

compared = st.builds(
    lambda name, length: Comparison.ComparedProvision(name=name, title=english("x" * length)),
    st.text("ab", min_size=1, max_size=9),
    st.integers(1, 900),
)
judged = st.builds(
    lambda name: Comparison.StandingAssessment(name=name, content=assessment()), st.text("ab", min_size=1, max_size=9)
)
cells = st.builds(
    lambda first, second, assessments: Cell(
        sector=SECTOR_CUSTODY,
        topic="capital",
        coverage=Cell.BOTH,
        first=first,
        second=second,
        assessments=assessments,
    ),
    st.lists(compared, max_size=9),
    st.lists(compared, max_size=9),
    st.lists(judged, max_size=4),
)


def items(cell: Cell) -> int:
    return len(cell.first) + len(cell.second) + len(cell.parameters) + len(cell.assessments)


@given(cells, st.integers(1, 3000))
def test_the_parts_merged_are_the_area_and_each_is_small_or_of_one_item(cell, max_bytes):
    parts, merged = list(divided(cell, max_bytes)), Cell()
    for part in parts:
        assert (part.sector, part.topic, part.coverage) == (cell.sector, cell.topic, cell.coverage)
        assert part.ByteSize() <= max_bytes + 4 * items(part) or items(part) <= 1
        merged.MergeFrom(part)
    assert merged == cell


@pytest.mark.parametrize("max_bytes", [1, 200, 5000])
def test_a_figure_that_stands_in_very_many_rules_is_divided_too(max_bytes):
    def stated(side: str) -> list[Comparison.StatedParameter]:
        return [Comparison.StatedParameter(provision=f"{side}-{n}", parameter=parameter("1", "HKD")) for n in range(50)]

    figure = Comparison.AlignedParameter(
        key="minimum", relation=Comparison.AlignedParameter.EQUAL, first=stated("hk"), second=stated("kr")
    )
    parts = list(divided(Cell(topic="capital", parameters=[figure]), max_bytes))
    figures = [each for part in parts for each in part.parameters]
    assert {(each.key, each.relation) for each in figures} == {(figure.key, figure.relation)}
    assert [each.provision for part in figures for each in part.first] == [each.provision for each in figure.first]
    assert [each.provision for part in figures for each in part.second] == [each.provision for each in figure.second]
    assert (len(parts) > 1) == (max_bytes < 5000)
