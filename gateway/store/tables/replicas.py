"""The tables of replicas, and of what each of them moves; ``tables`` has them with the others."""

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table

from gateway.store.tables.base import BIG, metadata

# The processes of the node that use this database, by the clock of its server; on PostgreSQL alone, as are leases.
replicas = Table(
    "replicas",
    metadata,
    Column("id", String(32), primary_key=True),  # of this start of it
    Column("name", String(120), nullable=False),  # for people
    Column("outgoing", Integer, nullable=False),  # number of channels that it can dial
    Column("started_at", BIG, nullable=False),
    Column("seen_at", BIG, nullable=False),
)

# Which replica moves a channel, until when, by the clock of the database's server; `epoch` grows with each new holder.
# `connected`, `last_error`: how the channel's stream does there.
leases = Table(
    "leases",
    metadata,
    Column("channel", Integer, ForeignKey("channels.id"), primary_key=True, autoincrement=False),
    Column("holder", String(32), nullable=False),  # id of a replica; empty: nobody
    Column("epoch", BIG, nullable=False),
    Column("expires_at", BIG, nullable=False),
    Column("connected", Boolean, nullable=False),
    Column("last_error", String(500), nullable=False),
)

OF_PROCESSES = frozenset({"replicas", "leases"})
"""Tables that tell of what runs, and belong to no backup."""
