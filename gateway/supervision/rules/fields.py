"""The field rules of the contract (protovalidate), told as violations that say what would be right."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, cast

import protovalidate
from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message
from protovalidate import FieldPathElementPb

from gateway.errors import Violation
from gateway.supervision.rules.compiled import keeps_field_rules
from gateway.supervision.rules.extent import ROOT, long_lists, parts_of
from gateway.supervision.rules.naming import about_field
from gateway.supervision.rules.pattern_words import words_for

MAX_VIOLATIONS = 50  # told of one message; more would only hide the first

# What is said instead of protovalidate's words, by the id of its rule. The rule's value is put in.
_WORDS: Mapping[str, str] = {
    "bytes.len": "must be {} bytes long",
    "int32.gte": "must be at least {}",
    "repeated.max_items": "must hold at most {} items",
    "repeated.min_items": "must hold at least {} item",
    "repeated.unique": "must not hold the same value twice",
    "required": "is required",
    "string.hostname": "must be a host name such as www.example.com",
    "string.max_len": "must not be longer than {} characters",
    "string.not_in": "must be a UUID made for this request, not the nil one",  # what it must not be stands there alone
    "string.prefix": "must begin with {}",
    "string.uuid": "must be a UUID such as 123e4567-e89b-42d3-a456-426614174000",
    "uint32.gte": "must be at least {}",
    "uint64.gte": "must be at least {}",
}

_validator = protovalidate.Validator()


def field_violations(message: Message, prefix: str = "") -> list[Violation]:
    """Every field rule that ``message`` breaks, at most ``MAX_VIOLATIONS``; empty for a valid one.

    Paths are those of the contract, below ``prefix``: ``notice.content.subjects[0].lei``. Descriptions name
    rules and never repeat what was given.
    """
    if keeps_field_rules(message):
        return []
    if too_long := list(islice(long_lists(message, prefix), MAX_VIOLATIONS)):
        return too_long  # before anything looks into them: they could hold millions
    found = (each for part, path in parts_of(message, prefix) for each in _violations(part, path))
    return list(islice(found, MAX_VIOLATIONS))


def _violations(message: Message, prefix: str) -> list[Violation]:
    try:
        if not _validator.collect_violations(message, fail_fast=True):
            return []
        found = _validator.collect_violations(message)
    except protovalidate.EvaluationError:  # a rule could not be computed on these values
        return [Violation(prefix or ROOT, "holds values that its rules cannot be checked on")]
    return [_violation(message, prefix, each) for each in found[:MAX_VIOLATIONS]]


def breaks_rules_where_set(message: Message) -> bool:
    """Whether a value that ``message`` has breaks a field rule, whatever else is missing: of what is only a part."""
    if next(long_lists(message), None):
        return True
    try:
        found = _validator.collect_violations(message)
    except protovalidate.EvaluationError:
        return True
    return any(_is_set(_value(message, each.proto.field.elements if each.proto.field else ())) for each in found)


def _value(message: Message, elements: Iterable[FieldPathElementPb]) -> object:
    value: Any = message
    for element in elements:
        if element.field_name in value.DESCRIPTOR.oneofs_by_name:
            return element.field_name  # which of its members is there is left of each part
        value = getattr(value, element.field_name)
        if element.subscript:
            value = value[element.subscript.value]
    return value


def _is_set(value: object) -> bool:
    """Of a message itself its rules are about what it lacks, too."""
    return bool(value) and not isinstance(value, Message)


def _violation(message: Message, prefix: str, found: protovalidate.Violation) -> Violation:
    elements = found.proto.field.elements if found.proto.field else ()
    target, path = _target(message, elements), _path(prefix, elements)
    within = message.DESCRIPTOR if target is None else getattr(target, "message_type", None)
    return about_field(path, cast("Descriptor | None", within), _description(target, found))


def _path(prefix: str, elements: Iterable[FieldPathElementPb]) -> str:
    """``notice.title[0].text``: names joined by dots, places in lists in brackets."""
    path = prefix
    for element in elements:
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript:
            path += f"[{element.subscript.value}]"
    return path or ROOT


def _target(message: Message, elements: Iterable[FieldPathElementPb]) -> FieldDescriptor | OneofDescriptor | None:
    """The field or oneof that a path leads to; None if it leads to the message itself."""
    target: Any = None
    for element in elements:
        within = target.message_type if target else message.DESCRIPTOR
        name = element.field_name
        target = within.fields_by_name.get(name) or within.oneofs_by_name[name]
    return cast("FieldDescriptor | OneofDescriptor | None", target)


def _description(target: FieldDescriptor | OneofDescriptor | None, found: protovalidate.Violation) -> str:
    rule = found.proto.rule_id
    if isinstance(target, OneofDescriptor):
        return f"exactly one is required of {', '.join(field.name for field in target.fields)}"
    if rule.startswith("enum.") and target is not None and target.enum_type is not None:
        names = (value.name for value in target.enum_type.values if value.number != 0)
        return f"must be one of {', '.join(names)}"
    if rule == "string.min_len" and found.rule_value == 1:
        return "must not be empty"
    if rule == "string.pattern":
        return words_for(found.rule_value)
    if words := _WORDS.get(rule):
        return words.format(found.rule_value)
    return found.proto.message
