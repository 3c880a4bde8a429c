"""Compares the rows of onward sharing with what the envelopes amount to."""

from sqlalchemy import Connection, func, select

from gateway.store.reverify.report import Findings
from gateway.store.reverify.sharing_fold import SharingFold
from gateway.store.scanning import rows
from gateway.store.tables import events, sharing_acts


def check_sharing(connection: Connection, fold: SharingFold, findings: Findings) -> int:
    """Every act has its row, keyed by its event, and every row its act; gives the number of rows."""
    missing, count = dict(fold.rows), 0
    told = (events.c.channel == sharing_acts.c.channel) & (events.c.index == sharing_acts.c.index)
    cursor = select(func.max(events.c.cursor)).where(told, events.c.kind == sharing_acts.c.kind).scalar_subquery()
    for row in rows(connection, select(sharing_acts, cursor.label("told")), sharing_acts.c.cursor):
        count += 1
        where = f"sharing_acts {row['cursor']}"
        expected = missing.pop((row["channel"], row["index"]), None)
        if expected is None:
            findings.add(where, "is of no envelope that is here, and can be used")
            continue
        findings.compare(where, row, expected | {"cursor": row["told"]})
    for channel, index in sorted(missing):
        findings.add(f"sharing_acts of {channel} {index}", "is missing", "a row for its envelope")
    return count
