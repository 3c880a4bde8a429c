"""Between what a node keeps of a file and its row."""

from collections.abc import Iterable
from functools import reduce
from typing import Any

from sqlalchemy import RowMapping

from gateway.supervision.attachments import AttachmentRecord, Owner, Totals


def attachment_row(record: AttachmentRecord) -> dict[str, Any]:
    """Gives the columns of ``attachments``."""
    return {
        "number": record.number,
        "id": record.id,
        "authority": record.owner.authority,
        "peer": record.owner.peer,
        "sha256": record.sha256,
        "size_bytes": record.size_bytes,
        "stored_bytes": record.stored_bytes,
        "complete": record.is_complete,
        "dropped": record.is_dropped,
        "touched_at": record.touched_at,
    }


def attachment_record(row: RowMapping) -> AttachmentRecord:
    """Reads a row of ``attachments``."""
    return AttachmentRecord(
        number=row["number"],
        id=row["id"],
        owner=Owner(row["authority"], row["peer"]),
        sha256=bytes(row["sha256"]),
        size_bytes=row["size_bytes"],
        stored_bytes=row["stored_bytes"],
        is_complete=bool(row["complete"]),
        is_dropped=bool(row["dropped"]),
        touched_at=row["touched_at"],
    )


def totals_in(rows: Iterable[RowMapping]) -> Totals:
    """Reads rows of ``attachment_totals``, and adds them."""
    return reduce(Totals.plus, (Totals(*map(row.__getitem__, Totals._fields)) for row in rows), Totals())
