"""Between what is known of a notice and its row."""

from collections.abc import Mapping
from typing import Any

from gateway.store.prepared import Row
from gateway.supervision.notices.records import NoticeRecord, Place

LATER_ACTS = ("acknowledged", "withdrawn", "destroyed", "peer_destroyed", "attached")
"""What may happen to a notice once it is given: of each, the row has where its envelope stands."""

_PLACES = [(f"{act}_at", f"{act}_channel", f"{act}_index") for act in LATER_ACTS]

CHANGING = (
    *("state", "receipt_time", "superseded_by", "withdrawn_by", "revision"),
    *(column for _, channel, index in _PLACES for column in (channel, index)),
)
"""The columns of ``notices`` that are not for ever what they are at first."""


def notice_row(sequence: int, record: NoticeRecord, ids: Mapping[str, int]) -> dict[str, Any]:
    """Gives the columns of ``notices``; ``ids`` has the id of each channel by origin."""
    return {
        "sequence": sequence,
        "id": record.id,
        "direction": record.direction,
        "kind": record.kind,
        "sender": record.sender,
        "recipient": record.recipient,
        "issuing_authority": record.issuing_authority,
        "sectors": enum_bits(record.sectors),
        "urgency": record.urgency,
        "tlp": record.tlp,
        "channel": ids[record.origin],
        "index": record.index,
        "released_at": record.released_at,
        "retain_until": record.retain_until,
        "onward_sharing": record.onward_sharing,
        "permitted_uses": enum_bits(record.permitted_uses),
        "attachment_count": record.attachment_count,
        **changing_columns(record, ids),
    }


def changing_columns(record: NoticeRecord, ids: Mapping[str, int]) -> dict[str, Any]:
    """Gives the columns that later facts change, which are ``CHANGING``."""
    columns: dict[str, Any] = {
        "state": record.state,
        "receipt_time": record.receipt_time,
        "superseded_by": record.superseded_by,
        "withdrawn_by": record.withdrawn_by,
        "revision": record.revision,
    }
    for attribute, channel, index in _PLACES:
        place: Place | None = getattr(record, attribute)
        columns[channel], columns[index] = (ids[place.origin], place.index) if place else (None, None)
    return columns


def notice_record(row: Row, origins: Mapping[int, str]) -> NoticeRecord:
    """Reads a row of ``notices``; its identifiers, which no rule asks for, stay in their own table."""
    return NoticeRecord(
        id=row["id"],
        direction=row["direction"],
        state=row["state"],
        kind=row["kind"],
        sender=row["sender"],
        recipient=row["recipient"],
        issuing_authority=row["issuing_authority"],
        sectors=enum_values(row["sectors"]),
        urgency=row["urgency"],
        tlp=row["tlp"],
        origin=origins[row["channel"]],
        index=row["index"],
        released_at=row["released_at"],
        receipt_time=row["receipt_time"],
        acknowledged_at=_place("acknowledged", row, origins),
        withdrawn_at=_place("withdrawn", row, origins),
        superseded_by=row["superseded_by"],
        withdrawn_by=row["withdrawn_by"],
        revision=row["revision"],
        identifiers=(),
        retain_until=row["retain_until"],
        destroyed_at=_place("destroyed", row, origins),
        peer_destroyed_at=_place("peer_destroyed", row, origins),
        onward_sharing=row["onward_sharing"],
        permitted_uses=enum_values(row["permitted_uses"]),
        attachment_count=row["attachment_count"],
        attached_at=_place("attached", row, origins),
    )


def enum_bits(values: tuple[int, ...]) -> int:
    """Gives a number in which bit n stands for the value n of an enum: a sector, a use."""
    bits = 0
    for value in values:
        bits |= 1 << value
    return bits


def enum_values(number: int) -> tuple[Any, ...]:
    """Reads such a number; the values come in their order."""
    return tuple(value for value in range(number.bit_length()) if number >> value & 1)


def _place(fact: str, row: Row, origins: Mapping[int, str]) -> Place | None:
    channel, index = row[f"{fact}_channel"], row[f"{fact}_index"]
    return None if channel is None or index is None else Place(origins[channel], index)
