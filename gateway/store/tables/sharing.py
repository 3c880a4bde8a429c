"""The table of what is known of onward sharing; ``tables`` has it with the others."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from gateway.store.tables.base import BIG, metadata

# What is known of the onward sharing of notices: a row for each envelope of it, never changed; the words stay in
# `leaves`. `cursor`: of the event that told it, whose kind is `kind`.
sharing_acts = Table(
    "sharing_acts",
    metadata,
    Column("cursor", BIG, primary_key=True, autoincrement=False),
    Column("kind", Integer, nullable=False),
    Column("notice", String(64), nullable=False),
    Column("consent", String(32), nullable=False),  # id within the notice; empty of a share under none
    Column("share", String(32), nullable=False),  # id within the notice; empty if it is none
    Column("decision", Integer, nullable=False),  # number; of a share, of the one that it is under; else 0
    Column("is_granted", Boolean, nullable=False),
    Column("valid_until", Integer, nullable=False),  # 20260131; 0: no limit
    Column("is_covered", Boolean, nullable=False),
    Column("channel", Integer, ForeignKey("channels.id"), nullable=False),
    Column("index", BIG, nullable=False),
    UniqueConstraint("channel", "index"),
)

Index(None, sharing_acts.c.notice, sharing_acts.c.cursor)
Index(None, sharing_acts.c.kind, sharing_acts.c.cursor)
