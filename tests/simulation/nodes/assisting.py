"""What back offices do about assistance: they ask, answer, two at the same time, correct and take back answers."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from google.type.date_pb2 import Date
from regulator.exchange.v1 import assistance_service_pb2 as pb
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, Notice, SupersedeNoticeRequest
from regulator.exchange.v1.values_pb2 import Handling

from gateway.identity.access.access import Caller
from gateway.store.assistance.queries import CaseFilter, list_cases
from gateway.store.database import snapshot
from gateway.supervision.disclosure import EVERYTHING
from gateway.supervision.notices.assistance import ENDED
from tests.simulation.nodes.asking import DAY_ONE, Asking
from tests.simulation.nodes.noticing import Notices
from tests.simulation.nodes.sealed import english
from tests.simulation.nodes.site import Site
from tests.supervision.assistance_samples import answering, asking
from tests.supervision.samples import handling

_MANY, _MUCH = 1000, 1 << 30
_CLOSING = (AssistanceAnswer.DECLINED, AssistanceAnswer.COMPLETE)


class Assistance:
    """That of one office."""

    def __init__(self, office: Asking, notices: Notices) -> None:
        self._office, self._random, self._notices = office, office.random, notices
        self.acts = {"ask for help": self._ask, "help": self._answer, "correct help": self._correct}

    async def _ask(self) -> None:
        """By a day that may be past soon, and of which no byte may be left some days later."""
        office, mark, recipient = self._office, self._office.mark(), self._office.recipient()
        made = asking(respond_by=Date(year=2026, month=1, day=self._random.randint(1, 3)), **self._of(mark))
        await self._notices.give(office.new(recipient, mark=mark), self._request(recipient, made))

    async def _answer(self) -> None:
        """Answers; a colleague does so at the same time, perhaps in other words."""
        case = await self._case()
        if case:
            colleagues = [self._office.caller, self._office.second][: self._random.randint(1, 2)]
            await asyncio.gather(*(self._answer_as(case, each) for each in colleagues))

    async def _answer_as(self, case: pb.AssistanceCase, caller: Caller) -> None:
        mark, recipient = self._office.mark(), case.request.sender
        asked, request = self._office.new(recipient, mark=mark), self._request(recipient, self._said(case, mark))
        made = await self._office.until_known(
            "NoticeService/CreateNotice", lambda node: node.notices.create_notice(caller, request), asked
        )
        if made:
            asked.key = ("notice_released", made.name)

    async def _correct(self) -> None:
        """Puts another answer in the place of one, or takes it back, whether it closed the case or not."""
        office, case = self._office, await self._case(answered=True)
        standing = [each for each in case.answers if each.state in (Notice.RELEASED, Notice.DELIVERED)] if case else []
        if not standing:
            return
        answer, mark = self._random.choice(standing), office.mark()
        asked = office.new(case.request.sender, mark=mark)
        if self._random.random() < 0.5:
            await self._notices.take_back(answer.notice, asked)
            return
        request = SupersedeNoticeRequest(
            name=answer.notice, content=self._said(case, mark), request_id=office.request_id()
        )
        made = await office.until_known(
            "NoticeService/SupersedeNotice", lambda node: node.notices.supersede_notice(office.caller, request), asked
        )
        if made:
            asked.key = ("notice_released", made.name)

    def _said(self, case: pb.AssistanceCase, mark: str) -> NoticeContent:
        outcome = self._random.choice(AssistanceAnswer.Outcome.values()[1:])
        ground = AssistanceAnswer.PUBLIC_INTEREST if outcome == AssistanceAnswer.DECLINED else 0
        return answering(case.request.name.removeprefix("notices/"), outcome=outcome, ground=ground, **self._of(mark))

    def _of(self, mark: str) -> dict[str, Any]:
        bounds: dict[str, Any] = {"retain_until": DAY_ONE} if self._random.random() < 0.2 else {}
        return {
            "issuing_authority": self._office.authority,
            "title": english(mark),
            "event_date": DAY_ONE,
            "handling": handling(permitted_uses=[Handling.SUPERVISION, Handling.ENFORCEMENT], **bounds),
        }

    def _request(self, recipient: str, made: NoticeContent) -> CreateNoticeRequest:
        notice = Notice(recipient=recipient, content=made)
        return CreateNoticeRequest(notice=notice, request_id=self._office.request_id())

    async def _case(self, *, answered: bool = False) -> Any:
        """One that a peer asks about."""
        request = pb.ListAssistanceCasesRequest(direction=Notice.INCOMING, page_size=50)
        return await self._office.find(
            "AssistanceService/ListAssistanceCases",
            lambda node: node.assistance.list_assistance_cases(self._office.caller, request),
            lambda page: [each for each in page.assistance_cases if each.answers or not answered],
        )


def check_cases(sites: Sequence[Site]) -> Iterator[str]:
    """Both ends of a case know the same of it, and no node closed one twice."""
    known: dict[str, list[tuple[str, object]]] = {}
    for site in sites:
        with snapshot(site.disk.url, site.disk.folder) as connection:
            cases, _ = list_cases(connection, CaseFilter(EVERYTHING, 0), None, _MANY, _MUCH)
        for case in cases:
            ended = case.request.record.state in ENDED
            answers = {each.notice_id: (each.outcome, each.state in ENDED) for each in case.answers}
            known.setdefault(case.request.record.id, []).append((site.name, (ended, case.outcome, answers)))
            closing = [each for each, (outcome, is_over) in answers.items() if outcome in _CLOSING and not is_over]
            if len(closing) > 1 and not any(each.restored for each in sites):
                yield f"{site.name}: {case.request.record.id} was closed by {closing}"
    for name, copies in known.items():
        if len(copies) != 2 or copies[0][1] != copies[1][1]:
            yield f"{name}: the nodes know {copies} of this case"
