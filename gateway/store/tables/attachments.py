"""The tables of files that notices name; ``tables`` has them with the others."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

from gateway.store.tables.base import BIG, metadata

DROPPED = "dropped"
"""Of ``attachments``: those that go; as their index has it."""

# Files that notices name, and files to come. `authority`, `peer`: whose they are, one of them empty. What is `dropped`
# is nobody's, and its chunks go one after the other. No log has the bytes: like drafts, they stay as they are.
attachments = Table(
    "attachments",
    metadata,
    Column("number", BIG, primary_key=True, autoincrement=False),
    Column("id", String(64), nullable=False),
    Column("authority", String(16), nullable=False),
    Column("peer", String(2), nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("size_bytes", BIG, nullable=False),
    Column("stored_bytes", BIG, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("dropped", Boolean, nullable=False),
    Column("touched_at", BIG, nullable=False),
    UniqueConstraint("id"),
)

# What the files of each owner amount to (`supervision.attachments.Totals`), without dropped ones: kept with each
# change, since adding up all files would take longer the more there are.
attachment_totals = Table(
    "attachment_totals",
    metadata,
    Column("authority", String(16), nullable=False),
    Column("peer", String(2), nullable=False),
    Column("whole_files", BIG, nullable=False),
    Column("whole_bytes", BIG, nullable=False),
    Column("coming_files", BIG, nullable=False),
    Column("coming_bytes", BIG, nullable=False),
    Column("arrived_bytes", BIG, nullable=False),
    PrimaryKeyConstraint("authority", "peer"),
)

# Their bytes, each chunk with its SHA-256.
attachment_chunks = Table(
    "attachment_chunks",
    metadata,
    Column("attachment", BIG, ForeignKey("attachments.number"), nullable=False),
    Column("index", Integer, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("attachment", "index"),
)

# What each notice names, in its order, and the row that has it; NULL: none does. Goes with the notice's content.
notice_attachments = Table(
    "notice_attachments",
    metadata,
    Column("notice", String(64), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("size_bytes", BIG, nullable=False),
    Column("attachment", BIG, ForeignKey("attachments.number")),
    PrimaryKeyConstraint("notice", "ordinal"),
)

Index(None, attachments.c.sha256)
Index(None, attachments.c.complete)
Index("ix_attachments_dropped", attachments.c.number, sqlite_where=text(DROPPED), postgresql_where=text(DROPPED))
Index(None, notice_attachments.c.attachment)
Index(None, notice_attachments.c.sha256)
