"""What a newer version tells is shown, too: a value of an enumeration that this one has no word for by its number."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.framework_pb2 import Comparison, FrameworkDiff
from regulator.exchange.v1.framework_service_pb2 import Framework, FrameworkProvision, FrameworkVersion
from regulator.exchange.v1.journal_pb2 import JournalEntry
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.sharing_service_pb2 import Consent, Share

from gateway.cli.views import assistance, draft, entry, evidence_content, framework, framework_page, notice, sharing

NEWER = 99  # no enumeration of the contract has so many values
DEPTH = 8  # of messages within messages
VARIANTS = range(11)  # the largest oneof, that of an envelope, has so many members
VALUES: Mapping[int, object] = {
    FieldDescriptor.TYPE_ENUM: NEWER,
    FieldDescriptor.TYPE_STRING: "1",
    FieldDescriptor.TYPE_BYTES: b"1",
    FieldDescriptor.TYPE_BOOL: True,
}  # of others: 1


def filled(message: Message, variant: int, depth: int = DEPTH) -> Message:
    """Sets every field, of a oneof one member, and every enumeration to a value that it does not have."""
    for field in message.DESCRIPTOR.fields:
        members = field.containing_oneof.fields if field.containing_oneof else [field]
        if field != members[variant % len(members)]:
            continue
        holder, value = getattr(message, field.name), VALUES.get(field.type, 1)
        if field.message_type is None and field.is_repeated:
            holder.append(value)
        elif field.message_type is None:
            setattr(message, field.name, value)
        elif depth and field.message_type.full_name.startswith("regulator."):
            filled(holder.add() if field.is_repeated else holder, variant, depth - 1)
    return message


VIEWS: list[tuple[type[Message], Callable[[Any], object]]] = [
    (Notice, notice.row),
    (Notice, notice.document),
    (Notice, lambda it: list(notice.sections(it))),
    (Draft, draft.row),
    (Draft, draft.document),
    (Draft, lambda it: list(draft.sections(it))),
    (AssistanceCase, assistance.case_row),
    (AssistanceCase, assistance.case_document),
    (AssistanceCase, lambda it: list(assistance.case_sections(it, [it.request]))),
    (Consent, sharing.consent_row),
    (Consent, sharing.consent_document),
    (Consent, lambda it: list(sharing.consent_sections(it))),
    (Share, sharing.share_row),
    (Share, sharing.share_document),
    (Share, lambda it: list(sharing.share_sections(it))),
    (JournalEntry, lambda it: entry.row(0, it)),
    (JournalEntry, lambda it: entry.document(0, it)),
    (Envelope, evidence_content.content_document),
    (Envelope, lambda it: list(evidence_content.content_sections(it))),
    (Framework, framework.framework_row),
    (Framework, framework.document),
    (FrameworkVersion, framework.document),
    (FrameworkProvision, framework.provision_row),
    (FrameworkDiff, lambda it: list(framework.changes(it))),
    (FrameworkDiff, framework.summary),
    (Comparison, framework.matrix),
    (Comparison, framework_page.page),
    (Comparison, framework_page.heatmap),
]


@pytest.mark.parametrize(("kind", "view"), VIEWS)
def test_what_a_newer_version_tells_is_shown(kind: type[Message], view: Callable[[Any], object]):
    for variant in VARIANTS:
        assert view(filled(kind(), variant))
