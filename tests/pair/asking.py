"""What tests of whole nodes give to them, and ask of them."""

from regulator.exchange.v1.admin_service_pb2 import Channel
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.journal_pb2 import JournalEntry

from tests.cli.transcripts import run
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually

Told = dict[str, bytes]
"""Each notice of a node as it tells it, by name, without what time changes."""


def give(site: Site, recipient: str, count: int = 1) -> list[str]:
    authority = "SFC" if site.jurisdiction == "HK" else "FSS"
    with site.client(authority) as client:
        return [
            client.create_notice(content(issuing_authority=authority), recipient=recipient).name for _ in range(count)
        ]


def told(site: Site) -> Told:
    with site.client() as client:
        return {each.name: each.content.SerializeToString() for each in client.list_notices(page_size=1000)}


def settled(site: Site) -> bool:
    """Whether all of its channels are open, and all of its own has a receipt."""
    with site.client() as client:
        return all(each.state == Channel.OPEN and each.receipted_size == each.size for each in client.list_channels())


def in_step(one: Site, other: Site) -> bool:
    """Whether both are settled, and hold as much of each channel: what leads to one that lost something comes later."""
    return settled(one) and settled(other) and _sizes(one) == _sizes(other)


def _sizes(site: Site) -> dict[str, int]:
    with site.client() as client:
        return {each.name: each.size for each in client.list_channels()}


def exchanged(hk: Site, kr: Site) -> None:
    give(hk, "KR", 3)
    give(kr, "HK", 2)
    eventually(lambda: in_step(hk, kr))


def done(*arguments: object) -> str:
    ran = run(*arguments)
    assert ran.code == 0, ran.text()
    return ran.out


def events(site: Site, kind: Event.Kind.ValueType) -> list[Event]:
    with site.client() as client, client.watch_events(kinds=[kind]) as watch:
        found = []
        for response in watch:
            if not response.HasField("event"):
                return found
            found.append(response.event)
    return found


def is_told(site: Site, alarm: str) -> bool:
    """Whether an alarm of a node said so; others may have come after it."""
    return any(alarm in each.detail for each in events(site, Event.ALARM))


def journal(site: Site) -> list[JournalEntry]:
    with site.client() as client:
        return [each.entry for each in client.list_journal_entries(page_size=1000)]


def checked(*sites: Site) -> None:
    for site in sites:
        assert done("check", site.home.path).endswith("everything verifies\n")
