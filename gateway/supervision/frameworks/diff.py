"""How one version of a framework differs from another."""

from collections.abc import Iterator, Sequence
from functools import cache

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from regulator.exchange.v1.framework_pb2 import (
    FrameworkDiff,
    FrameworkHeader,
    FrameworkVersionContent,
    HeaderChange,
    ParameterChange,
    Provision,
    ProvisionChange,
    TextChange,
)
from regulator.exchange.v1.values_pb2 import LocalizedText

from gateway.supervision.frameworks.changes import default_order
from gateway.supervision.frameworks.redline import Effort, redline

EFFORT = 600_000  # steps for all redlines of a diff: at most some tenths of a second


def diff_versions(old: FrameworkVersionContent, new: FrameworkVersionContent) -> FrameworkDiff:
    """How ``new`` differs from ``old``, which is empty before the first version; empty if they are equal.

    Its new header, new and changed provisions, removed ids and order make a change set that leads from the one to the
    other. Texts that have little in common, once the effort for all is used up, are told as replaced.
    """
    effort = Effort(EFFORT)
    before = {each.id: each for each in old.provisions[:]}
    after = {each.id: each for each in new.provisions[:]}
    diff = FrameworkDiff(header=_header_change(old, new, effort))
    diff.provisions.extend(_changes(before, after, effort))
    kinds = [each.kind for each in diff.provisions[:]]
    diff.added_count = kinds.count(ProvisionChange.ADDED)
    diff.removed_count = kinds.count(ProvisionChange.REMOVED)
    diff.changed_count = kinds.count(ProvisionChange.CHANGED)
    if default_order(before, after) != list(after):
        diff.provision_order.extend(after)
    return diff


def _header_change(old: FrameworkVersionContent, new: FrameworkVersionContent, effort: Effort) -> HeaderChange | None:
    was = old.header if old.HasField("header") else None
    now = new.header if new.HasField("header") else None
    if was == now:
        return None
    fields = _changed_fields(old.header, new.header)
    texts = _text_changes(old.header, new.header, fields, effort)
    return HeaderChange(old=was, new=now, fields=fields, texts=texts)


def _changes(before: dict[str, Provision], after: dict[str, Provision], effort: Effort) -> Iterator[ProvisionChange]:
    for provision_id, now in after.items():
        was = before.get(provision_id)
        if was is None:
            yield ProvisionChange(provision=provision_id, kind=ProvisionChange.ADDED, new=now)
        elif was != now:
            yield _changed(was, now, effort)
    for provision_id, was in before.items():
        if provision_id not in after:
            yield ProvisionChange(provision=provision_id, kind=ProvisionChange.REMOVED, old=was)


def _changed(old: Provision, new: Provision, effort: Effort) -> ProvisionChange:
    fields = _changed_fields(old, new)
    return ProvisionChange(
        provision=new.id,
        kind=ProvisionChange.CHANGED,
        old=old,
        new=new,
        fields=fields,
        parameters=_parameter_changes(old, new) if "parameters" in fields else (),
        texts=_text_changes(old, new, fields, effort),
    )


def _parameter_changes(old: Provision, new: Provision) -> Iterator[ParameterChange]:
    before = {each.key: each for each in old.parameters[:]}
    after = {each.key: each for each in new.parameters[:]}
    for key in dict.fromkeys((*after, *before)):
        was, now = before.get(key), after.get(key)
        if was != now:
            yield ParameterChange(key=key, old=was, new=now)


def _text_changes(
    old: FrameworkHeader | Provision, new: FrameworkHeader | Provision, fields: Sequence[str], effort: Effort
) -> Iterator[TextChange]:
    """The redlines of localized fields, those of the new version's languages first."""
    for field in fields:
        if field in _localized(new.DESCRIPTOR):
            before, after = _texts(getattr(old, field)), _texts(getattr(new, field))
            for tag in dict.fromkeys((*after, *before)):
                was, now = before.get(tag, ""), after.get(tag, "")
                if was != now:
                    yield TextChange(field=field, language_tag=tag, segments=redline(was, now, effort))


def _texts(values: Sequence[LocalizedText]) -> dict[str, str]:
    return {each.language_tag: each.text for each in values[:]}


def _changed_fields(old: Message, new: Message) -> list[str]:
    """Names of the fields that differ, in the order of the contract."""
    return [
        name
        for name, has_presence in _fields(old.DESCRIPTOR)
        if getattr(old, name) != getattr(new, name) or (has_presence and old.HasField(name) != new.HasField(name))
    ]


@cache
def _fields(descriptor: Descriptor) -> tuple[tuple[str, bool], ...]:
    return tuple((field.name, field.has_presence) for field in descriptor.fields)


@cache
def _localized(descriptor: Descriptor) -> frozenset[str]:
    """Names of the fields that are texts in several languages."""
    localized = (field for field in descriptor.fields if field.message_type is LocalizedText.DESCRIPTOR)
    return frozenset(field.name for field in localized)
