"""Back offices: they act, ask again until they know what became of it, and watch what is told."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from google.type.date_pb2 import Date
from regulator.exchange.v1 import notice_service_pb2 as pb
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import WatchEventsRequest, WatchEventsResponse
from regulator.exchange.v1.values_pb2 import Handling, LocalizedText

from gateway.errors import GatewayError, Halted, Overloaded, Unavailable
from gateway.identity.access import Caller, Role
from gateway.supervision.notices import notice_id
from tests.simulation.nodes.node import Running
from tests.simulation.nodes.site import Site
from tests.supervision.samples import content, handling

SERVICE = "/regulator.exchange.v1.NoticeService/"
AUTHORITIES = {"HK": "SFC", "KR": "FSS", "SG": "MAS"}
LONGEST_PAUSE_SECONDS = 1.5
PATIENCE_SECONDS = 20.0
TODAY = Date(year=2026, month=1, day=1)

AGAIN = (Unavailable, Overloaded, Halted)  # it is asked again, under the same request_id


@dataclass
class Given:
    """A notice that an office gave, or wanted to.

    Attributes:
        title: that no other notice has
        name: of the notice, once it was answered
        is_doubtful: it was under way when the node went back to a backup, so it may be there twice, or not
    """

    recipient: str
    title: str
    name: str = ""
    is_doubtful: bool = False


@dataclass
class Office:
    """One back office of a node: it does one thing after the other."""

    site: Site
    system: str
    random: Random
    acts: Sequence[str]
    given: list[Given] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)  # ids, as they were answered
    withdrawn: list[str] = field(default_factory=list)
    under_way: Sequence[Given] = ()
    done: bool = False

    def __post_init__(self) -> None:
        self.authority = AUTHORITIES[self.site.name]
        client = f"spiffe://{self.site.parties.own.domain}/{self.authority}/{self.system}"
        self.caller = Caller(client, self.authority, frozenset(Role), Handling.RED)

    async def run(self) -> None:
        acts = {
            "give": self._give,
            "give several": self._give_several,
            "acknowledge": self._acknowledge,
            "acknowledge the first": self._acknowledge_the_first,
            "withdraw": self._withdraw,
        }
        for act in self.acts:
            await asyncio.sleep(self.random.uniform(0, LONGEST_PAUSE_SECONDS))
            await acts[act]()
        self.done = True

    def forget(self, lost: Sequence[Envelope]) -> None:
        """The node went back to a backup, and these envelopes had not arrived: nobody may count on them."""
        for given in self.under_way:
            given.is_doubtful = True
        released = {each.notice_released.notice for each in lost}
        for given in self.given:
            if given.name in released:
                given.name, given.is_doubtful = "", True
        for kind, acted in (("notice_acknowledged", self.acknowledged), ("notice_withdrawn", self.withdrawn)):
            gone = {notice_id(getattr(each, kind).notice) for each in lost if each.HasField(kind)}
            acted[:] = [each for each in acted if each not in gone]

    # --- acts ---------------------------------------------------------------------------------------------------------

    async def _give(self) -> None:
        given = self._new()
        request = self._request(given)
        made = await self._until_known(
            "CreateNotice", lambda node: node.notices.create_notice(self.caller, request), [given]
        )
        if made:
            given.name = made.name

    async def _give_several(self) -> None:
        several = [self._new() for _ in range(self.random.randint(2, 4))]
        for each in several:
            each.recipient = several[0].recipient
        batch = pb.BatchCreateNoticesRequest(requests=[self._request(each) for each in several])

        async def give(node: Running) -> pb.BatchCreateNoticesResponse:
            return pb.BatchCreateNoticesResponse(notices=await node.notices.batch_create_notices(self.caller, batch))

        made = await self._until_known("BatchCreateNotices", give, several)
        if made:
            for given, notice in zip(several, made.notices, strict=True):
                given.name = notice.name

    def _new(self) -> Given:
        recipient = self.random.choice(sorted(self.site.parties.peers))
        given = Given(recipient, f"{self.site.name} {self.system} {len(self.given)}")
        self.given.append(given)
        return given

    def _request(self, given: Given) -> pb.CreateNoticeRequest:
        changes: dict[str, Any] = {"title": [LocalizedText(language_tag="en", text=given.title)]}
        if self.random.random() < 0.2:
            changes |= {"handling": handling(retain_until=TODAY), "event_date": TODAY}
        made = content(issuing_authority=self.authority, **changes)
        return pb.CreateNoticeRequest(
            notice=pb.Notice(recipient=given.recipient, content=made), request_id=self._request_id()
        )

    def _request_id(self) -> str:
        return str(uuid.UUID(bytes=self.random.randbytes(16), version=4))

    async def _acknowledge_the_first(self) -> None:
        """Waits for one."""
        while not self.acknowledged:
            await self._acknowledge()
            await asyncio.sleep(0.2)

    async def _acknowledge(self) -> None:
        wanted = await self._one(pb.Notice.INCOMING, pb.Notice.RECEIVED)
        if wanted:
            request = pb.AcknowledgeNoticeRequest(name=wanted, request_id=self._request_id())
            if await self._until_known(
                "AcknowledgeNotice", lambda node: node.notices.acknowledge_notice(self.caller, request)
            ):
                self.acknowledged.append(notice_id(wanted))

    async def _withdraw(self) -> None:
        wanted = await self._one(pb.Notice.OUTGOING, pb.Notice.DELIVERED)
        if wanted:
            why = [LocalizedText(language_tag="en", text="It was wrong.")]
            request = pb.WithdrawNoticeRequest(name=wanted, request_id=self._request_id(), explanation=why)
            if await self._until_known(
                "WithdrawNotice", lambda node: node.notices.withdraw_notice(self.caller, request)
            ):
                self.withdrawn.append(notice_id(wanted))

    async def _one(self, direction: Any, state: Any) -> str:
        """The name of a notice in a state; empty: there is none, or the node does not say."""
        request = pb.ListNoticesRequest(direction=direction, page_size=50)
        try:
            page = await self.site.call(
                f"{SERVICE}ListNotices",
                lambda node: node.questions.list_notices(self.caller, request),
                PATIENCE_SECONDS,
            )
        except Unavailable:
            return ""
        names = [each.name for each in page.notices if each.state == state]
        return self.random.choice(names) if names else ""

    async def _until_known(self, method: str, act: Any, given: Sequence[Given] = ()) -> Any:
        """Asks until there is an answer, or a refusal that is final; None: it was refused."""
        self.under_way = given
        try:
            while True:
                try:
                    return await self.site.call(SERVICE + method, act, self.random.uniform(0.5, PATIENCE_SECONDS))
                except AGAIN:
                    await asyncio.sleep(self.random.uniform(0.05, 2))
                except GatewayError:
                    return None
        finally:
            self.under_way = ()


def drawn_acts(random: Random, count: int) -> list[str]:
    """What an office does in a schedule."""
    return random.choices(["give", "give several", "acknowledge", "withdraw"], [5, 1, 3, 1], k=count)


class Watcher:
    """Watches everything that happens at a node, and goes on from the last cursor whenever its stream ends."""

    def __init__(self, office: Office) -> None:
        self.site, self.caller, self._random = office.site, office.caller, office.random
        self.seen: list[bytes] = []
        self._cursor = ""
        self._restored = 0

    def is_told(self) -> bool:
        """Whether it was told of all that there is."""
        running = self.site.running
        if not running or not self._cursor or self._restored < self.site.restored:
            return False
        return running.tokens.cursor_position(self._cursor) >= running.bulletin.commit.counters.cursor

    async def run(self) -> None:
        while True:
            try:
                await self._watch()
            except GatewayError:
                await asyncio.sleep(self._random.uniform(0.05, 1))

    async def _watch(self) -> None:
        stream: asyncio.Queue[WatchEventsResponse] = asyncio.Queue(8)
        if self._restored < self.site.restored:  # cursors begin anew
            self._restored, self._cursor = self.site.restored, ""
            self.seen.clear()
        request = WatchEventsRequest(cursor=self._cursor)

        async def watch(node: Running) -> pb.Notice:
            async for response in node.questions.watch_events(self.caller, request):
                await stream.put(response)
            return pb.Notice()

        calling = asyncio.create_task(
            self.site.call("/regulator.exchange.v1.EventService/WatchEvents", watch, self._random.uniform(1, 60))
        )
        reading = asyncio.create_task(self._read(stream))
        try:
            await calling  # what is still in the queue when the stream ends is lost on its way
        finally:
            reading.cancel()
            calling.cancel()

    async def _read(self, stream: "asyncio.Queue[WatchEventsResponse]") -> None:
        while True:
            response = await stream.get()
            if response.HasField("event"):
                self.seen.append(response.event.SerializeToString(deterministic=True))
            self._cursor = response.cursor
