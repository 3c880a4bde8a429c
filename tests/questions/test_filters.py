"""Lists that are empty because a filter names nothing say so, and those that are empty by right do not."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from google.api import resource_pb2
from google.protobuf.descriptor import FieldDescriptor
from regulator.exchange.v1 import (
    assistance_service_pb2,
    audit_service_pb2,
    event_service_pb2,
    framework_service_pb2,
)
from regulator.exchange.v1.notice_service_pb2 import ListNoticesRequest, Notice
from regulator.exchange.v1.values_pb2 import SECTOR_CUSTODY, Handling

from gateway.errors import BadInput, GatewayError, NotFound
from gateway.identity.access.access import Caller, Role
from gateway.journal.entries import Entry
from gateway.moments import timestamp_of
from gateway.questions.assistance import AssistanceQuestions
from gateway.questions.auditing import Auditing
from gateway.questions.comparisons import ComparisonQuestions
from gateway.questions.events import EventQuestions
from gateway.questions.filters import COLLECTIONS
from gateway.questions.frameworks import FrameworkQuestions
from gateway.questions.notices import NoticeQuestions
from gateway.questions.sealed_tokens import SealedTokens
from gateway.rpc.server import SERVICES
from gateway.supervision.frameworks.content import TOPICS
from tests.store.journaling import WHO
from tests.store.stores import NOW, RANDOM, Opened
from tests.supervision.framework_samples import provision, version
from tests.supervision.samples import handling

READER = Caller("spiffe://gateway.hk.example/SFC/office", "SFC", frozenset({Role.READER}), Handling.RED)
PLACES = {"page_token", "cursor"}  # of a request: they name nothing that could be looked for
PARENTS = {"parent"}  # NOT_FOUND, as for each thing that is asked for by its name
ALWAYS = {"answerable_by"}  # looked at also where something is found
ANY = {"text", "client", "officer"}  # words to look for; and who never called, which is an answer


class Office:
    """All lists of one store."""

    def __init__(self, store: Opened, caller: Caller = READER) -> None:
        tokens, filters = SealedTokens(bytes(32), RANDOM.randbytes), store.filters
        none: Any = None
        bulletin: Any = SimpleNamespace(
            commit=store.committer.latest(), closed=False, next=asyncio.Event, catch_up=partial(asyncio.sleep, 0)
        )
        clock = lambda: NOW  # noqa: E731
        self.caller = caller
        self._notices = NoticeQuestions(store.readers, tokens, filters)
        self._cases = AssistanceQuestions(store.readers, tokens, clock, ("HKMA", "SFC"), filters)
        self._frameworks = FrameworkQuestions(store.readers, tokens, filters)
        self._comparisons = ComparisonQuestions(store.readers, tokens, clock, filters)
        self._events = EventQuestions(store.readers, bulletin, tokens, lambda *_: "", filters)
        self._auditing = Auditing(none, store.readers, tokens, store.committer, filters)

    async def list(self, kind: str, **wanted: Any) -> int:
        """How many are found."""
        request = REQUESTS[kind](**wanted)
        asked: dict[str, Any] = {
            "notices": lambda: self._notices.list_notices(self.caller, request),
            "cases": lambda: self._cases.list_assistance_cases(self.caller, request),
            "frameworks": lambda: self._frameworks.list_frameworks(request),
            "provisions": lambda: self._frameworks.list_provisions(request),
            "assessments": lambda: self._frameworks.list_assessments(request),
            "comparison": lambda: self._comparisons.compare_jurisdictions(request),
            "events": lambda: anext(self._events.watch_events(self.caller, request)),
            "entries": lambda: self._auditing.list_entries(request),
        }
        answer = await asked[kind]()
        return max((len(value) for field, value in answer.ListFields() if field.is_repeated), default=0)

    async def refused(self, kind: str, **wanted: Any) -> GatewayError:
        with pytest.raises(GatewayError) as error:
            await self.list(kind, **wanted)
        return error.value


REQUESTS: dict[str, Any] = {
    "notices": ListNoticesRequest,
    "cases": assistance_service_pb2.ListAssistanceCasesRequest,
    "frameworks": framework_service_pb2.ListFrameworksRequest,
    "provisions": lambda parent="frameworks/-", **others: framework_service_pb2.ListProvisionsRequest(
        parent=parent, **others
    ),
    "assessments": framework_service_pb2.ListAssessmentsRequest,
    "comparison": framework_service_pb2.CompareJurisdictionsRequest,
    "events": event_service_pb2.WatchEventsRequest,
    "entries": audit_service_pb2.ListJournalEntriesRequest,
}


async def told(work: Awaitable[GatewayError]) -> dict[str, str]:
    error = await work
    assert isinstance(error, BadInput), error
    return {each.field: each.description for each in error.violations}


@pytest.fixture
async def office(hk: Opened) -> Office:
    """Hong Kong's, which gave a notice and a framework."""
    await hk.release("hk-1")
    await hk.publish(
        "hk-rules", 1, version(provision("p1", topic="reserve_assets"), provision("p2", topic="quantum_risk"))
    )
    await hk.committer.journal(Entry(WHO, "/regulator.exchange.v1.NoticeService/GetNotice", 1))
    return Office(hk)


OURS_AND_THEIRS = "must be one of BOK, FSC, FSS, FSTB, HKMA, KoFIU, SFC"
WRONG = [
    ("notices", {"issuing_authority": "hkma"}, {"issuing_authority": OURS_AND_THEIRS}),
    ("notices", {"issuing_authority": "KOFIU", "peer": "SG"}, ["issuing_authority", "peer"]),
    ("notices", {"peer": "SG"}, {"peer": "must be one of KR"}),
    ("notices", {"peer": "HK"}, {"peer": "must be one of KR"}),
    ("notices", {"subject_identifier": "5493001KJTIIGC8Y1R13"}, {"subject_identifier"}),
    ("notices", {"subject_identifier": " 5493001kjtiigc8y1r13"}, {"subject_identifier"}),
    ("notices", {"subject_identifier": "HK0000069688"}, {"subject_identifier"}),
    ("notices", {"direction": Notice.INCOMING, "state": Notice.DELIVERED}, {"state"}),
    (
        "notices",
        {"direction": Notice.OUTGOING, "state": Notice.RECEIVED},
        {"state": "must be one of RELEASED, DELIVERED, ACKNOWLEDGED, WITHDRAWN, SUPERSEDED with OUTGOING"},
    ),
    (
        "notices",
        {"release_time_from": timestamp_of(NOW), "release_time_before": timestamp_of(NOW - 1)},
        {"release_time_before": "must not be before release_time_from"},
    ),
    ("cases", {"requested_authority": "fsc"}, {"requested_authority": OURS_AND_THEIRS}),
    ("cases", {"peer": "SG"}, {"peer"}),
    ("frameworks", {"jurisdiction": "SG"}, {"jurisdiction": "must be one of HK, KR"}),
    ("provisions", {"jurisdiction": "SG"}, {"jurisdiction"}),
    ("provisions", {"parent": "frameworks/hk-rules", "jurisdiction": "KR"}, {"jurisdiction"}),
    ("provisions", {"topic": "reserve_asset"}, {"topic": f"must be one of {', '.join(TOPICS)}"}),
    ("assessments", {"topic": "reserve_asset", "assessor": "SG"}, ["topic", "assessor"]),
    ("assessments", {"provision": "frameworks/hk-rules/provisions/p3"}, {"provision"}),
    ("comparison", {"first_jurisdiction": "HK", "second_jurisdiction": "SG"}, {"second_jurisdiction"}),
    ("events", {"jurisdiction": "SG", "topic": "reserves"}, ["jurisdiction", "topic"]),
    ("entries", {"method": "GetNotices"}, {"method"}),
    ("entries", {"method": "/regulator.exchange.v1.NoticeService/Getnotice"}, {"method"}),
    ("entries", {"outcome": "PERMISSION_DENIED"}, {"outcome"}),
    ("entries", {"resource": "notice/hk-1"}, {"resource"}),
]


@pytest.mark.parametrize(("kind", "wanted", "fields"), WRONG, ids=lambda value: str(value)[:60])
async def test_a_filter_that_names_what_there_is_not_is_refused_and_says_what_there_is(office, kind, wanted, fields):
    found = await told(office.refused(kind, **wanted))
    assert set(found) == set(fields)
    assert not isinstance(fields, dict) or found == fields


RIGHT = [
    ("notices", {"issuing_authority": "KoFIU"}),
    ("notices", {"peer": "KR", "direction": Notice.INCOMING}),
    ("notices", {"direction": Notice.INCOMING, "state": Notice.RECEIVED}),
    ("notices", {"sector": SECTOR_CUSTODY, "state": Notice.WITHDRAWN}),
    ("notices", {"subject_identifier": "5493001KJTIIGC8Y1R12"}),
    ("notices", {"subject_identifier": "123456789"}),
    ("notices", {"subject_identifier": "ZZ1234567890"}),
    ("notices", {"release_time_from": timestamp_of(NOW - 1), "release_time_before": timestamp_of(NOW - 1)}),
    ("cases", {"requested_authority": "FSC"}),
    ("frameworks", {"jurisdiction": "KR"}),
    ("provisions", {"topic": "liquidity"}),
    ("provisions", {"jurisdiction": "KR", "topic": "quantum_risk"}),
    ("provisions", {"known_at": timestamp_of(NOW - 1), "parent": "frameworks/hk-rules"}),
    ("assessments", {"provision": "frameworks/hk-rules/provisions/p1"}),
    ("comparison", {"first_jurisdiction": "HK", "second_jurisdiction": "KR", "known_at": timestamp_of(1)}),
    ("entries", {"method": "WithdrawNotice"}),
    ("entries", {"method": "/regulator.exchange.v1.PeerService/Exchange"}),
    ("entries", {"outcome": "ASSISTANCE_CLOSED"}),
    ("entries", {"resource": "drafts/hk-1"}),
    ("entries", {"resource": "gateway.hk.example/to/gateway.kr.example"}),
    ("entries", {"client": "spiffe://gateway.hk.example/SFC/never"}),
]


@pytest.mark.parametrize(("kind", "wanted"), RIGHT, ids=lambda value: str(value)[:60])
async def test_a_list_that_nothing_fits_though_its_filters_are_right_is_empty(office, kind, wanted):
    assert await office.list(kind, **wanted) == 0


async def test_what_was_right_once_still_lists(hk: Opened):
    await hk.release("hk-1", issuing_authority="OCI")
    office = Office(hk)
    assert await office.list("notices", issuing_authority="OCI") == 1
    assert await office.list("notices", issuing_authority="OCI", state=Notice.WITHDRAWN) == 0
    await hk.pair_with("SG")
    hk.more_peers.clear()
    assert await Office(hk).list("notices", peer="SG") == 0


async def test_who_may_not_see_a_notice_does_not_learn_from_a_filter_whose_it_is(hk: Opened):
    await hk.release("hk-1", issuing_authority="OCI", handling=handling(tlp=Handling.RED))
    office = Office(hk, replace(READER, clearance=Handling.GREEN))
    assert set(await told(office.refused("notices", issuing_authority="OCI"))) == {"issuing_authority"}


async def test_a_watch_may_wait_for_what_nothing_has_yet(hk: Opened):
    assert await Office(hk).list("events", topic="reserve_assets", jurisdiction="KR", from_now=True) == 0


async def test_a_framework_that_is_not_there_has_no_list_of_provisions(office):
    error = await office.refused("provisions", parent="frameworks/hk-rule")
    assert isinstance(error, NotFound)
    assert error.message == "there is no framework hk-rule"


async def test_methods_like_the_one_that_was_given_are_told(office):
    told_of = await told(office.refused("entries", method="GetNotices"))
    assert told_of["method"].startswith("must be a method of this node, such as GetNotice or ")


def test_no_filter_of_the_contract_is_forgotten(hk: Opened):
    looks = set(hk.filters.looks)
    filters = {
        field.name
        for service in SERVICES
        for name, message in service.file.message_types_by_name.items()
        if name.startswith(("List", "Watch", "Compare")) and name.endswith("Request")
        for field in message.fields
        if field.type == FieldDescriptor.TYPE_STRING
    }
    assert filters == looks | PLACES | PARENTS | ALWAYS | ANY
    assert not looks & (PLACES | PARENTS | ALWAYS | ANY)


def test_every_collection_of_the_contract_is_known_to_the_filter_of_the_journal():
    patterns = {
        pattern.partition("/")[0]
        for service in SERVICES
        for message in service.file.message_types_by_name.values()
        for pattern in message.GetOptions().Extensions[resource_pb2.resource].pattern
    }
    assert patterns == COLLECTIONS
