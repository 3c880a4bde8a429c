"""How frameworks are shown: differences, the matrix, and the page that stands alone."""

import re
from xml.etree import ElementTree as ET

import pytest
import typer
from google.type.date_pb2 import Date
from regulator.exchange.v1.framework_pb2 import AssessmentContent, Comparison, Provision
from regulator.exchange.v1.values_pb2 import SECTOR_EXCHANGE, SECTOR_STABLECOIN_ISSUER

from gateway.cli.framework_compare import _aim, _full, _provision_name, _whole_comparison
from gateway.cli.views.framework import assessment_rows, changes, counts, document, matrix, sides_without_rules, summary
from gateway.cli.views.framework_page import heatmap, page
from gateway.supervision.frameworks.comparison import KnownVersion, Side, compare
from gateway.supervision.frameworks.diff import diff_versions
from gateway.supervision.frameworks.parts import divided
from tests.supervision.framework_samples import assessment, day, english, parameter, provision, real, version

EVIL = '<script>alert("1")</script>'
ON = Date(year=2026, month=5, day=1)


def compared(first, second, *judged: AssessmentContent) -> Comparison:
    given = [Comparison.StandingAssessment(name="assessments/hk-1", assessor="HK", content=each) for each in judged]
    sides = [
        Side(code, (KnownVersion(f"{code.lower()}-x", 1, each),)) for code, each in (("HK", first), ("KR", second))
    ]
    return compare(*sides, ON, given)


@pytest.fixture
def comparison() -> Comparison:
    """A gap on each side, an area that both have, one pending rule, one assessment."""
    first = version(
        provision("a", parameters=[parameter("1", "HKD")]),
        provision("b", topic="capital", sector=SECTOR_EXCHANGE),
        provision("c", status=Provision.ENACTED, effective_from=day("2027-01-01")),
    )
    second = version(provision("d"), provision("e", topic="audit"), jurisdiction="KR")
    return compared(first, second, assessment(outcome=AssessmentContent.PARTLY_EQUIVALENT))


def test_the_matrix_has_a_row_a_topic_and_a_column_a_sector(comparison):
    headings, rows = matrix(comparison)
    assert headings == ("topic", "exchange", "stablecoin_issuer")
    assert rows == [
        ("capital", "1 / -", ""),
        ("reserve_assets", "", "1 / 1 (+1) partly_equivalent"),
        ("audit", "", "- / 1"),
    ]


def test_the_assessments_that_stand_are_listed_by_name_once_each(comparison):
    (told,) = assessment_rows(comparison)
    assert told[:3] == ("hk-1", "HK", "partly_equivalent")
    assert told[4:] == ("stablecoin_issuer", "reserve_assets", "all rules")
    of_two = AssessmentContent.ProvisionPair(
        first="frameworks/hk-x/provisions/a", second="frameworks/kr-x/provisions/d"
    )
    content = AssessmentContent(first_jurisdiction="HK", second_jurisdiction="KR", pair=of_two)
    cell = Comparison.Cell(assessments=[Comparison.StandingAssessment(name="assessments/hk-2", content=content)])
    ((*_, about),) = assessment_rows(Comparison(cells=[cell, cell]))
    assert about == "hk-x/a, kr-x/d"


def test_counts_are_of_what_is_in_force_and_what_is_pending(comparison):
    cell = next(each for each in comparison.cells if each.topic == "reserve_assets")
    assert counts(cell) == (1, 1, 1)


def test_a_side_without_any_rule_is_named(comparison):
    assert sides_without_rules(comparison, "HK", "KR") == []
    assert sides_without_rules(compare(Side("HK", ()), Side("XX", ()), ON), "HK", "XX") == ["HK", "XX"]


def test_the_heatmap_is_svg_with_a_cell_an_area(comparison):
    root = ET.fromstring(heatmap(comparison))
    links = root.findall("a")
    assert len(links) == len(comparison.cells) == 3
    assert len({link.find("rect").attrib["fill"] for link in links}) == 3, "a colour a coverage"
    assert {link.attrib["href"] for link in links} == {
        f"#{SECTOR_EXCHANGE}-capital",
        f"#{SECTOR_STABLECOIN_ISSUER}-reserve_assets",
        f"#{SECTOR_STABLECOIN_ISSUER}-audit",
    }


def test_every_cell_leads_to_its_section(comparison):
    told = page(comparison)
    assert set(re.findall(r'href="#([^"]+)"', told)) == set(re.findall(r'<h2 id="([^"]+)"', told))


def test_the_page_stands_alone(comparison):
    told = page(comparison)
    assert "default-src 'none'" in told
    assert re.findall(r"(?:src|href)=\"(?!#)[^\"]*", told) == []
    assert "partly_equivalent" in told
    assert "(pending)" in told


def test_what_others_wrote_is_escaped():
    wicked = version(provision("a", title=english(EVIL), citation=EVIL, parameters=[parameter("1", "HKD")]))
    told = page(compared(wicked, version(jurisdiction="KR"), assessment(reasons=english(EVIL))))
    assert "<script" not in told
    assert told.count("&lt;script&gt;") == 3


def test_the_page_of_the_real_frameworks_names_every_rule_that_is_compared():
    found = compared(real("HK").content, real("KR").content)
    told = page(found)
    for cell in found.cells:
        for each in (*cell.first, *cell.second):
            assert each.citation.replace("&", "&amp;").replace("'", "&#x27;") in told


def test_an_empty_comparison_is_a_page_too():
    told = page(Comparison(first_jurisdiction="HK", second_jurisdiction="KR", as_of=ON))
    assert "no version" in told
    ET.fromstring(heatmap(Comparison()))


class Telling:
    """A client whose node tells a comparison in answers of one item each."""

    def __init__(self, whole: Comparison) -> None:
        cells = [part for cell in whole.cells for part in divided(cell, 1)]
        self.answers = []
        for place, cell in enumerate(cells, 1):
            answer = Comparison()
            answer.CopyFrom(whole)
            del answer.cells[:]
            answer.cells.append(cell)
            answer.next_page_token = str(place) if place < len(cells) else ""
            self.answers.append(answer)

    def compare_jurisdictions(self, *_: str, as_of: object, known_at: object, page_token: str = "") -> Comparison:
        return self.answers[int(page_token or 0)]


def test_a_comparison_that_takes_several_answers_is_shown_as_one():
    whole = compared(
        version(provision("a"), provision("b"), provision("c", topic="custody")),
        version(provision("a"), jurisdiction="KR"),
        assessment(),
    )
    telling = Telling(whole)
    assert len(telling.answers) > len(whole.cells) > 1
    assert _whole_comparison(telling, "HK", "KR", None, None) == whole


# --- differences ----------------------------------------------------------------------------------------------------


def test_a_difference_is_told_line_by_line():
    old = version(
        provision("a", parameters=[parameter("1", "HKD"), parameter("2", "HKD", key="maximum")]),
        provision("b", title=english("Gone")),
    )
    new = version(
        provision(
            "a",
            sector=SECTOR_EXCHANGE,
            status=Provision.REPEALED,
            topic="audit",
            effective_to=day("2026-06-30"),
            requirement=english("A licensee keeps full reserves."),
            parameters=[parameter("5", "HKD"), parameter("7", "HKD", key="floor")],
        ),
        provision("c", title=english("New")),
        summary=english("Said."),
    )
    diff = diff_versions(old, new)
    assert summary(diff) == "1 added, 1 removed, 1 changed, header changed"
    assert list(changes(diff)) == [
        "~ header: summary",
        "    summary [en]: {+Said.+}",
        "~ a  Title",
        "    sector: stablecoin_issuer -> exchange",
        "    topic: reserve_assets -> audit",
        "    status: in_force -> repealed",
        "    effective_to: none -> 2026-06-30",
        "    minimum: 1 HKD -> 5 HKD",
        "    floor: none -> 7 HKD",
        "    maximum: 2 HKD -> none",
        "    requirement [en]: A licensee keeps {+full +}reserves.",
        "+ c  New",
        "- b  Gone",
    ]


def test_a_message_for_programs_has_the_names_of_the_contract():
    assert document(Comparison(first_jurisdiction="HK", gap_count=2)) == {"first_jurisdiction": "HK", "gap_count": 2}


# --- what an assessment is of -------------------------------------------------------------------------------------


def test_a_target_is_an_area_or_a_pair():
    content = AssessmentContent()
    _aim(content, SECTOR_EXCHANGE, "audit", [])
    assert (content.area.sector, content.area.topic) == (SECTOR_EXCHANGE, "audit")
    _aim(content, None, "", ["hk-x/a", "frameworks/kr-x/provisions/b"])
    assert (content.pair.first, content.pair.second) == ("frameworks/hk-x/provisions/a", "frameworks/kr-x/provisions/b")


@pytest.mark.parametrize(
    ("sector", "topic", "provisions"),
    [(None, "", []), (1, "audit", ["hk-x/a", "kr-x/b"]), (None, "", ["hk-x/a"]), (None, "", ["a/b", "c/d", "e/f"])],
)
def test_anything_else_is_no_target(sector, topic, provisions):
    with pytest.raises(typer.BadParameter):
        _aim(AssessmentContent(), sector, topic, provisions)


def test_names_may_be_short():
    assert _provision_name("hk-x/a") == "frameworks/hk-x/provisions/a"
    assert _provision_name("nonsense") == "nonsense"
    assert [_full("assessments", each) for each in ("", "hk-1", "assessments/hk-1")] == ["", *["assessments/hk-1"] * 2]
