"""What is told of the node itself: all that needs an operator to operators and auditors, and to nobody else."""

from types import SimpleNamespace
from typing import Any

import pytest
from regulator.exchange.v1.values_pb2 import Handling

from gateway.alarms import Alarm
from gateway.identity.access.access import Caller, Role
from gateway.questions.attachment_standing import Usage
from gateway.questions.standing import Standing
from gateway.supervision.attachments import Owner, Totals
from tests.store.stores import CERTIFIED, NOW, parties_of

LOOKING_AFTER = {Role.OPERATOR, Role.AUDITOR}


@pytest.fixture
def standing() -> Standing:
    """Of a node with an alarm, another replica, and files of an authority."""
    replica = SimpleNamespace(name="two", id=2, started_at=NOW, seen_at=NOW)
    picture = SimpleNamespace(running=lambda: [replica], missing=list, runs=lambda _: True, holder=lambda _: None)

    async def usages() -> list[Usage]:
        return [Usage(Owner(authority="SFC"), Totals(), 7)]

    parts: Any = {
        "bulletin": SimpleNamespace(commit=SimpleNamespace(states={})),
        "links": SimpleNamespace(replica="one", picture=picture),
        "files": SimpleNamespace(usages=usages),
        "alarms": SimpleNamespace(current=lambda: [Alarm("access.toml", "line 3", NOW)]),
    }
    return Standing(parties_of("HK"), ("SFC",), lambda: CERTIFIED["HK"], **parts, clock=lambda: NOW)


@pytest.mark.parametrize("role", Role)
async def test_alarms_replicas_and_what_files_take_are_told_to_who_looks_after_the_node(standing: Standing, role: Role):
    caller = Caller("spiffe://gateway.hk.example/SFC/desk", "SFC", frozenset({role}), Handling.RED)
    told = await standing.server_info(caller)
    assert (told.domain, list(told.client_roles)) == ("gateway.hk.example", [role])
    is_told = [bool(told.alarms), bool(told.replicas), bool(told.attachment_usages)]
    assert is_told == [role in LOOKING_AFTER] * 3
