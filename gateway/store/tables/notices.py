"""The tables of what is known of notices; ``tables`` has them with the others."""

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table, UniqueConstraint, text

from gateway.store.tables.base import BIG, metadata

UNATTACHED = "attachment_count > 0 AND attached_index IS NULL"
"""Of ``notices``: those whose receiver has not said yet that it holds all attachments; as its index has it."""

# What is known of a notice beside its content, which stays in `leaves`.
notices = Table(
    "notices",
    metadata,
    Column("sequence", BIG, primary_key=True, autoincrement=False),
    Column("id", String(64), nullable=False),
    Column("direction", Integer, nullable=False),
    Column("state", Integer, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("sender", String(2), nullable=False),
    Column("recipient", String(2), nullable=False),
    Column("issuing_authority", String(16), nullable=False),
    Column("sectors", Integer, nullable=False),  # bit n: sector n
    Column("urgency", Integer, nullable=False),
    Column("tlp", Integer, nullable=False),
    Column("channel", Integer, ForeignKey("channels.id"), nullable=False),
    Column("index", BIG, nullable=False),
    Column("released_at", BIG, nullable=False),
    Column("receipt_time", BIG),
    Column("acknowledged_channel", Integer),
    Column("acknowledged_index", BIG),
    Column("withdrawn_channel", Integer),
    Column("withdrawn_index", BIG),
    Column("superseded_by", String(64), nullable=False),
    Column("withdrawn_by", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("retain_until", Integer, nullable=False),  # 20260131; 0: no limit
    Column("destroyed_channel", Integer),
    Column("destroyed_index", BIG),
    Column("peer_destroyed_channel", Integer),
    Column("peer_destroyed_index", BIG),
    Column("onward_sharing", Integer, nullable=False),
    Column("permitted_uses", Integer, nullable=False),  # bit n: use n
    Column("attachment_count", Integer, nullable=False),
    Column("attached_channel", Integer),
    Column("attached_index", BIG),
    UniqueConstraint("id"),
    UniqueConstraint("channel", "index"),
)

# Identifiers of subjects and instruments, by which notices are found.
notice_identifiers = Table(
    "notice_identifiers",
    metadata,
    Column("identifier", String(64), nullable=False),
    Column("sequence", BIG, ForeignKey("notices.sequence"), nullable=False),
    PrimaryKeyConstraint("identifier", "sequence"),
)

Index(None, notices.c.state, notices.c.sequence)
Index(None, notices.c.kind, notices.c.sequence)
Index(None, notices.c.channel, notices.c.sequence)
Index(None, notices.c.released_at)
Index(None, notices.c.retain_until)
Index("ix_notices_unattached", notices.c.sequence, sqlite_where=text(UNATTACHED), postgresql_where=text(UNATTACHED))
