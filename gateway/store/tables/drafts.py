"""The tables of drafts, and of what events tell of them; ``tables`` has them with the others."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from gateway.store.tables.base import BIG, metadata

# Acts that wait for a second person, and what became of them. No log has them: like requests, they stay as they are.
drafts = Table(
    "drafts",
    metadata,
    Column("sequence", BIG, primary_key=True, autoincrement=False),
    Column("id", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", Integer, nullable=False),
    Column("act", String(32), nullable=False),  # a field of Draft.act
    Column("request", LargeBinary),  # the serialized request of its method; NULL once released or expired
    Column("authority", String(16), nullable=False),
    Column("author_client", String(2048), nullable=False),
    Column("author_officer", String(1024), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("tlp", Integer, nullable=False),
    Column("sectors", Integer, nullable=False),  # bit n: sector n
    Column("kind", Integer, nullable=False),  # of notice
    Column("created_at", BIG, nullable=False),
    Column("updated_at", BIG, nullable=False),
    Column("expires_at", BIG, nullable=False),
    Column("submitted_at", BIG),
    Column("reviewed_at", BIG),
    Column("reviewer_client", String(2048), nullable=False),  # this and the next: empty before a review
    Column("reviewer_officer", String(1024), nullable=False),
    Column("reason", String, nullable=False),
    Column("released", String(160), nullable=False),  # name of what it became; empty before
    Column("salt", LargeBinary),  # of what the access journal tells of the act; NULL once released or expired
    UniqueConstraint("id"),
)

# What events about drafts say beside, and who may see them.
draft_events = Table(
    "draft_events",
    metadata,
    Column("cursor", BIG, ForeignKey("events.cursor"), primary_key=True, autoincrement=False),
    Column("draft", String(64), nullable=False),
    Column("authority", String(16), nullable=False),
    Column("tlp", Integer, nullable=False),
    Column("sectors", Integer, nullable=False),  # bit n: sector n
)

Index(None, drafts.c.authority, drafts.c.sequence)
Index(None, drafts.c.state, drafts.c.expires_at)
