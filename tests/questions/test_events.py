"""Who is told which events, and what a watch reads."""

import asyncio
from types import SimpleNamespace

import pytest
from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsRequest

from gateway.identity.access.access import Caller, Role
from gateway.questions.events import EventQuestions, hidden_kinds
from gateway.questions.filters import Filters
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.state import Counters
from tests.store.stores import parties_of

EVERY = set(Event.Kind.values())
OF_THE_NODE = {Event.ALARM, Event.CERTIFICATE_EXPIRING, Event.PAIRING_ENDED, Event.PAIRING_RESUMED}
OF_DRAFTS = {kind for kind in EVERY if Event.Kind.Name(kind).startswith("DRAFT")}
OF_SHARING = {Event.SHARING_REQUESTED, Event.SHARING_DECIDED, Event.CONTENT_SHARED}


@pytest.mark.parametrize(
    ("roles", "hidden"),
    [
        ({Role.AUTHOR}, OF_THE_NODE),
        ({Role.READER}, OF_THE_NODE | OF_DRAFTS),
        ({Role.AUDITOR}, set()),
        ({Role.READER, Role.OPERATOR}, OF_DRAFTS),
        ({Role.APPROVER}, EVERY - OF_DRAFTS - OF_SHARING),
        (set(), EVERY),
    ],
)
def test_the_node_is_for_operators_and_auditors_and_what_is_decided_for_those_who_decide(roles, hidden):
    assert hidden_kinds(roles) == hidden


def test_an_operator_alone_is_told_nothing_of_what_travels():
    seen = EVERY - hidden_kinds({Role.OPERATOR})
    assert seen >= OF_THE_NODE | {Event.CHANNEL_HALTED, Event.SEAL_ROTATED}
    assert not {kind for kind in seen if Event.Kind.Name(kind).startswith(("NOTICE", "FRAMEWORK", "ENVELOPE", "DRAFT"))}


class Committed:
    """A bulletin whose commits a test makes, and readers that count how often they are asked, and find nothing."""

    def __init__(self) -> None:
        self.closed, self.reads = False, 0
        self.commit = SimpleNamespace(counters=Counters(cursor=0, sequence=0))
        self._next = asyncio.Event()

    def next(self) -> asyncio.Event:
        return self._next

    async def make(self, events: int) -> None:
        """Makes a commit with so many events, and lets watches take it in."""
        self.commit = SimpleNamespace(counters=Counters(self.commit.counters.cursor + events, 0))
        woken, self._next = self._next, asyncio.Event()
        woken.set()
        for _ in range(10):
            await asyncio.sleep(0)

    async def catch_up(self) -> None:
        """There is no other replica."""

    async def run(self, *_: object) -> list[object]:
        self.reads += 1
        return []

    at_once = run


async def test_a_watch_reads_after_commits_with_events_alone():
    committed = Committed()
    tokens = SealedTokens(bytes(32), bytes)
    questions = EventQuestions(
        committed, committed, tokens, lambda _origin, _index: "", Filters(parties_of("HK"), committed)
    )
    caller = Caller("spiffe://gateway.hk.example/SFC/office", "SFC", frozenset({Role.READER}))
    watch = questions.watch_events(caller, WatchEventsRequest(from_now=True))
    assert (await anext(watch)).cursor
    waiting = asyncio.create_task(anext(watch))
    await committed.make(events=0)
    assert committed.reads == 0
    await committed.make(events=1)
    await committed.make(events=0)
    assert committed.reads == 1
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
