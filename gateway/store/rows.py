"""Between what is known of a notice and its row."""

from collections.abc import Mapping
from typing import Any

from gateway.store.prepared import Row
from gateway.supervision.records import NoticeRecord, Place


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
    """Gives the columns that later facts change."""
    acknowledged, withdrawn = _columns(record.acknowledged_at, ids), _columns(record.withdrawn_at, ids)
    destroyed, peer_destroyed = _columns(record.destroyed_at, ids), _columns(record.peer_destroyed_at, ids)
    attached = _columns(record.attached_at, ids)
    return {
        "state": record.state,
        "receipt_time": record.receipt_time,
        "acknowledged_channel": acknowledged[0],
        "acknowledged_index": acknowledged[1],
        "withdrawn_channel": withdrawn[0],
        "withdrawn_index": withdrawn[1],
        "destroyed_channel": destroyed[0],
        "destroyed_index": destroyed[1],
        "peer_destroyed_channel": peer_destroyed[0],
        "peer_destroyed_index": peer_destroyed[1],
        "attached_channel": attached[0],
        "attached_index": attached[1],
        "superseded_by": record.superseded_by,
        "withdrawn_by": record.withdrawn_by,
        "revision": record.revision,
    }


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


def _columns(place: Place | None, ids: Mapping[str, int]) -> tuple[int | None, int | None]:
    return (ids[place.origin], place.index) if place else (None, None)


def _place(fact: str, row: Row, origins: Mapping[int, str]) -> Place | None:
    channel, index = row[f"{fact}_channel"], row[f"{fact}_index"]
    return None if channel is None or index is None else Place(origins[channel], index)
