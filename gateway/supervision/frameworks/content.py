"""What a framework version and an assessment may say, beyond the field rules of the contract.

The field rules come first (``rules.fields``). Lists that change with the years (countries, currencies,
topics) bind an author when something is sealed, and never the reading of what is.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from regulator.exchange.v1.framework_pb2 import (
    AssessmentContent,
    FrameworkChangeSet,
    FrameworkVersionContent,
    Parameter,
    Provision,
)

from gateway.errors import Violation
from gateway.supervision.frameworks.days import ordinal
from gateway.supervision.frameworks.names import framework_id
from gateway.supervision.frameworks.units import unit_fault, value_fault
from gateway.supervision.notices.content import id_fault
from gateway.supervision.rules.fields import MAX_VIOLATIONS
from gateway.supervision.rules.identifiers import country_fault
from gateway.supervision.rules.repeats import repeats
from gateway.supervision.rules.value_rules import value_violations

CHANGE_SET, ASSESSMENT_CONTENT = "change_set", "assessment.content"  # where each stands in the request that brings it
MAX_CONTENT_BYTES = 7 * 1024 * 1024  # serialized; with the rest of an envelope it fits into a batch and a request

# The risks that provisions answer to, in the order in which they are compared. One risk must have one name, or a
# comparison shows two gaps in place of two rules; so an author may use no other word, and a new one is added here.
TOPICS = (
    "licensing_perimeter",
    "governance",
    "capital",
    "reserve_assets",
    "redemption",
    "custody_segregation",
    "liquidity",
    "disclosure",
    "data_reporting",
    "audit",
    "market_conduct",
    "market_abuse",
    "marketing_offering",
    "investor_protection",
    "conflicts_of_interest",
    "aml_cft",
    "technology_risk",
    "outsourcing",
    "business_continuity",
    "recovery_winddown",
    "taxation",
    "cross_border_cooperation",
    "penalties",
    "other",
)

_RANK = {topic: rank for rank, topic in enumerate(TOPICS)}


def topic_rank(topic: str) -> tuple[int, str]:
    """Sorts topics: those known here in their order, then others by their letters."""
    return _RANK.get(topic, len(TOPICS)), topic


def topic_fault(topic: str) -> str | None:
    """What is wrong with the topic of something that is to be sealed."""
    return None if topic in _RANK else f"must be one of {', '.join(TOPICS)}"


def framework_violations(content: FrameworkVersionContent, path: str = "content") -> list[Violation]:
    """Every rule of supervision that a version breaks, at most ``MAX_VIOLATIONS``; empty if it is valid."""
    if (size_bytes := content.ByteSize()) > MAX_CONTENT_BYTES:
        return [Violation(path, f"must be at most {MAX_CONTENT_BYTES} bytes long, and is {size_bytes}")]
    return list(islice(_content_violations(content, path), MAX_VIOLATIONS))


def change_violations(changes: FrameworkChangeSet) -> list[Violation]:
    """The same for a change set, as far as it shows without the base."""
    return list(islice(_change_violations(changes, CHANGE_SET), MAX_VIOLATIONS))


def assessment_violations(content: AssessmentContent) -> list[Violation]:
    """Every rule of supervision that an assessment breaks, at most ``MAX_VIOLATIONS``; empty if it is valid."""
    path = ASSESSMENT_CONTENT
    found = value_violations(content, path)
    for name in ("first_jurisdiction", "second_jurisdiction"):
        if fault := country_fault(getattr(content, name)):
            found.append(Violation(f"{path}.{name}", fault))
    if content.HasField("area") and (fault := topic_fault(content.area.topic)):
        found.append(Violation(f"{path}.area.topic", fault))
    return [*found, *pair_violations(content, path)][:MAX_VIOLATIONS]


def pair_violations(content: AssessmentContent, path: str) -> Iterator[Violation]:
    """Provisions of an assessed pair that are not of the jurisdiction they stand for."""
    if content.HasField("pair"):
        sides = ("first", content.first_jurisdiction), ("second", content.second_jurisdiction)
        for side, jurisdiction in sides:
            if id_fault(framework_id(getattr(content.pair, side)), jurisdiction):
                yield Violation(f"{path}.pair.{side}", f"must be a provision of {side}_jurisdiction")


def repeated_ids(provisions: Sequence[Provision], path: str) -> Iterator[Violation]:
    """Ids of provisions, and keys of a provision's parameters, that stand twice."""
    yield from repeats((each.id for each in provisions), path, "id")
    for place, provision in enumerate(provisions):
        if len(provision.parameters) > 1:
            yield from repeats((each.key for each in provision.parameters[:]), f"{path}[{place}].parameters", "key")


def _content_violations(content: FrameworkVersionContent, path: str) -> Iterator[Violation]:
    yield from value_violations(content, path)
    if fault := country_fault(content.header.jurisdiction):
        yield Violation(f"{path}.header.jurisdiction", fault)
    yield from _provisions_violations(content.provisions[:], f"{path}.provisions")


def _change_violations(changes: FrameworkChangeSet, path: str) -> Iterator[Violation]:
    yield from value_violations(changes, path)
    if changes.HasField("header") and (fault := country_fault(changes.header.jurisdiction)):
        yield Violation(f"{path}.header.jurisdiction", fault)
    yield from _provisions_violations(changes.upserts[:], f"{path}.upserts")


def _provisions_violations(provisions: list[Provision], path: str) -> Iterator[Violation]:
    yield from repeated_ids(provisions, path)
    for place, provision in enumerate(provisions):
        yield from _provision_violations(provision, f"{path}[{place}]")


def _provision_violations(provision: Provision, path: str) -> Iterator[Violation]:
    if fault := topic_fault(provision.topic):
        yield Violation(f"{path}.topic", fault)
    if provision.HasField("effective_to") and ordinal(provision.effective_to) < ordinal(provision.effective_from):
        yield Violation(f"{path}.effective_to", "must not be before effective_from")
    for place, parameter in enumerate(provision.parameters):
        yield from _parameter_violations(parameter, f"{path}.parameters[{place}]")


def _parameter_violations(parameter: Parameter, path: str) -> Iterator[Violation]:
    if fault := value_fault(parameter):
        yield Violation(f"{path}.value", fault)
    if fault := unit_fault(parameter):
        yield Violation(f"{path}.unit", fault)
