"""Rules that hold for a value wherever it stands, and the walk that applies them to a whole message.

A rule is found by the full name of a field, else by that of a message type; a text field without a rule of
its own must at least hide nothing. So new content gets the rules of the values it is made of without naming
them, and no field of it can be forgotten.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from gateway.errors import Violation
from gateway.supervision.rules import identifiers, values
from gateway.supervision.rules.naming import about_field

Check = Callable[[Any], str | None]

CHECKS: Mapping[str, Check] = {
    "google.protobuf.Timestamp": values.timestamp_fault,
    "google.type.Date": values.told_date_fault,
    "google.type.Decimal": values.decimal_fault,
    "google.type.Money": values.amount_fault,
    "regulator.exchange.v1.AcknowledgeNoticeRequest.case_reference": values.label_fault,
    "regulator.exchange.v1.Attachment.file_name": values.file_name_fault,
    "regulator.exchange.v1.CompareJurisdictionsRequest.as_of": values.date_fault,
    "regulator.exchange.v1.Entity.jurisdiction": identifiers.country_fault,
    "regulator.exchange.v1.Entity.lei": identifiers.lei_fault,
    "regulator.exchange.v1.Entity.licence_number": values.label_fault,
    "regulator.exchange.v1.Entity.name": values.label_fault,
    "regulator.exchange.v1.Entity.trade_name": values.label_fault,
    "regulator.exchange.v1.Incident.detected_at": values.told_moment_fault,
    "regulator.exchange.v1.Instrument.dti": identifiers.dti_fault,
    "regulator.exchange.v1.Instrument.isin": identifiers.isin_fault,
    "regulator.exchange.v1.Instrument.mic": identifiers.mic_fault,
    "regulator.exchange.v1.Instrument.name": values.label_fault,
    "regulator.exchange.v1.Instrument.network": values.label_fault,
    "regulator.exchange.v1.Instrument.ticker": values.label_fault,
    "regulator.exchange.v1.InvestorAlert.domains": identifiers.domain_fault,
    "regulator.exchange.v1.LicensingAction.licence_number": values.label_fault,
    "regulator.exchange.v1.ListProvisionsRequest.as_of": values.date_fault,
    "regulator.exchange.v1.LocalizedText.language_tag": identifiers.language_tag_fault,
    "regulator.exchange.v1.ProductNotification.venues": identifiers.mic_fault,
    "regulator.exchange.v1.Source.date": values.told_partial_date_fault,
    "regulator.exchange.v1.ThirdParty.jurisdiction": identifiers.country_fault,
    "regulator.exchange.v1.ThirdParty.organisation": values.compared_fault,
}

# A list of these, or at this field, holds each value of the named field once. Empty: it may repeat.
ONCE: Mapping[str, str] = {
    "regulator.exchange.v1.AssistanceAnswer.Reply": "question",
    "regulator.exchange.v1.AssistanceRequest.Question": "key",
    "regulator.exchange.v1.Attachment": "file_name",
    "regulator.exchange.v1.EnforcementAction.Count": "key",
    "regulator.exchange.v1.LicensingAction.conditions": "",
    "regulator.exchange.v1.LocalizedText": "language_tag",
    "regulator.exchange.v1.Reference": "notice",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What the walk does at one field."""

    name: str
    is_message: bool
    is_list: bool
    check: Check | None
    once: str
    below: tuple["Step", ...]


def value_violations(message: Message, path: str) -> list[Violation]:
    """Every rule of this module that ``message`` breaks; fields are named below ``path``, if there is one."""
    found: list[Violation] = []
    _walk(message, f"{path}." if path else "", _steps(message.DESCRIPTOR), found)
    return found


def _walk(message: Message, prefix: str, steps: tuple[Step, ...], found: list[Violation]) -> None:
    for step in steps:
        if step.is_list:
            if items := getattr(message, step.name)[:]:  # a list is walked faster than a repeated field
                _each(items, f"{prefix}{step.name}", step, found)
        elif step.is_message:
            if message.HasField(step.name):
                _value(getattr(message, step.name), f"{prefix}{step.name}", step, found)
        elif (text := getattr(message, step.name)) and step.check and (fault := step.check(text)):
            found.append(Violation(f"{prefix}{step.name}", fault))


def _each(items: list[Any], path: str, step: Step, found: list[Violation]) -> None:
    if step.once and len(items) > 1 and len({getattr(item, step.once) for item in items}) < len(items):
        found.append(Violation(path, f"must hold each {step.once} once"))
    for place, item in enumerate(items):
        _value(item, f"{path}[{place}]", step, found)


def _value(value: Any, path: str, step: Step, found: list[Violation]) -> None:
    if step.check and (fault := step.check(value)):
        found.append(about_field(path, value.DESCRIPTOR if step.is_message else None, fault))
    if step.below:
        _walk(value, f"{path}.", step.below, found)


@cache
def _steps(descriptor: Descriptor) -> tuple[Step, ...]:
    """The fields of a message type that have anything to check, at or below them."""
    steps = (step_of(field) for field in descriptor.fields)
    return tuple(step for step in steps if step.check or step.once or step.below)


def step_of(field: FieldDescriptor) -> Step:
    """What is to be checked at a field."""
    within = field.message_type
    type_name = within.full_name if within else ""
    check = CHECKS.get(field.full_name) or CHECKS.get(type_name)
    if check is None and field.type == FieldDescriptor.TYPE_STRING:
        check = values.text_fault
    return Step(
        name=field.name,
        is_message=within is not None,
        is_list=field.is_repeated,
        check=check,
        once=ONCE.get(field.full_name, ONCE.get(type_name, "")),
        below=_steps(within) if within and type_name not in CHECKS else (),
    )
