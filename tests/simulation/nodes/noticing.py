"""What back offices do about notices: they give, acknowledge and withdraw them."""

from collections.abc import Iterator
from typing import Any

from regulator.exchange.v1 import notice_service_pb2 as pb
from regulator.exchange.v1.values_pb2 import Handling

from gateway.node.subjects import Subjects
from tests.simulation.nodes.asking import DAY_ONE, Asked, Asking, Keyed
from tests.simulation.nodes.sealed import english
from tests.supervision.samples import content, handling

_ONWARD = (Handling.CONSENT_REQUIRED, Handling.ALLOWED, Handling.PROHIBITED), (8, 1, 1)


class Notices:
    """Those of one office."""

    def __init__(self, office: Asking) -> None:
        self._office, self._random = office, office.random
        self._given: list[Asked] = []
        self.acts = {
            "give": self._give,
            "give several": self._give_several,
            "acknowledge": self._acknowledge,
            "acknowledge the first": self._acknowledge_the_first,
            "withdraw": self._withdraw,
        }

    async def _give(self) -> None:
        recipient = self._office.recipient()
        given, request = self._new(recipient)
        await self.give(given, request)

    async def give_all(self) -> None:
        """One to each peer: all channels go on, whatever was before, and what comes is of the clocks as they are."""
        for recipient in sorted(self._office.site.parties.peers):
            given, request = self._new(recipient)
            await self.give(given, request)

    async def give(self, given: Asked, request: pb.CreateNoticeRequest) -> str:
        """Gives a notice; gives its name, empty: it was refused."""
        self._given.append(given)
        office = self._office
        made = await office.until_known(
            "NoticeService/CreateNotice", lambda node: node.notices.create_notice(office.caller, request), given
        )
        if made:
            given.key = ("notice_released", made.name)
        return made.name if made else ""

    async def _give_several(self) -> None:
        office, recipient = self._office, self._office.recipient()
        several = [self._new(recipient) for _ in range(self._random.randint(2, 4))]
        self._given += [given for given, _ in several]
        batch = pb.BatchCreateNoticesRequest(requests=[request for _, request in several])

        async def give(node: Subjects) -> pb.BatchCreateNoticesResponse:
            return pb.BatchCreateNoticesResponse(notices=await node.notices.batch_create_notices(office.caller, batch))

        made = await office.until_known("NoticeService/BatchCreateNotices", give, *(given for given, _ in several))
        if made:
            for (given, _), notice in zip(several, made.notices, strict=True):
                given.key = ("notice_released", notice.name)

    def _new(self, recipient: str) -> tuple[Asked, pb.CreateNoticeRequest]:
        mark = self._office.mark()
        return self._office.new(recipient, mark=mark), self.request(recipient, mark)

    def request(self, recipient: str, mark: str, **changes: Any) -> pb.CreateNoticeRequest:
        """To give a notice; some may be kept for a day alone."""
        bounds: dict[str, Any] = {"retain_until": DAY_ONE} if self._random.random() < 0.2 else {}
        bounds["onward_sharing"] = self._random.choices(*_ONWARD)[0]
        made = content(
            issuing_authority=self._office.authority,
            title=english(mark),
            event_date=DAY_ONE,
            handling=handling(permitted_uses=[Handling.SUPERVISION, Handling.ENFORCEMENT], **bounds),
            **changes,
        )
        return pb.CreateNoticeRequest(
            notice=pb.Notice(recipient=recipient, content=made), request_id=self._office.request_id()
        )

    async def _acknowledge_the_first(self) -> None:
        """Waits for one."""
        while not any(each.key[:1] == ("notice_acknowledged",) for each in self._office.asked):
            await self._acknowledge()

    async def _acknowledge(self) -> None:
        office, notice = self._office, await self.one(pb.Notice.INCOMING, pb.Notice.RECEIVED)
        if not notice:
            return
        asked = office.new(notice.sender, mark=office.mark())
        request = pb.AcknowledgeNoticeRequest(
            name=notice.name, case_reference=asked.mark, request_id=office.request_id()
        )
        if await office.until_known(
            "NoticeService/AcknowledgeNotice",
            lambda node: node.notices.acknowledge_notice(office.caller, request),
            asked,
        ):
            asked.key = ("notice_acknowledged", notice.name)

    async def _withdraw(self) -> None:
        office, notice = self._office, await self.one(pb.Notice.OUTGOING, pb.Notice.DELIVERED)
        if not notice:
            return
        await self.take_back(notice.name, office.new(notice.recipient, mark=office.mark()))

    async def take_back(self, name: str, asked: Asked) -> None:
        """Withdraws a notice."""
        office = self._office
        request = pb.WithdrawNoticeRequest(name=name, request_id=office.request_id(), explanation=english(asked.mark))
        if await office.until_known(
            "NoticeService/WithdrawNotice", lambda node: node.notices.withdraw_notice(office.caller, request), asked
        ):
            asked.key = ("notice_withdrawn", name)

    async def one(self, direction: Any, *states: Any) -> Any:
        """A notice in one of these states; None: there is none, or the node does not say."""
        office, request = self._office, pb.ListNoticesRequest(direction=direction, page_size=50)
        return await office.find(
            "NoticeService/ListNotices",
            lambda node: node.notice_questions.list_notices(office.caller, request),
            lambda page: [each for each in page.notices if each.state in states],
        )

    def check(self, logs: dict[str, Keyed]) -> Iterator[str]:
        """What one office gave one after the other is sealed in that order (G4)."""
        for origin in dict.fromkeys(origin for each in self._given for origin in each.origins):
            given = [each for each in self._given if each.key and origin in each.origins]
            places = [logs[origin].by_key[each.key][0] for each in given if each.key in logs[origin].by_key]
            if places != sorted(places):
                yield f"{[each.mark for each in given]}: sealed in another order (G4)"
