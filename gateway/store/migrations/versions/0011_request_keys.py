"""Requests by a digest of who asked and under which id: both were stored twice, and are the largest part of a row.

A downgrade forgets all requests: the ids are not in the digests.

Revision: 0011
"""

from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

AT_ONCE = 500  # rows


def upgrade() -> None:
    op.drop_index(op.f("ix_requests_notice"), "requests")
    op.rename_table("requests", "requests_before")
    op.create_table(
        "requests",
        sa.Column("key", sa.LargeBinary(20), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("notice", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_requests_by_key"),
        sqlite_with_rowid=False,
    )
    _move()
    op.drop_table("requests_before")
    if op.get_context().dialect.name == "postgresql":  # there the name of a constraint is the schema's
        op.execute("ALTER INDEX pk_requests_by_key RENAME TO pk_requests")
    op.create_index(op.f("ix_requests_notice"), "requests", ["notice"])


def downgrade() -> None:
    op.drop_index(op.f("ix_requests_notice"), "requests")
    op.drop_table("requests")
    op.create_table(
        "requests",
        sa.Column("client", sa.String(2048), nullable=False),
        sa.Column("request_id", sa.String(36), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("notice", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("client", "request_id", name=op.f("pk_requests")),
    )
    op.create_index(op.f("ix_requests_notice"), "requests", ["notice"])


def _move() -> None:
    connection = op.get_bind()
    before = sa.table("requests_before", *map(sa.column, ("client", "request_id", "digest", "notice")))
    after = sa.table("requests", *map(sa.column, ("key", "digest", "notice")))
    order = (before.c.client, before.c.request_id)
    following = statement = sa.select(before).order_by(*order).limit(AT_ONCE)
    while page := connection.execute(following).all():
        connection.execute(sa.insert(after), [_row(*each) for each in page])
        last = page[-1]
        following = statement.where(sa.tuple_(*order) > sa.tuple_(last.client, last.request_id))


def _row(client: str, request_id: str, digest: bytes, notice: str) -> dict[str, object]:
    key = request_id.encode()[:8] + sha256(f"{client}\0{request_id}".encode()).digest()[:12]
    return {"key": key, "digest": digest, "notice": notice}
