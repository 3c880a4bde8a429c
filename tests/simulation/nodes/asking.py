"""How a back office asks its node: again and again, under one request id, until it knows what became of it."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from google.protobuf.message import Message
from google.type.date_pb2 import Date
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.values_pb2 import Handling

from gateway.errors import GatewayError, Halted, Overloaded, Stale, Unavailable
from gateway.identity.access.access import Caller, Role
from gateway.node.subjects import Subjects
from tests.simulation.nodes.sealed import Key, key_of, mark_of
from tests.simulation.nodes.site import Site

SERVICE = "/regulator.exchange.v1."
AUTHORITIES = {"HK": "SFC", "KR": "FSS", "SG": "MAS"}
PATIENCE_SECONDS = 20.0
LOOKS, LOOK_SECONDS = 6, 1.0  # for something to act on
DAY_ONE = Date(year=2026, month=1, day=1)  # when a schedule begins

AGAIN = (Unavailable, Overloaded, Halted)  # it is asked again, under the same request_id

Call = Callable[[Subjects], Awaitable[Any]]


@dataclass(eq=False)
class Asked:
    """An act that an office asked for.

    Attributes:
        origins: channels in which it is sealed, once each
        mark: that its author wrote in it, and nobody else; empty: it has none
        key: of its envelopes, once it was answered; empty: it was not, or that was lost with the node's disk
        is_doubtful: a node went back to a backup meanwhile, so it may be there twice, or not
    """

    origins: Sequence[str]
    mark: str = ""
    key: Key = ()
    is_doubtful: bool = False


class Asking:
    """One back office at the door of its node, and what it asked for.

    Attributes:
        asked: every act, in the order in which it was asked for
    """

    def __init__(self, site: Site, system: str, random: Random) -> None:
        self.site, self.system, self.random = site, system, random
        self.authority = AUTHORITIES[site.name]
        client = f"spiffe://{site.parties.own.domain}/{self.authority}/{system}"
        self.caller = Caller(client, self.authority, frozenset(Role), Handling.RED)
        self.second = replace(self.caller, client=f"{client}-2")  # a colleague, who acts at the same time
        self.asked: list[Asked] = []
        self._under_way: list[Asked] = []
        self._lost: set[Key] = set()

    def mark(self) -> str:
        """A text that nobody else writes."""
        return f"{self.site.name} {self.system} {self.random.getrandbits(64):016x}."

    def request_id(self) -> str:
        return str(uuid.UUID(bytes=self.random.randbytes(16), version=4))

    def recipient(self) -> str:
        return self.random.choice(sorted(self.site.parties.peers))

    def new(self, *recipients: str, mark: str = "") -> Asked:
        """An act that will be asked for, in the channels to these."""
        asked = Asked([self.site.parties.origin_to(each) for each in recipients], mark)
        self.asked.append(asked)
        return asked

    async def until_known(self, method: str, act: Call, *asked: Asked) -> Any:
        """Asks until there is an answer, or a refusal that is final; None: it was refused."""
        self._under_way += asked
        try:
            while True:
                try:
                    return await self.site.call(SERVICE + method, act, self.random.uniform(0.5, PATIENCE_SECONDS))
                except AGAIN:
                    await asyncio.sleep(self.random.uniform(0.05, 2))
                except GatewayError as error:
                    self.site.refused(method, error)
                    return None
        finally:
            for each in asked:
                self._under_way.remove(each)

    async def find(self, method: str, ask: Call, of: Callable[[Any], Sequence[Message]], looks: int = LOOKS) -> Any:
        """One of what a page holds, after some looks for it; None: there is none, or the node does not say."""
        for look in range(looks):
            if look:
                await asyncio.sleep(self.random.uniform(0, 2 * LOOK_SECONDS))
            try:
                found = of(await self.site.call(SERVICE + method, ask, PATIENCE_SECONDS))
            except (*AGAIN, Stale):
                continue
            if found:
                return self.random.choice(found)
        return None

    def forget(self, lost: Sequence[Envelope]) -> None:
        """The node went back to a backup, and these envelopes had not arrived: nobody may count on them."""
        keys = {key_of(each) for each in lost}
        self._lost |= keys  # of some of them the answer is still on its way
        marks = {mark_of(each) for each in lost}
        for each in self._under_way:
            each.is_doubtful = True
        for each in self.asked:
            if each.key in keys or each.mark in marks - {""}:
                each.key, each.is_doubtful = (), True

    def check(self, logs: "dict[str, Keyed]") -> Iterator[str]:
        """Each answered act is sealed once in each of its channels; one without an answer at most once (G1, G4).

        What is for all goes to those that are paired then, who may be others than when it was asked for.
        """
        to_all = [self.site.parties.origin_to(peer) for peer in self.site.parties.peers]
        for each in self.asked:
            lacking = [origin for origin in each.origins if each.key and each.key not in logs[origin].by_key]
            is_sealed = any(each.key in logs[origin].by_key for origin in to_all)
            if each.key not in self._lost and not (self.site.peers_changed and is_sealed):
                yield from (f"{each.key}: answered, and not sealed in {origin} (G1)" for origin in lacking)
            for origin in each.origins:
                log = logs[origin]
                if each.mark and not each.is_doubtful and len(log.by_mark.get(each.mark, ())) > 1:
                    yield f"{each.mark}: sealed {len(log.by_mark[each.mark])} times in {origin} (G4)"


class Keyed:
    """The envelopes of one channel, by what they do.

    Attributes:
        by_key, by_mark: where they stand
    """

    def __init__(self, envelopes: Sequence[Envelope]) -> None:
        self.envelopes = envelopes
        self.by_key: dict[Key, list[int]] = {}
        self.by_mark: dict[str, list[int]] = {}
        for index, envelope in enumerate(envelopes):
            self.by_key.setdefault(key_of(envelope), []).append(index)
            if mark := mark_of(envelope):
                self.by_mark.setdefault(mark, []).append(index)
