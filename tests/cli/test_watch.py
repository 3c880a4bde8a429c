"""``gateway notice watch``, asked with a watch that ends."""

from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsResponse
from regulator.exchange.v1.values_pb2 import SECTOR_CUSTODY

from tests.cli.transcripts import Ran, run

TIME = Timestamp(seconds=1_767_225_600)
EVENTS = [
    Event(kind=Event.NOTICE_RECEIVED, time=TIME, notice="notices/kr-1"),
    Event(kind=Event.FRAMEWORK_VERSION_PUBLISHED, time=TIME, framework="frameworks/hk-x", framework_version=2),
]


class Watched:
    cursor = ""

    def __enter__(self) -> Iterator[WatchEventsResponse]:
        return iter(WatchEventsResponse(event=each) for each in EVENTS)

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def watch(cursor: str, kinds: list[int], **more: Any) -> Watched:
        found.update(more, cursor=cursor, kinds=kinds)
        return Watched()

    monkeypatch.setattr("gateway.cli.watch.connect", lambda _: nullcontext(SimpleNamespace(watch_events=watch)))
    return found


def watching(*options: str) -> Ran:
    return run("notice", "watch", "--profile", "desk.toml", *options)


def test_what_is_not_asked_for_is_no_filter(asked):
    assert watching("--from-now").code == 0
    assert asked == {"cursor": "", "kinds": [], "from_now": True}


def test_rules_are_followed_by_whose_they_are_whom_they_bind_and_what_they_answer_to(asked):
    watching("--jurisdiction", "HK", "--sector", "custody", "--topic", "reserve_assets", "--kind", "provision_in_force")
    rules = {"jurisdiction": "HK", "sector": SECTOR_CUSTODY, "topic": "reserve_assets"}
    assert asked == rules | {"cursor": "", "kinds": [Event.PROVISION_IN_FORCE], "from_now": False}


@pytest.mark.usefixtures("asked")
def test_what_events_are_about_stands_in_one_column():
    first, second = watching().out.splitlines()
    assert first.index("kr-1") == second.index("hk-x/versions/2")
