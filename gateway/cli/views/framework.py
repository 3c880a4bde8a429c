"""How frameworks are told: rows of listings, differences with their redlines, the matrix of a comparison."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.type.date_pb2 import Date
from regulator.exchange.v1.framework_pb2 import (
    AssessmentContent,
    Comparison,
    FrameworkDiff,
    Parameter,
    Provision,
    ProvisionChange,
    TextChange,
)
from regulator.exchange.v1.framework_service_pb2 import Framework, FrameworkProvision
from regulator.exchange.v1.values_pb2 import LocalizedText, Sector

from gateway.cli.options import word_of
from gateway.cli.output import day_text, moment_of, optional_day
from gateway.supervision.frameworks.content import topic_rank

FRAMEWORK_HEADINGS = ("framework", "of", "version", "published", "title")
ASSESSMENT_HEADINGS = ("assessment", "by", "judged", "given", "sector", "topic", "about")
PROVISION_HEADINGS = ("provision", "sector", "topic", "status", "from", "to", "title")

Segment = TextChange.Segment
_MARKS = {Segment.REMOVED: "[-{}-]", Segment.ADDED: "{{+{}+}}", Segment.KEPT: "{}"}
_SIGNS = {ProvisionChange.ADDED: "+", ProvisionChange.REMOVED: "-", ProvisionChange.CHANGED: "~"}


def document(message: Message) -> dict[str, Any]:
    """A message for programs: protobuf's JSON form, with the names of the contract."""
    found: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return found


def framework_row(framework: Framework) -> tuple[str, ...]:
    """A line of a listing, in the order of ``FRAMEWORK_HEADINGS``."""
    return (
        framework.name.removeprefix("frameworks/"),
        framework.header.jurisdiction,
        str(framework.latest_version),
        moment_of(framework.update_time),
        first_text(framework.header.title),
    )


def provision_row(found: FrameworkProvision) -> tuple[str, ...]:
    """A line of a listing, in the order of ``PROVISION_HEADINGS``."""
    provision = found.provision
    return (
        provision.id,
        sector_word(provision.sector),
        provision.topic,
        word_of(Provision.Status, provision.status),
        day_text(provision.effective_from),
        optional_day(provision.effective_to),
        first_text(provision.title),
    )


def first_text(texts: Sequence[LocalizedText]) -> str:
    """The text in the first of its languages; empty if there is none."""
    return texts[0].text if texts else ""


def sector_word(sector: int) -> str:
    """The word for a sector: ``custody``."""
    return word_of(Sector, sector, "SECTOR_")


def figure(parameter: Parameter) -> str:
    """A figure with its unit: ``25000000 HKD``."""
    return f"{parameter.value} {parameter.unit}".strip()


# --- differences ----------------------------------------------------------------------------------------------------


def summary(diff: FrameworkDiff) -> str:
    """How much differs, in a line."""
    counts = f"{diff.added_count} added, {diff.removed_count} removed, {diff.changed_count} changed"
    return f"{counts}, header changed" if diff.HasField("header") else counts


def changes(diff: FrameworkDiff) -> Iterator[str]:
    """What differs, line by line: a provision, and below it its fields, figures and texts."""
    if diff.HasField("header"):
        yield f"~ header: {', '.join(diff.header.fields)}"
        yield from _texts(diff.header.texts)
    for change in diff.provisions:
        yield from _change(change)


def _change(change: ProvisionChange) -> Iterator[str]:
    provision = change.old if change.kind == ProvisionChange.REMOVED else change.new
    line = f"{_SIGNS.get(change.kind, '?')} {change.provision}  {first_text(provision.title)}"
    yield line
    if change.kind != ProvisionChange.CHANGED:
        return
    plain = [field for field in change.fields if field not in ("title", "requirement", "parameters")]
    for field in plain:
        yield f"    {field}: {_value(change.old, field)} -> {_value(change.new, field)}"
    for each in change.parameters:
        before = figure(each.old) if each.HasField("old") else "none"
        yield f"    {each.key}: {before} -> {figure(each.new) if each.HasField('new') else 'none'}"
    yield from _texts(change.texts)


def _texts(texts: Iterable[TextChange]) -> Iterator[str]:
    for each in texts:
        marked = "".join(_MARKS.get(segment.kind, "{}").format(segment.text) for segment in each.segments)
        yield f"    {each.field} [{each.language_tag}]: {marked}"


def _value(provision: Provision, field: str) -> str:
    if field == "status":
        return word_of(Provision.Status, provision.status)
    if field == "sector":
        return sector_word(provision.sector)
    value = getattr(provision, field)
    if isinstance(value, Date):
        return day_text(value) if value.year else "none"
    return str(document(value)) if isinstance(value, Message) else str(value)


# --- the matrix -----------------------------------------------------------------------------------------------------


def areas(comparison: Comparison) -> tuple[list[Sector.ValueType], list[str]]:
    """The sectors and the topics of a comparison, in the order in which they are compared."""
    cells = comparison.cells
    return sorted({cell.sector for cell in cells}), sorted({cell.topic for cell in cells}, key=topic_rank)


def matrix(comparison: Comparison) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The headings and rows of the matrix: a row a topic, a column a sector.

    A cell tells the number of rules in force on both sides, ``3 / 2``; ``(+1)`` after them the pending ones.
    """
    sectors, topics = areas(comparison)
    cells = {(cell.sector, cell.topic): cell for cell in comparison.cells}
    rows = [(topic, *(_cell(cells.get((sector, topic))) for sector in sectors)) for topic in topics]
    return ("topic", *map(sector_word, sectors)), rows


def assessment_rows(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """The assessments that stand, each once, in the order of the areas."""
    told = set[str]()
    for cell in comparison.cells:
        for each in cell.assessments:
            if each.name not in told:
                told.add(each.name)
                pair = each.content.pair
                about = f"{pair.first}, {pair.second}".replace("frameworks/", "").replace("/provisions/", "/")
                yield (
                    *(each.name.removeprefix("assessments/"), each.assessor, outcome_word(each.content.outcome)),
                    *(moment_of(each.time), sector_word(cell.sector), cell.topic),
                    about if each.content.HasField("pair") else "all rules",
                )


def counts(cell: Comparison.Cell) -> tuple[int, int, int]:
    """Rules in force of the first and of the second, and pending ones of both."""
    both = [*cell.first, *cell.second]
    pending = sum(not each.in_force for each in both)
    return sum(each.in_force for each in cell.first), sum(each.in_force for each in cell.second), pending


def sides_without_rules(comparison: Comparison, first: str, second: str) -> list[str]:
    """Those jurisdictions of which a comparison knows no rule: what is missing there is no gap."""
    sides = {first: any(cell.first for cell in comparison.cells), second: any(cell.second for cell in comparison.cells)}
    return [jurisdiction for jurisdiction, has_rules in sides.items() if not has_rules]


def outcome_word(outcome: int) -> str:
    """The word for the outcome of an assessment: ``partly_equivalent``."""
    return word_of(AssessmentContent.Outcome, outcome)


def _cell(cell: Comparison.Cell | None) -> str:
    if cell is None:
        return ""
    first, second, pending = counts(cell)
    told = f"{first or '-'} / {second or '-'}" + (f" (+{pending})" if pending else "")
    judged = ", ".join(dict.fromkeys(outcome_word(each.content.outcome) for each in cell.assessments))
    return f"{told} {judged}".strip()
