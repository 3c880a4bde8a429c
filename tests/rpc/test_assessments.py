"""``FrameworkService`` of real nodes: both sides compare alike, and assess what they compare."""

import uuid
from datetime import UTC, date, datetime
from typing import Any

import pytest
from google.type.date_pb2 import Date
from regulator.exchange import AlreadyExists, InvalidRequest, WrongState
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.framework_pb2 import AssessmentContent, Comparison
from regulator.exchange.v1.framework_service_pb2 import Assessment
from regulator.exchange.v1.values_pb2 import SECTOR_STABLECOIN_ISSUER

from tests.rpc.calls import unharmed
from tests.rpc.frameworks import arrived, told, unused_id
from tests.supervision.framework_samples import assessment, pair, provision, version
from tests.support.nodes import eventually


@pytest.fixture
def name() -> str:
    """The id of a framework that no other test has."""
    return unused_id()


def publish_pair(nodes, name: str, *, topic: str) -> str:
    """A framework of either side, each known to both; gives the name of Korea's."""
    other = name.replace("hk-", "kr-")
    with nodes.hk.client("HKMA") as hk, nodes.kr.client("FSC") as kr:
        hk.publish_version(name, version(provision(topic=topic)))
        kr.publish_version(other, version(provision("b", topic=topic), jurisdiction="KR", authorities=["FSC"]))
        arrived(kr, name)
        arrived(hk, other)
    return other


def cell(comparison: Comparison, topic: str, sector: int = SECTOR_STABLECOIN_ISSUER) -> Comparison.Cell:
    return next(each for each in comparison.cells if (each.sector, each.topic) == (sector, topic))


def test_both_sides_compare_alike(nodes, hkma, fsc, name):
    publish_pair(nodes, name, topic="audit")
    mine = hkma.compare_jurisdictions("HK", "KR", as_of=date(2026, 5, 1))
    assert cell(mine, "audit").coverage == Comparison.Cell.BOTH
    theirs = fsc.compare_jurisdictions("HK", "KR", as_of=date(2026, 5, 1))
    assert cell(mine, "audit").first == cell(theirs, "audit").first
    assert mine.as_of == Date(year=2026, month=5, day=1)
    early = hkma.compare_jurisdictions("HK", "KR", as_of=date(2001, 1, 1))
    assert {each.coverage for each in early.cells} <= {Comparison.Cell.NEITHER}
    unknown = hkma.compare_jurisdictions("HK", "KR", known_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert not unknown.cells
    assert hkma.compare_jurisdictions("HK", "KR").HasField("as_of")


def test_an_assessment_travels_and_has_a_history(nodes, hkma, fsc, name):
    other = publish_pair(nodes, name, topic="outsourcing")
    judged = pair(f"{name}/provisions/a", f"{other}/provisions/b")
    first = hkma.assess(assessment(pair=judged))
    assert first.name.startswith("assessments/hk-")
    second = hkma.assess(
        assessment(pair=judged, supersedes=first.name, outcome=AssessmentContent.DIVERGENT), assessment_id=f"{name}-2"
    )
    wanted = {"provision": judged.first}
    eventually(lambda: [each.name for each in fsc.list_assessments(**wanted)] == [second.name])
    history = list(fsc.list_assessments(show_superseded=True, page_size=1, **wanted))
    assert [each.name for each in history] == [second.name, first.name]
    assert history[1].superseded_by == second.name
    assert history[0].content == second.content
    standing = cell(fsc.compare_jurisdictions("KR", "HK"), "outsourcing").assessments
    assert [(each.name, each.assessor) for each in standing] == [(second.name, "HK")]
    eventually(lambda: next(hkma.list_assessments(**wanted)).HasField("receipt_time"))
    with pytest.raises(WrongState):
        hkma.assess(assessment(pair=judged, supersedes=first.name))


def test_an_assessment_is_made_once(nodes, hkma, name):
    request_id = str(uuid.uuid4())
    made = hkma.assess(assessment(), assessment_id=f"{name}-a", request_id=request_id)

    def same(**changes: Any) -> Assessment:
        asked = {"assessment_id": f"{name}-a", "request_id": request_id} | changes
        return hkma.assess(assessment(), **asked)

    eventually(lambda: same().HasField("receipt_time"))  # which comes at any moment
    with unharmed(nodes.hk):
        again = same()
        assert again == same(request_id=request_id.upper(), validate_only=True)
        assert (again.name, again.position) == (made.name, made.position)
        with pytest.raises(AlreadyExists):
            hkma.assess(assessment(), assessment_id=f"{name}-a")
        assert hkma.assess(assessment(), assessment_id=f"{name}-b", validate_only=True).name == f"assessments/{name}-b"


@pytest.mark.parametrize(
    "content",
    [
        assessment(second_jurisdiction="JP"),
        assessment(first_jurisdiction="SG"),
        assessment(reasons=[]),
        assessment(pair=pair("hk-nowhere/provisions/a", "kr-nowhere/provisions/b")),
        assessment(supersedes="assessments/hk-nowhere"),
    ],
)
def test_a_bad_assessment_is_refused(nodes, hkma, content):
    with unharmed(nodes.hk), pytest.raises(InvalidRequest):
        hkma.assess(content)


def test_an_assessment_is_told_with_its_area(nodes, hkma, name):
    made = hkma.assess(assessment(), assessment_id=f"{name}-told")
    (event,) = [each for each in told(nodes.hk, topic="reserve_assets") if each.assessment == made.name]
    assert (event.kind, event.jurisdiction) == (Event.FRAMEWORK_ASSESSED, "HK")
