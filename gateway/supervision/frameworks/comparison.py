"""The rules of two jurisdictions on one day, side by side by sector and topic: similar risks, similar rules."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from google.type.date_pb2 import Date
from regulator.exchange.v1.framework_pb2 import (
    AssessmentContent,
    Comparison,
    FrameworkVersionContent,
    Provision,
)
from regulator.exchange.v1.values_pb2 import Sector

from gateway.supervision.frameworks.alignment import aligned
from gateway.supervision.frameworks.content import topic_rank
from gateway.supervision.frameworks.days import Day, is_in_force, is_pending, ordinal
from gateway.supervision.frameworks.names import provision_name, version_name
from gateway.supervision.frameworks.records import target_of

Cell = Comparison.Cell
Area = tuple[Sector.ValueType, str]  # sector and topic

_COVERAGE = {
    (True, True): Cell.BOTH,
    (True, False): Cell.FIRST_ONLY,
    (False, True): Cell.SECOND_ONLY,
    (False, False): Cell.NEITHER,
}
_GAPS = frozenset({Cell.FIRST_ONLY, Cell.SECOND_ONLY})


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version of a framework, as it was sealed."""

    framework_id: str
    version: int
    content: FrameworkVersionContent


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: a jurisdiction, ISO 3166-1 alpha-2, and the version to be read of each of its frameworks."""

    jurisdiction: str
    versions: tuple[KnownVersion, ...]


@dataclass(slots=True)
class _Rules:
    """One side's rules of an area, each with its name."""

    in_force: list[tuple[str, Provision]] = field(default_factory=list)
    pending: list[tuple[str, Provision]] = field(default_factory=list)


def compare(
    first: Side, second: Side, as_of: Date, assessments: Iterable[Comparison.StandingAssessment] = ()
) -> Comparison:
    """Sets two jurisdictions side by side.

    Args:
        first: one of them
        second: the other
        as_of: the day
        assessments: those that the two gave each other, in any order; those whose place a later one took, and those
            on other jurisdictions, are left out here
    """
    day = ordinal(as_of)
    mine, theirs = _by_area(first, day), _by_area(second, day)
    judged = _judged(_standing(assessments, first, second), _areas_of_names(first) | _areas_of_names(second))
    areas = sorted(mine.keys() | theirs.keys() | judged.keys(), key=lambda area: (area[0], topic_rank(area[1])))
    cells = [_cell(area, mine.get(area, _Rules()), theirs.get(area, _Rules()), judged.get(area, ())) for area in areas]
    return Comparison(
        first_jurisdiction=first.jurisdiction,
        second_jurisdiction=second.jurisdiction,
        as_of=as_of,
        versions=[version_name(each.framework_id, each.version) for each in (*first.versions, *second.versions)],
        cells=cells,
        gap_count=sum(cell.coverage in _GAPS for cell in cells),
    )


def _by_area(side: Side, day: Day) -> dict[Area, _Rules]:
    found: dict[Area, _Rules] = {}
    for name, provision in _named(side):
        if is_in_force(provision, day):
            found.setdefault(_area(provision), _Rules()).in_force.append((name, provision))
        elif is_pending(provision, day):
            found.setdefault(_area(provision), _Rules()).pending.append((name, provision))
    return found


def _named(side: Side) -> Iterator[tuple[str, Provision]]:
    for version in side.versions:
        for provision in version.content.provisions[:]:
            yield provision_name(version.framework_id, provision.id), provision


def _areas_of_names(side: Side) -> dict[str, Area]:
    return {name: _area(provision) for name, provision in _named(side)}


def _area(provision: Provision) -> Area:
    return provision.sector, provision.topic


def _cell(area: Area, first: _Rules, second: _Rules, assessments: Sequence[Comparison.StandingAssessment]) -> Cell:
    sector, topic = area
    return Cell(
        sector=sector,
        topic=topic,
        coverage=_COVERAGE[bool(first.in_force), bool(second.in_force)],
        first=_compared(first),
        second=_compared(second),
        parameters=aligned(_stated(first), _stated(second)),
        assessments=assessments,
    )


def _compared(rules: _Rules) -> Iterator[Comparison.ComparedProvision]:
    for provisions, in_force in ((rules.in_force, True), (rules.pending, False)):
        for name, provision in provisions:
            yield Comparison.ComparedProvision(
                name=name,
                citation=provision.citation,
                title=provision.title,
                status=provision.status,
                in_force=in_force,
            )


def _stated(rules: _Rules) -> Iterator[Comparison.StatedParameter]:
    for name, provision in rules.in_force:
        for parameter in provision.parameters:
            yield Comparison.StatedParameter(provision=name, parameter=parameter)


def _standing(
    assessments: Iterable[Comparison.StandingAssessment], first: Side, second: Side
) -> list[Comparison.StandingAssessment]:
    """The assessments that concern the two and whose place no other took; that is one of the same target."""
    both = {first.jurisdiction, second.jurisdiction}
    given = [each for each in assessments if _jurisdictions(each.content) == both]
    replaced = {(each.assessor, each.content.supersedes, target_of(each.content)) for each in given}
    return [each for each in given if (each.assessor, each.name, target_of(each.content)) not in replaced]


def _jurisdictions(content: AssessmentContent) -> set[str]:
    return {content.first_jurisdiction, content.second_jurisdiction}


def _judged(
    assessments: Iterable[Comparison.StandingAssessment], areas: dict[str, Area]
) -> dict[Area, list[Comparison.StandingAssessment]]:
    """The assessments by the areas that they concern; of a pair of provisions, those of both that are known."""
    found: dict[Area, list[Comparison.StandingAssessment]] = {}
    for each in assessments:
        content = each.content
        if content.HasField("area"):
            concerned = [(content.area.sector, content.area.topic)]
        else:
            pair = (content.pair.first, content.pair.second)
            concerned = list(dict.fromkeys(areas[name] for name in pair if name in areas))
        for area in concerned:
            found.setdefault(area, []).append(each)
    return found
