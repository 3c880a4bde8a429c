"""The file below the rows: a damaged page may leave all rows as they are, and an index that no longer finds them."""

from sqlalchemy import Connection

from gateway.store.reverify.report import MAX_FINDINGS, Findings

SOUND = "ok"


def check_file(connection: Connection, findings: Findings) -> None:
    """Has SQLite check its own file. A server's files are its administrator's to check (``pg_amcheck``)."""
    if connection.dialect.name != "sqlite":
        return
    for fault in connection.exec_driver_sql(f"PRAGMA integrity_check({MAX_FINDINGS})").scalars():
        if fault != SOUND:
            findings.add("database", " ".join(fault.split()))
