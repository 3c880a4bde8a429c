"""The row of an event: the one form of it, whoever tells it."""

from typing import Any

from gateway.supervision.notices.content import NAME_PREFIX
from gateway.supervision.outcomes import EventContent


def event_row(event: EventContent, cursor: int, now: int, channel: int | None, index: int) -> dict[str, Any]:
    """Gives the row of an event.

    Args:
        event: what it tells
        cursor: its own
        now: microseconds since 1970
        channel: id of the channel of its envelope; None: it is the node's own
        index: of that envelope
    """
    return {
        "cursor": cursor,
        "committed_at": now,
        "kind": event.kind,
        "notice": event.notice.removeprefix(NAME_PREFIX),
        "notice_kind": event.notice_kind,
        "channel": channel,
        "index": index,
        "detail": event.detail,
    }
