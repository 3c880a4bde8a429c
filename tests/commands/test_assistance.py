"""Assistance as back offices ask for it and give it, at two stores that exchange what is sealed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from regulator.exchange.v1 import assistance_service_pb2 as pb
from regulator.exchange.v1 import notice_service_pb2 as notices
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Handling, LocalizedText

from gateway.commands import assistance
from gateway.commands.assistance import tell_overdue
from gateway.commands.notice_sealing import NoticeSealing
from gateway.commands.notices import NoticeCommands
from gateway.errors import ApprovalRequired, AssistanceClosed, NotAllowed, NotFound, WrongState
from gateway.identity.access.access import Caller, Role
from gateway.questions.assistance import AssistanceQuestions
from gateway.questions.notices import NoticeQuestions
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.event_queries import EventFilter, read_events
from gateway.supervision.approval import ApprovalRule
from gateway.supervision.disclosure import EVERYTHING
from tests.commands.offices import DAY, fields, refusal
from tests.store.damages import damaged, named
from tests.store.exchanging import settle
from tests.store.stores import NOW, RANDOM, Opened, check_verified
from tests.supervision.assistance_samples import Reply, answering, asking, day
from tests.supervision.samples import handling
from tests.supervision.sharing_samples import english

A = AssistanceAnswer
SFC = Caller("spiffe://gateway.hk.example/SFC/office", "SFC", frozenset({Role.AUTHOR}), Handling.RED)
FSC = Caller("spiffe://gateway.kr.example/FSC/office", "FSC", frozenset({Role.AUTHOR}), Handling.RED)
FSS = Caller("spiffe://gateway.kr.example/FSS/office", "FSS", frozenset({Role.AUTHOR}), Handling.RED)


class Desk:
    """Gives notices, and reads cases, at one store."""

    def __init__(self, store: Opened, caller: Caller, recipient: str) -> None:
        self.store, self.caller, self._recipient, self.now = store, caller, recipient, NOW
        tokens = SealedTokens(bytes(32), RANDOM.randbytes)
        self.questions = AssistanceQuestions(
            store.readers, tokens, lambda: self.now, ("FSC", "FSS", "SFC"), store.filters
        )
        self._notices = NoticeQuestions(store.readers, tokens, store.filters)
        self.rule()

    def rule(self, *rules: ApprovalRule) -> None:
        sealing = NoticeSealing(self.store.parties, rules)
        self.commands = NoticeCommands(
            self.store.parties, self.store.committer, sealing, self._notices, lambda: self.now, RANDOM.randbytes
        )

    async def give(
        self, notice_id: str, content: NoticeContent, caller: Caller | None = None, **changes: Any
    ) -> Notice:
        notice = Notice(recipient=self._recipient, content=content)
        request = notices.CreateNoticeRequest(notice=notice, notice_id=notice_id, **changes)
        return await self.commands.create_notice(caller or self.caller, request)

    async def withdraw(self, notice_id: str) -> Notice:
        why = [LocalizedText(language_tag="en", text="It was wrong.")]
        request = notices.WithdrawNoticeRequest(name=f"notices/{notice_id}", explanation=why)
        return await self.commands.withdraw_notice(self.caller, request)

    async def case(self, request: str = "hk-1", caller: Caller | None = None) -> AssistanceCase:
        wanted = pb.GetAssistanceCaseRequest(name=f"assistanceCases/{request}")
        return await self.questions.get_assistance_case(caller or self.caller, wanted)

    async def cases(self, **wanted: Any) -> list[str]:
        page = await self.questions.list_assistance_cases(self.caller, pb.ListAssistanceCasesRequest(**wanted))
        return [each.name.removeprefix("assistanceCases/") for each in page.assistance_cases]


@pytest.fixture
async def desks(tmp_path: Path) -> AsyncIterator[tuple[Desk, Desk]]:
    """Hong Kong asked Korea's FSC with hk-1, by the last of January."""
    stores = [Opened.create(each, "sqlite:///node.db", tmp_path / each) for each in ("HK", "KR")]
    hk, kr = Desk(stores[0], SFC, "KR"), Desk(stores[1], FSC, "HK")
    await hk.give("hk-1", asking(requested_authority="FSC", respond_by=day(20260131)))
    await settle(*stores)
    yield hk, kr
    for store in stores:
        await store.close()
        check_verified(store)


async def exchanged(desks: tuple[Desk, Desk]) -> None:
    await settle(desks[0].store, desks[1].store)


async def test_what_is_asked_accepted_and_answered_is_known_at_both_nodes(desks):
    hk, kr = desks
    assert (await kr.case()).state == AssistanceCase.OPEN
    await kr.give("kr-1", answering(outcome=A.ACCEPTED, expected_by=day(20260215)))
    await kr.give("kr-2", answering(outcome=A.PARTIAL, replies=[Reply(question="2", text=english("In May."))]))
    await exchanged(desks)
    assert (await hk.case()).state == AssistanceCase.PARTLY_ANSWERED
    await kr.give("kr-3", answering(replies=[Reply(question="1", text=english("Nobody."))]))
    await exchanged(desks)
    here, there = await hk.case(), await kr.case()
    assert here.state == there.state == AssistanceCase.ANSWERED
    assert [each.notice for each in here.answers] == ["notices/kr-1", "notices/kr-2", "notices/kr-3"]
    assert [each.outcome for each in here.answers] == [A.ACCEPTED, A.PARTIAL, A.COMPLETE]
    assert here.request.content.assistance_request.questions[0].key == "1"
    assert here.request.content == there.request.content


@pytest.mark.parametrize("authority", ["fsc", "SFC", "FIU"])
async def test_an_authority_that_could_not_answer_is_not_asked(desks, authority):
    """In other letters, of the own jurisdiction, of nobody: the request would wait for ever."""
    told = await fields(desks[0].give("hk-2", asking(requested_authority=authority)))
    field = "notice.content.assistance_request.requested_authority"
    assert told == [(field, "must be empty, or an authority of the recipient: BOK, FSC, FSS, KoFIU")]


async def test_a_closed_case_takes_no_answer_until_what_closed_it_is_gone(desks):
    hk, kr = desks
    await kr.give("kr-1", answering(outcome=A.DECLINED, ground=A.PUBLIC_INTEREST))
    error = await refusal(kr.give("kr-2", answering()), AssistanceClosed)
    assert (error.reason, error.metadata["state"]) == ("ASSISTANCE_CLOSED", "DECLINED")
    await kr.withdraw("kr-1")
    await kr.give("kr-2", answering(outcome=A.PARTIAL))
    supersede = notices.SupersedeNoticeRequest(name="notices/kr-2", content=answering(), notice_id="kr-3")
    await kr.commands.supersede_notice(FSC, supersede)
    await exchanged(desks)
    case = await hk.case()
    assert case.state == AssistanceCase.ANSWERED
    assert [each.state for each in case.answers] == [Notice.WITHDRAWN, Notice.SUPERSEDED, Notice.RECEIVED]


async def test_two_answers_that_close_a_case_in_one_commit_are_one(desks):
    _, kr = desks
    requests = [
        notices.CreateNoticeRequest(notice=Notice(recipient="HK", content=answering()), notice_id=name)
        for name in ("kr-1", "kr-2")
    ]
    batch = notices.BatchCreateNoticesRequest(requests=requests)
    await refusal(kr.commands.batch_create_notices(FSC, batch), AssistanceClosed)
    assert (await kr.case()).state == AssistanceCase.OPEN


async def test_the_same_request_id_answers_the_same_once_the_case_is_closed(desks):
    _, kr = desks
    request_id = str(uuid4())
    given = await kr.give("kr-1", answering(), request_id=request_id)
    assert (await kr.give("kr-1", answering(), request_id=request_id)).name == given.name


async def test_only_authors_of_the_authority_that_was_asked_answer(desks):
    _, kr = desks
    await refusal(kr.give("kr-1", answering(issuing_authority="FSS"), FSS), NotAllowed)
    uncleared = replace(FSC, clearance=Handling.GREEN)
    green = answering(handling=handling(tlp=Handling.GREEN, onward_sharing=Handling.ALLOWED))
    path = "notice.content.assistance_answer.request"
    assert [each for each, _ in await fields(kr.give("kr-1", green, uncleared))] == [path]
    assert [each for each, _ in await fields(kr.give("kr-1", answering("hk-9")))] == [path]
    strange = answering(replies=[Reply(question="9", text=english("X."))])
    assert [each for each, _ in await fields(kr.give("kr-1", strange))] == [
        "notice.content.assistance_answer.replies[0].question"
    ]


async def test_a_request_that_was_withdrawn_is_not_answered(desks):
    hk, kr = desks
    await hk.withdraw("hk-1")
    await exchanged(desks)
    await refusal(kr.give("kr-1", answering()), WrongState)
    assert (await kr.case()).state == AssistanceCase.WITHDRAWN


async def test_nobody_answers_its_own_request(desks):
    hk, _ = desks
    own = answering(issuing_authority="SFC")
    assert [each for each, _ in await fields(hk.give("hk-2", own))] == ["notice.content.assistance_answer.request"]


async def test_validating_an_answer_seals_nothing_and_says_what_giving_it_would(desks):
    _, kr = desks
    assert (await kr.give("kr-1", answering(), validate_only=True)).kind == Notice.ASSISTANCE_ANSWER
    assert (await kr.case()).answers == []
    await kr.give("kr-1", answering())
    await refusal(kr.give("kr-2", answering(), validate_only=True), AssistanceClosed)


async def test_rules_of_four_eyes_speak_of_requests_and_answers(desks):
    _, kr = desks
    kr.rule(ApprovalRule("answers", kinds=frozenset({Notice.ASSISTANCE_ANSWER})))
    await refusal(kr.give("kr-1", answering()), ApprovalRequired)


async def test_a_case_is_overdue_once_its_day_is_past_and_until_it_is_closed(desks):
    hk, kr = desks
    hk.now = kr.now = NOW + 40 * DAY
    assert (await hk.case()).overdue
    assert await hk.cases(overdue_only=True) == await kr.cases(overdue_only=True) == ["hk-1"]
    await kr.give("kr-1", answering())
    assert not (await kr.case()).overdue
    assert await kr.cases(overdue_only=True) == []


@pytest.mark.parametrize("office", [FSC, FSS], ids=["FSC", "FSS"])
async def test_what_is_listed_as_answerable_is_what_the_node_takes_an_answer_to(desks, office):
    hk, kr = desks
    for number, authority in enumerate(("", "FSS", "FSC", "", "FSS"), 2):
        await hk.give(f"hk-{number}", asking(requested_authority=authority))
    await hk.withdraw("hk-5")
    await exchanged(desks)
    await kr.give("kr-3", answering("hk-3", outcome=A.PARTIAL, issuing_authority="FSS"), FSS)
    await kr.give("kr-4", answering("hk-4"))
    taken = []
    for number in range(6, 0, -1):
        said = answering(f"hk-{number}", issuing_authority=office.authority)
        try:
            await kr.give("kr-new", said, office, validate_only=True)
            taken.append(f"hk-{number}")
        except (AssistanceClosed, NotAllowed, WrongState):
            pass
    assert await kr.cases(answerable_by=office.authority) == taken
    assert taken == (["hk-2", "hk-1"] if office is FSC else ["hk-6", "hk-3", "hk-2"])


async def test_an_authority_that_the_node_does_not_serve_answers_nothing(desks):
    _, kr = desks
    ((field, words),) = await fields(kr.cases(answerable_by="FSB"))
    assert (field, words) == ("answerable_by", "must be one of FSC, FSS, SFC")


async def test_what_is_due_by_a_day_is_told_before_it_is_past(desks):
    for desk in desks:
        assert await desk.cases(due_by=day(20260130)) == []
        assert await desk.cases(due_by=day(20260131)) == ["hk-1"]
        assert await desk.cases(due_by=day(20260131), overdue_only=True) == []


async def test_a_case_above_the_clearance_is_not_there(desks):
    _, kr = desks
    uncleared = replace(FSC, clearance=Handling.GREEN)
    error = await refusal(kr.case(caller=uncleared), NotFound)
    other = await refusal(kr.case("hk-9"), NotFound)
    assert error.message.replace("hk-1", "hk-9") == other.message
    kr.caller = uncleared
    assert await kr.cases() == []


async def test_pages_of_cases_go_on_where_they_ended(desks):
    hk, _ = desks
    for number in range(2, 6):
        await hk.give(f"hk-{number}", asking())
    request, found = pb.ListAssistanceCasesRequest(page_size=2, direction=Notice.OUTGOING), list[str]()
    while True:
        page = await hk.questions.list_assistance_cases(hk.caller, request)
        found += [each.name for each in page.assistance_cases]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert found == [f"assistanceCases/hk-{number}" for number in range(5, 0, -1)]
    request.direction = Notice.INCOMING
    assert [each for each, _ in await fields(hk.questions.list_assistance_cases(hk.caller, request))] == ["page_token"]


async def overdue(desk: Desk) -> list[str]:
    await tell_overdue(desk.store.committer, desk.store.readers, lambda: desk.now)
    wanted = EventFilter(kinds=(Event.ASSISTANCE_OVERDUE,))
    return [each.notice for each in await desk.store.read(read_events, EVERYTHING, 0, 100, wanted)]


async def test_what_is_overdue_is_told_once_at_both_nodes(desks):
    hk, kr = desks
    await hk.give("hk-2", asking(respond_by=day(20260131)))
    await hk.give("hk-3", asking())  # no day is set
    await exchanged(desks)
    await kr.give("kr-2", answering("hk-2"))
    for desk in desks:
        desk.now = NOW + 29 * DAY
        assert await overdue(desk) == []
        desk.now = NOW + 40 * DAY
    assert await overdue(kr) == ["hk-1"]
    assert await overdue(hk) == ["hk-1", "hk-2"], "the answer to hk-2 has not come"
    await exchanged(desks)
    for desk in desks:
        desk.now += DAY
        assert len(await overdue(desk)) == (1 if desk is kr else 2)


async def test_what_is_overdue_is_told_some_at_a_time(desks, monkeypatch):
    """A peer may ask any number of times for one day."""
    hk, _ = desks
    monkeypatch.setattr(assistance, "AT_ONCE", 2)
    for number in range(2, 6):
        await hk.give(f"hk-{number}", asking(respond_by=day(20260131)))
    hk.now, before = NOW + 40 * DAY, hk.store.committer.latest().counters.cursor
    assert await overdue(hk) == [f"hk-{number}" for number in range(1, 6)]
    told = [each.counters.cursor for each in hk.store.commits if each.counters.cursor > before]
    assert [after - since for since, after in pairwise([before, *told])] == [2, 2, 1]


async def test_an_event_that_tells_no_request_of_its_day_is_found(desks):
    hk, _ = desks
    hk.now = NOW + 40 * DAY
    assert await overdue(hk) == ["hk-1"]
    for change in ("notice = 'hk-9'", '"index" = 7'):
        with damaged(hk.store, f"UPDATE events SET {change} WHERE kind = {Event.ASSISTANCE_OVERDUE}") as report:
            assert "events" in named(report)
