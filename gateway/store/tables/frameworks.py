"""The tables of what is known of each jurisdiction's rules; ``tables`` has them with the others."""

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from gateway.store.tables.base import BIG, metadata

# By which frameworks are listed: on every server in the order of the letters' numbers, as everywhere else.
LISTED = String(64).with_variant(String(64, collation="C"), "postgresql")

# What events about rules say beside: whose rules, and which. `topics`: each between spaces.
framework_events = Table(
    "framework_events",
    metadata,
    Column("cursor", BIG, ForeignKey("events.cursor"), primary_key=True, autoincrement=False),
    Column("jurisdiction", String(2), nullable=False),
    Column("framework", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("provision", String(64), nullable=False),
    Column("assessment", String(64), nullable=False),
    Column("sectors", Integer, nullable=False),  # bit n: sector n
    Column("topics", String, nullable=False),
)

# Versions of frameworks, one for each channel; their content stays in `leaves`. `cursor`: of the event that told it.
framework_versions = Table(
    "framework_versions",
    metadata,
    Column("cursor", BIG, primary_key=True, autoincrement=False),
    Column("framework", LISTED, nullable=False),
    Column("version", Integer, nullable=False),
    Column("base_version", Integer, nullable=False),
    Column("direction", Integer, nullable=False),
    Column("jurisdiction", String(2), nullable=False),
    Column("recipient", String(2), nullable=False),
    Column("provision_count", Integer, nullable=False),
    Column("channel", Integer, ForeignKey("channels.id"), nullable=False),
    Column("index", BIG, nullable=False),
    Column("sealed_at", BIG, nullable=False),
    Column("receipt_time", BIG),
    UniqueConstraint("channel", "index"),
    UniqueConstraint("framework", "channel", "version"),
)

# Provisions of versions, in the publisher's order, so that a page of them is read without the whole version.
provisions = Table(
    "provisions",
    metadata,
    Column("cursor", BIG, ForeignKey("framework_versions.cursor"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("id", String(64), nullable=False),
    Column("sector", Integer, nullable=False),
    Column("topic", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("effective_from", Integer, nullable=False),  # 20260131
    Column("data", LargeBinary, nullable=False),  # the serialized Provision
    PrimaryKeyConstraint("cursor", "ordinal"),
)

# Assessments; their content stays in `leaves`. `cursor`: of the event that told it.
assessments = Table(
    "assessments",
    metadata,
    Column("cursor", BIG, primary_key=True, autoincrement=False),
    Column("id", String(64), nullable=False),
    Column("direction", Integer, nullable=False),
    Column("assessor", String(2), nullable=False),
    Column("recipient", String(2), nullable=False),
    Column("sector", Integer, nullable=False),
    Column("topic", String(64), nullable=False),
    Column("first_provision", String(160), nullable=False),  # names of a pair in order of their letters; else empty
    Column("second_provision", String(160), nullable=False),
    Column("outcome", Integer, nullable=False),
    Column("supersedes", String(64), nullable=False),
    Column("superseded_by", String(64), nullable=False),
    Column("channel", Integer, ForeignKey("channels.id"), nullable=False),
    Column("index", BIG, nullable=False),
    Column("sealed_at", BIG, nullable=False),
    Column("receipt_time", BIG),
    UniqueConstraint("id"),
    UniqueConstraint("channel", "index"),
)

# Up to which day events have told what comes into force; at most one row. Like events, it is not made anew.
told_days = Table("told_days", metadata, Column("until", Integer, primary_key=True, autoincrement=False))  # 20260131

Index(None, provisions.c.cursor, provisions.c.id)
Index(None, framework_versions.c.framework, framework_versions.c.version)
