"""Who is told which events."""

import pytest
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.identity.access import Role
from gateway.questions.notices import hidden_kinds

EVERY = set(Event.Kind.values())
OF_THE_NODE = {Event.ALARM, Event.CERTIFICATE_EXPIRING}
OF_DRAFTS = {kind for kind in EVERY if Event.Kind.Name(kind).startswith("DRAFT")}


@pytest.mark.parametrize(
    ("roles", "hidden"),
    [
        ({Role.AUTHOR}, OF_THE_NODE),
        ({Role.READER}, OF_THE_NODE | OF_DRAFTS),
        ({Role.AUDITOR}, set()),
        ({Role.READER, Role.OPERATOR}, OF_DRAFTS),
        ({Role.APPROVER}, EVERY - OF_DRAFTS),
        (set(), EVERY),
    ],
)
def test_the_node_is_for_operators_and_auditors_and_drafts_for_those_who_write_and_review(roles, hidden):
    assert hidden_kinds(roles) == hidden


def test_an_operator_alone_is_told_nothing_of_what_travels():
    seen = EVERY - hidden_kinds({Role.OPERATOR})
    assert seen >= OF_THE_NODE | {Event.CHANNEL_HALTED, Event.SEAL_ROTATED}
    assert not {kind for kind in seen if Event.Kind.Name(kind).startswith(("NOTICE", "FRAMEWORK", "ENVELOPE", "DRAFT"))}
