"""Whether a message certainly keeps to the rules, told by code that is compiled from them, a function a message type.

protovalidate asks a message for each of its fields through Python's objects, the rules on values ask again, and a copy
is made to find what is unknown: together that was a fifth of what a notice costs. Here the same rules, read from the
same contract, are straight code that asks once (docs/adr/0018). Its yes is right. Its no means nothing: then
``fields``, ``extent`` and ``rules`` are asked, which alone have the words. A rule that is not known here makes its
type a no.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from buf.validate import validate_pb2 as contract
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from gateway.supervision.rules.value_rules import Step, step_of

_TEXTS = {
    "hostname": r"(?=.{1,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*"
    r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
    "uuid": r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
}  # forms that have a name; of host names those whose last part begins with a letter
_BOUNDS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_NUMBERS = frozenset({"int32", "int64", "uint32", "uint64", "sint32", "sint64"})

# What means the same to every engine of regular expressions: characters, classes, escapes, groups, counts.
_SAME_EVERYWHERE = re.compile(
    r"\^((?:[^\\\[\](){}|^$.*+?]|\\x[0-9a-f]{2}|\\\\"
    r"|\[\^?(?:[^\\\[\]]|\\x[0-9a-f]{2}|\\\\)+\]|[()|*+?]|\{\d+(?:,\d*)?\})*)\$"
)


class _NotKnown(Exception):
    """A rule that this module does not know."""


def keeps_field_rules(message: Message) -> bool:
    """Whether ``message`` certainly keeps to the contract's field rules."""
    return _field_rules(message.DESCRIPTOR)(message)


def keeps_all_rules(message: Message) -> bool:
    """Whether it certainly keeps to these and to the rules on values, and holds nothing unknown."""
    return _all_rules(message.DESCRIPTOR)(message)


@cache
def _field_rules(descriptor: Descriptor) -> Callable[[Message], bool]:
    return _Code(everything=False).function(descriptor)


@cache
def _all_rules(descriptor: Descriptor) -> Callable[[Message], bool]:
    return _Code(everything=True).function(descriptor)


class _Code:
    """Writes the functions of a message type and of those below it; they find each other and their tests by name."""

    def __init__(self, *, everything: bool) -> None:
        self._everything = everything
        self._names: dict[str, Any] = {"unknown": UnknownFieldSet}
        self._functions: dict[str, str] = {}  # by full name of the message type

    def function(self, descriptor: Descriptor) -> Callable[[Message], bool]:
        """The function of a type."""
        return self._names.get(self._function(descriptor)) or (lambda _: True)

    def _function(self, descriptor: Descriptor) -> str:
        """The name of the function of a type; empty: there is nothing to ask."""
        if (known := self._functions.get(descriptor.full_name)) is not None:
            return known
        name = self._functions[descriptor.full_name] = f"keeps_{len(self._functions)}"
        try:
            lines = list(self._of_message(descriptor))
        except _NotKnown:
            lines = ["return False"]
        if not lines:
            self._functions[descriptor.full_name] = ""
            return ""
        source = f"def {name}(m):\n" + "".join(f"    {line}\n" for line in [*lines, "return True"])
        exec(compile(source, f"<rules of {descriptor.full_name}>", "exec"), self._names)  # noqa: S102 - of the contract
        return name

    def _constant(self, value: object) -> str:
        name = f"constant_{len(self._names)}"
        self._names[name] = value
        return name

    # --- what is written -------------------------------------------------------------------------------------------

    def _of_message(self, descriptor: Descriptor) -> Iterator[str]:
        if any(True for _ in descriptor.GetOptions().Extensions[contract.message].ListFields()):
            raise _NotKnown
        if self._everything:
            yield "if unknown(m): return False"
        for oneof in descriptor.oneofs:
            if oneof.GetOptions().Extensions[contract.oneof].required:
                yield f"if m.WhichOneof({oneof.name!r}) is None: return False"
        for field in descriptor.fields:
            yield from self._of_field(field)

    def _of_field(self, field: FieldDescriptor) -> Iterator[str]:
        rules = field.GetOptions().Extensions[contract.field]
        step = step_of(field) if self._everything else _NOTHING
        if rules.ignore == contract.IGNORE_ALWAYS:
            raise _NotKnown
        if field.is_repeated:
            yield from self._of_list(field, rules, step)
        elif field.message_type:
            within = [f"v = m.{field.name}", *self._of_value(field, step)]
            if rules.required:
                yield f"if not m.HasField({field.name!r}): return False"
                yield from within if len(within) > 1 else ()
            elif len(within) > 1:
                yield f"if m.HasField({field.name!r}):"
                yield from (f"    {line}" for line in within)
            _require_known(rules, "required", "ignore")
        else:
            yield from self._of_scalar(field, rules, step)

    def _of_scalar(self, field: FieldDescriptor, rules: Any, step: Step) -> Iterator[str]:
        tests = list(self._tests(field, rules))
        holds = " and ".join(tests)
        unset = rules.ignore == contract.IGNORE_IF_ZERO_VALUE or self._passes(tests, field.default_value)
        if not (tests or step.check or rules.required):
            return
        yield f"v = m.{field.name}"
        if rules.required:
            yield f"if not {f'm.HasField({field.name!r})' if field.has_presence else 'v'}: return False"
        if tests and field.has_presence:
            yield f"if m.HasField({field.name!r}) and not ({holds}): return False"
        elif tests:
            yield f"if {'v and ' if unset else ''}not ({holds}): return False"
        if step.check:
            yield f"if v and {self._constant(step.check)}(v): return False"

    def _of_list(self, field: FieldDescriptor, rules: Any, step: Step) -> Iterator[str]:
        _require_known(rules, "repeated", "required", "ignore")
        if rules.required or rules.ignore or (field.message_type and field.message_type.GetOptions().map_entry):
            raise _NotKnown
        of_list = rules.repeated
        _require_known(of_list, "min_items", "max_items", "unique", "items")
        yield f"v = m.{field.name}"
        if of_list.min_items:
            yield f"if len(v) < {of_list.min_items}: return False"
        yield "if v:"
        if of_list.HasField("max_items"):
            yield f"    if len(v) > {of_list.max_items}: return False"
        yield "    v = v[:]"  # a list is walked faster than a repeated field
        if of_list.unique:
            yield "    if len(v) > 1 and len(set(v)) < len(v): return False"
        if step.once:
            yield f"    if len(v) > 1 and len({{each.{step.once} for each in v}}) < len(v): return False"
        _require_known(of_list.items, "string", "bytes", "enum", *_NUMBERS)
        each = [f"if not ({test}): return False" for test in self._tests(field, of_list.items)]
        each += self._of_value(field, step)
        if each:
            yield "    for v in v:"
            yield from (f"        {line}" for line in each)

    def _of_value(self, field: FieldDescriptor, step: Step) -> Iterator[str]:
        """Of a message, or of an item of a list."""
        if step.check:
            yield f"if {self._constant(step.check)}(v): return False"
        if field.message_type and (name := self._function(field.message_type)):
            yield f"if not {name}(v): return False"

    def _tests(self, field: FieldDescriptor, rules: Any) -> Iterator[str]:
        """What must hold of ``v``, one value of a field that is no message."""
        for rule, values in rules.ListFields():
            if rule.name in ("ignore", "required"):
                continue
            if not rule.message_type or rule.is_repeated:
                raise _NotKnown
            names = {each.name for each, _ in values.ListFields()}
            if rule.name == "string":
                yield from self._text_tests(values, names)
            elif rule.name == "bytes":
                yield from _length_tests(values, names)
            elif field.enum_type and names <= {"defined_only", "not_in"} and values.defined_only:
                allowed = frozenset(each.number for each in field.enum_type.values) - frozenset(values.not_in)
                yield f"v in {self._constant(allowed)}"
            elif rule.name in _NUMBERS and names <= _BOUNDS.keys():
                if {"gt", "gte"} & names and {"lt", "lte"} & names and _lower(values) > _upper(values):
                    raise _NotKnown  # means: outside of both
                yield from (f"v {_BOUNDS[name]} {getattr(values, name)}" for name in sorted(names))
            else:
                raise _NotKnown

    def _text_tests(self, values: Any, names: set[str]) -> Iterator[str]:
        yield from _length_tests(values, names - {"pattern", "prefix", "not_in", *_TEXTS})
        if "prefix" in names:
            yield f"v.startswith({values.prefix!r})"
        if "not_in" in names:
            yield f"v not in {self._constant(frozenset(values.not_in))}"
        if "pattern" in names:
            found = _SAME_EVERYWHERE.fullmatch(values.pattern)
            if not found or _has_alternatives(found[1]):
                raise _NotKnown
            yield f"{self._constant(re.compile(found[1]).fullmatch)}(v)"
        for name in names & _TEXTS.keys():
            if getattr(values, name):
                yield f"{self._constant(re.compile(_TEXTS[name]).fullmatch)}(v)"

    def _passes(self, tests: list[str], value: object) -> bool:
        return all(eval(test, self._names, {"v": value}) for test in tests)  # noqa: S307 - written above


_NOTHING = Step("", is_message=False, is_list=False, check=None, once="", below=())


def _length_tests(values: Any, names: set[str]) -> Iterator[str]:
    if not names <= {"len", "min_len", "max_len"}:
        raise _NotKnown
    signs = {"len": "==", "min_len": ">=", "max_len": "<="}
    yield from (f"len(v) {signs[name]} {getattr(values, name)}" for name in sorted(names))


def _require_known(rules: Message, *names: str) -> None:
    if any(each.name not in names for each, _ in rules.ListFields()):
        raise _NotKnown


def _lower(values: Any) -> int:
    return int(max(getattr(values, name) for name in ("gt", "gte") if values.HasField(name)))


def _upper(values: Any) -> int:
    return int(min(getattr(values, name) for name in ("lt", "lte") if values.HasField(name)))


def _has_alternatives(pattern: str) -> bool:
    """Whether a pattern is several, outside of any group."""
    depth = 0
    for token in re.findall(r"\\.|\[(?:\\.|[^\]\\])*\]|.", pattern):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token == "|" and not depth:  # noqa: S105 - no password
            return True
    return False
