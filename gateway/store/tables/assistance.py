"""The table of requests for assistance and of answers to them; ``tables`` has it with the others."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table

from gateway.store.tables.base import BIG, metadata

# What of their content a case's state follows from. Like a notice's other columns it outlives the content.
assistance = Table(
    "assistance",
    metadata,
    Column("sequence", BIG, ForeignKey("notices.sequence"), primary_key=True, autoincrement=False),
    Column("request", String(64), nullable=False),  # id of the notice that an answer is to; empty of a request
    Column("outcome", Integer, nullable=False),  # of an answer; 0 of a request
    Column("requested_authority", String(16), nullable=False),  # of a request; empty: none by name
    Column("respond_by", Integer, nullable=False),  # of a request, 20260131; 0: no day is set
)

Index(None, assistance.c.request, assistance.c.sequence)
