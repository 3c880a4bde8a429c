"""Between a draft and its row."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message
from regulator.exchange.v1.envelope_pb2 import Author
from sqlalchemy import RowMapping

from gateway.store.rows import enum_bits, enum_values
from gateway.supervision.approval import ActKind
from gateway.supervision.drafts import DraftRecord, Nature
from gateway.supervision.messages.drafts import REQUESTS
from gateway.supervision.outcomes import EventContent


def draft_row(record: DraftRecord) -> dict[str, Any]:
    """Gives the columns of ``drafts`` but ``sequence``."""
    reviewer = record.reviewer or Author()
    return {
        "id": record.id,
        "revision": record.revision,
        "state": record.state,
        "act": str(record.act),
        "request": record.request.SerializeToString() if record.request is not None else None,
        "authority": record.author.authority,
        "author_client": record.author.client,
        "author_officer": record.author.officer,
        "rule": record.nature.rule,
        "tlp": record.nature.tlp,
        "sectors": enum_bits(tuple(record.nature.sectors)),
        "kind": record.nature.kind,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "expires_at": record.expires_at,
        "submitted_at": record.submitted_at,
        "reviewed_at": record.reviewed_at,
        "reviewer_client": reviewer.client,
        "reviewer_officer": reviewer.officer,
        "reason": record.reason,
        "released": record.released,
        "salt": record.salt or None,
    }


def draft_record(row: RowMapping) -> DraftRecord:
    """Reads a row of ``drafts``."""
    act, authority = ActKind(row["act"]), row["authority"]
    reviewer = Author(authority=authority, client=row["reviewer_client"], officer=row["reviewer_officer"])
    return DraftRecord(
        id=row["id"],
        revision=row["revision"],
        state=row["state"],
        act=act,
        request=_request(act, row["request"]),
        author=Author(authority=authority, client=row["author_client"], officer=row["author_officer"]),
        nature=Nature(row["rule"], row["tlp"], frozenset(enum_values(row["sectors"])), row["kind"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        expires_at=row["expires_at"],
        submitted_at=row["submitted_at"],
        reviewed_at=row["reviewed_at"],
        reviewer=reviewer if reviewer.client else None,
        reason=row["reason"],
        released=row["released"],
        salt=bytes(row["salt"] or b""),
    )


def draft_event_rows(events: Sequence[EventContent], first: int) -> list[dict[str, Any]]:
    """Gives the rows of ``draft_events`` among events whose cursors begin with ``first``."""
    return [
        {
            "cursor": cursor,
            "draft": event.draft_id,
            "authority": event.authority,
            "tlp": event.tlp,
            "sectors": enum_bits(event.sectors),
        }
        for cursor, event in enumerate(events, first)
        if event.draft_id
    ]


def _request(act: ActKind, data: bytes | None) -> Message | None:
    return None if data is None else REQUESTS[act].FromString(bytes(data))
