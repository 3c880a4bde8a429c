"""The table of what watchers are told; ``tables`` has it with the others."""

from regulator.exchange.v1.event_service_pb2 import Event
from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, text

from gateway.store.tables.base import BIG, metadata

UNUSABLE = f"kind = {Event.ENVELOPE_UNSUPPORTED}"
"""Of ``events``: those of envelopes that could not be used when they came; as their index has it."""

OVERDUE = f"kind = {Event.ASSISTANCE_OVERDUE}"
"""Of ``events``: those that tell that a request for assistance was not answered by its day; as their index has it."""

# What watchers are told. Without `channel` it is an event of the node itself.
events = Table(
    "events",
    metadata,
    Column("cursor", BIG, primary_key=True, autoincrement=False),
    Column("committed_at", BIG, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("notice", String(64), nullable=False),
    Column("notice_kind", Integer, nullable=False),
    Column("channel", Integer, ForeignKey("channels.id")),
    Column("index", BIG, nullable=False),
    Column("detail", String, nullable=False),
)

Index("ix_events_overdue", events.c.notice, sqlite_where=text(OVERDUE), postgresql_where=text(OVERDUE))
Index("ix_events_unusable", events.c.channel, sqlite_where=text(UNUSABLE), postgresql_where=text(UNUSABLE))
