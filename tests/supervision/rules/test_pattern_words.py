"""A field that breaks a pattern is told what would be right, in words, and with an example that is right."""

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module

import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor
from regulator.exchange import v1
from regulator.exchange.v1.notice_service_pb2 import GetNoticeRequest

from gateway.supervision.rules.fields import field_violations
from gateway.supervision.rules.pattern_words import WANTED, words_for


def messages() -> Iterator[Descriptor]:
    for module in pkgutil.iter_modules(v1.__path__, f"{v1.__name__}."):
        if module.name.endswith("_pb2"):
            yield from import_module(module.name).DESCRIPTOR.message_types_by_name.values()


def patterns_of(message: Descriptor) -> Iterator[str]:
    for nested in message.nested_types:
        yield from patterns_of(nested)
    for field in message.fields:
        rules = field.GetOptions().Extensions[validate_pb2.field]
        for each in (rules.string, rules.repeated.items.string):
            if each.HasField("pattern"):
                yield each.pattern


def test_each_pattern_of_the_contract_has_words_and_no_other_has():
    assert {pattern for message in messages() for pattern in patterns_of(message)} == WANTED.keys()


@pytest.mark.parametrize(
    ("pattern", "example"), [(pattern, example) for pattern, (_, example) in WANTED.items() if example]
)
def test_each_example_is_right(pattern, example):
    assert re.fullmatch(pattern.removeprefix("^").removesuffix("$"), example)
    assert words_for(pattern).endswith(f", such as {example}")


def test_a_name_of_another_form_is_told_what_a_name_looks_like():
    (violation,) = field_violations(GetNoticeRequest(name="notices/HK 17"))
    assert violation.description == (
        "must be the name of a notice (the small letters of its jurisdiction, a hyphen, then small letters, digits and "
        "hyphens), such as notices/hk-2026-017"
    )


def test_a_pattern_of_a_later_contract_is_told_as_it_is():
    assert words_for("^x+$") == "must match ^x+$"
