"""Back offices: they do one thing after the other, and watch what is told."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from random import Random

from regulator.exchange.v1 import notice_service_pb2 as pb
from regulator.exchange.v1.event_service_pb2 import WatchEventsRequest, WatchEventsResponse

from gateway.errors import GatewayError
from gateway.node.subjects import Subjects
from tests.simulation.nodes.asking import Asking, Keyed
from tests.simulation.nodes.assessing import Assessments
from tests.simulation.nodes.assisting import Assistance
from tests.simulation.nodes.attaching import Files
from tests.simulation.nodes.drafting import Drafts
from tests.simulation.nodes.noticing import Notices
from tests.simulation.nodes.publishing import Versions
from tests.simulation.nodes.sharing import Sharing
from tests.simulation.nodes.site import Site

LONGEST_PAUSE_SECONDS = 1.5

THEMES: Sequence[dict[str, int]] = (
    {"give": 5, "give several": 1, "acknowledge": 3, "withdraw": 1},
    {"draft": 4, "review": 4, "rewrite": 1, "give": 1, "publish": 2, "assess": 2},
    {"give": 3, "ask to share": 1, "ask and share": 3, "decide": 4, "share": 1},
    {"attach": 4, "give": 1, "acknowledge": 2, "withdraw": 1},
    {"give": 2, "attach": 1, "acknowledge": 1, "draft": 1, "review": 2, "publish": 1, "assess": 1, "ask and share": 1},
    {"ask for help": 3, "help": 6, "correct help": 3, "acknowledge": 1, "withdraw": 1},
)


class Office(Asking):
    """One back office of a node, with all that it can do.

    Attributes:
        done: it has done all that it was to do
    """

    def __init__(self, site: Site, system: str, random: Random, acts: Sequence[str]) -> None:
        super().__init__(site, system, random)
        self._acts, self.done = acts, False
        self.notices = Notices(self)
        self.drafts = Drafts(self, self.notices)
        versions = Versions(self, self.drafts, needs_approval=site.publishes_by_draft)
        self._known: dict[str, Callable[[], Awaitable[None]]] = {
            **self.notices.acts,
            **self.drafts.acts,
            **versions.acts,
            **Assessments(self).acts,
            **Sharing(self, self.notices).acts,
            **Files(self, self.notices).acts,
            **Assistance(self, self.notices).acts,
        }

    async def run(self) -> None:
        while not self.site.parties.peers:  # noqa: ASYNC110 - what operators do, no event tells
            await asyncio.sleep(1)
        for act in self._acts:
            await asyncio.sleep(self.random.uniform(0, LONGEST_PAUSE_SECONDS))
            await self._known[act]()
        self.done = True

    def check(self, logs: dict[str, Keyed]) -> Iterator[str]:
        """Tells what became otherwise of what it asked for than it was answered."""
        yield from super().check(logs)
        yield from self.notices.check(logs)


def drawn_acts(random: Random, theme: dict[str, int], count: int) -> list[str]:
    """What an office does in a schedule."""
    return random.choices(list(theme), list(theme.values()), k=count)


class Watcher:
    """Watches everything that happens at a node, and goes on from the last cursor whenever its stream ends."""

    def __init__(self, office: Office) -> None:
        self.site, self.caller, self._random = office.site, office.caller, office.random
        self.seen: list[bytes] = []
        self._cursor = ""
        self._begun_anew = 0

    def is_told(self) -> bool:
        """Whether it was told of all that there is."""
        running = self.site.running
        if not running or not self._cursor or self._begun_anew < self.site.begun_anew:
            return False
        ((newest,),) = self.site.disk.read("SELECT max(cursor) FROM events")
        known = running.core.bulletin.commit.counters.cursor  # of a commit that is durable and not told yet, it is less
        return running.subjects.tokens.cursor_position(self._cursor) >= known >= (newest or 0)

    async def run(self) -> None:
        while True:
            try:
                await self._watch()
            except GatewayError:
                await asyncio.sleep(self._random.uniform(0.05, 1))

    async def _watch(self) -> None:
        stream: asyncio.Queue[WatchEventsResponse] = asyncio.Queue(8)
        if self._begun_anew < self.site.begun_anew:
            self._begun_anew, self._cursor = self.site.begun_anew, ""
            self.seen.clear()
        request = WatchEventsRequest(cursor=self._cursor)

        async def watch(node: Subjects) -> pb.Notice:
            async for response in node.events.watch_events(self.caller, request):
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
