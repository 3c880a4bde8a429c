"""What the filters of a list may name: a list that is empty because one of them names nothing says so.

Only a list that found nothing is looked at. So whatever was right once still lists what it is of: an authority that is
none any more, a peer whose pairing has ended, a method of an earlier version.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from google.protobuf.message import Message
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.peer_service_pb2 import DESCRIPTOR as PEER_FILE

from gateway.errors import BadInput, ConfigError, GatewayError, StoreError, Violation
from gateway.identity.access.access import METHOD_ROLES
from gateway.identity.pairing.parties import Parties
from gateway.journal.entries import OK
from gateway.moments import micros_of
from gateway.store.known import is_authority_known, is_jurisdiction_known, is_provision_known, is_topic_known
from gateway.store.readers import Readers
from gateway.supervision.disclosure import Scope
from gateway.supervision.frameworks.content import topic_fault
from gateway.supervision.rules.identifiers import sought_fault

MAX_TOLD = 100  # values of which one would be right; the rest is counted

Look = Callable[[Scope, str], Awaitable[str | None]]

_SPANS = (("release_time_from", "release_time_before"), ("time_from", "time_before"))
_WAYS = {
    Notice.RELEASED: Notice.OUTGOING,
    Notice.DELIVERED: Notice.OUTGOING,
    Notice.RECEIVED: Notice.INCOMING,
}  # of states that notices of one direction alone have


class Filters:
    """Looks at the filters of a list that found nothing.

    Args:
        parties: who exchanges
        readers: of the store
    """

    def __init__(self, parties: Parties, readers: Readers) -> None:
        self._parties, self._readers = parties, readers
        self.looks: Mapping[str, Look] = {
            "issuing_authority": self._authority,
            "requested_authority": self._authority,
            "peer": self._peer,
            "jurisdiction": self._jurisdiction,
            "first_jurisdiction": self._jurisdiction,
            "second_jurisdiction": self._jurisdiction,
            "assessor": self._jurisdiction,
            "topic": self._topic,
            "provision": self._provision,
            "subject_identifier": _at_once(sought_fault),
            "method": _at_once(_method_fault),
            "outcome": _at_once(_outcome_fault),
            "resource": _at_once(_resource_fault),
        }

    async def check(self, scope: Scope, request: Message) -> None:
        """Passes if every filter of a request can be right.

        Args:
            scope: of the caller: what it may not see makes nothing known to it
            request: for a list that found nothing, or for a watch, which is to find something

        Raises:
            BadInput: one names what there is not; tells what would be right.
        """
        found = [*_contradictions(request)]
        for field, value in request.ListFields():
            look = self.looks.get(field.name)
            if look and (fault := await look(scope, value)):
                found.append(Violation(field.name, fault))
        if found:
            raise BadInput(found)

    async def _authority(self, scope: Scope, code: str) -> str | None:
        known = {each for party in self._parties.all for each in party.authorities}
        if code in known or await self._readers.run(is_authority_known, scope, code):
            return None
        return _one_of(known)

    async def _peer(self, scope: Scope, code: str) -> str | None:
        peers = self._parties.peers
        if code == self._parties.jurisdiction or await self._jurisdiction(scope, code):
            return _one_of(peers) if peers else "must be empty: this node has no peer yet"
        return None

    async def _jurisdiction(self, _scope: Scope, code: str) -> str | None:
        known = {party.jurisdiction for party in self._parties.all}
        if code in known or await self._readers.run(is_jurisdiction_known, code):
            return None
        return _one_of(known)

    async def _topic(self, _scope: Scope, topic: str) -> str | None:
        fault = topic_fault(topic)
        is_known = fault is None or await self._readers.run(is_topic_known, topic)  # a peer's version may know more
        return None if is_known else fault

    async def _provision(self, _scope: Scope, name: str) -> str | None:
        if await self._readers.run(is_provision_known, name):
            return None
        return "must be a provision of a framework that is known here; ListProvisions gives them"


def _contradictions(request: Any) -> Iterator[Violation]:
    """Filters of which each is right, and that nothing fits."""
    fields = request.DESCRIPTOR.fields_by_name
    for first, last in _SPANS:
        is_span = first in fields and request.HasField(first) and request.HasField(last)
        if is_span and micros_of(getattr(request, first)) > micros_of(getattr(request, last)):
            yield Violation(last, f"must not be before {first}")
    if "direction" in fields and fields["state"].enum_type is Notice.State.DESCRIPTOR:
        way = request.direction
        if way and _WAYS.get(request.state, way) != way:
            fitting = [each for each in Notice.State.values() if each and _WAYS.get(each, way) == way]
            names = ", ".join(map(Notice.State.Name, fitting))
            yield Violation("state", f"must be one of {names} with {Notice.Direction.Name(way)}")


def _at_once(fault_of: Callable[[str], str | None]) -> Look:
    async def look(_scope: Scope, value: str) -> str | None:
        return fault_of(value)

    return look


def _one_of(known: Iterable[str]) -> str:
    values = sorted(known)
    more = f" and {len(values) - MAX_TOLD} more" if len(values) > MAX_TOLD else ""
    return f"must be one of {', '.join(values[:MAX_TOLD])}{more}"


# --- the journal ------------------------------------------------------------------------------------------------------

COLLECTIONS = frozenset(
    {"notices", "drafts", "frameworks", "assessments", "assistanceCases", "attachments", "peers", "channels"}
)  # with which the names of resources begin

_OF_PEERS = (method for service in PEER_FILE.services_by_name.values() for method in service.methods)
_METHODS = frozenset(METHOD_ROLES) | {f"/{each.containing_service.full_name}/{each.name}" for each in _OF_PEERS}
_SHORT = sorted({each.rpartition("/")[2] for each in _METHODS})


def _method_fault(method: str) -> str | None:
    if method in _METHODS or method in _SHORT:
        return None
    like = get_close_matches(method.rpartition("/")[2], _SHORT) or ["GetNotice"]
    return f"must be a method of this node, such as {' or '.join(like)}"


def _reasons(kind: type[GatewayError] = GatewayError) -> Iterator[str]:
    """The reasons with which calls are refused; what goes wrong inside a node has one for all (``rpc.status``)."""
    yield kind.reason
    for each in kind.__subclasses__():
        if each not in (StoreError, ConfigError):
            yield from _reasons(each)


def _outcome_fault(outcome: str) -> str | None:
    known: Collection[str] = {OK, *_reasons()}
    return None if outcome in known else _one_of(known)


def _resource_fault(name: str) -> str | None:
    collection = name.partition("/")[0]
    if "." in collection or collection in COLLECTIONS:  # a channel's origin begins with a domain
        return None
    known = ", ".join(f"{each}/" for each in sorted(COLLECTIONS))
    return f"must begin with one of {known}, or be the origin of a channel"
