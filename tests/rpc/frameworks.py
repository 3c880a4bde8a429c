"""What tests of ``FrameworkService`` share."""

import itertools

from regulator.exchange import Client, NotFound
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.framework_service_pb2 import FrameworkVersion

from tests.support.nodes import Site, eventually

_NUMBERS = itertools.count(1)


def unused_id() -> str:
    """The id of a framework of Hong Kong that no other test has."""
    return f"hk-t{next(_NUMBERS)}"


def arrived(client: Client, framework: str, number: int = 1) -> FrameworkVersion:
    """The version as the peer knows it, once it does."""

    def known() -> bool:
        try:
            client.get_version(framework, number)
        except NotFound:
            return False
        return True

    eventually(known)
    return client.get_version(framework, number, full=True)


def ids(client: Client, framework: str, **filters) -> list[str]:
    return [each.provision.id for each in client.list_provisions(framework, **filters)]


def told(site: Site, **filters) -> list[Event]:
    """All events so far that a watcher with these filters is told."""
    found = []
    with site.client() as client, client.watch_events(**filters) as watch:
        for response in watch:
            if not response.HasField("event"):
                return found
            found.append(response.event)
    raise AssertionError("the watch ended by itself")
