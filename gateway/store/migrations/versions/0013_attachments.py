"""Files that notices name.

Revision: 0013
"""

import sqlalchemy as sa
from alembic import op
from regulator.exchange.v1.envelope_pb2 import Envelope

revision = "0013"
down_revision = "0015"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

NOTICES = sa.table("notices", *map(sa.column, ("sequence", "id", "channel", "index")))
LEAVES = sa.table("leaves", *map(sa.column, ("channel", "index", "data")))
NAMED = sa.table("notice_attachments", *map(sa.column, ("notice", "ordinal", "sha256", "size_bytes", "attachment")))
AT_ONCE = 1000


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column("number", BIG, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("authority", sa.String(16), nullable=False),
        sa.Column("peer", sa.String(2), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("size_bytes", BIG, nullable=False),
        sa.Column("stored_bytes", BIG, nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("dropped", sa.Boolean(), nullable=False),
        sa.Column("touched_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_attachments")),
        sa.UniqueConstraint("id", name=op.f("uq_attachments_id")),
    )
    op.create_table(
        "attachment_chunks",
        sa.Column("attachment", BIG, nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["attachment"], ["attachments.number"], name=op.f("fk_attachment_chunks_attachment")),
        sa.PrimaryKeyConstraint("attachment", "index", name=op.f("pk_attachment_chunks")),
    )
    op.create_table(
        "notice_attachments",
        sa.Column("notice", sa.String(64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("size_bytes", BIG, nullable=False),
        sa.Column("attachment", BIG),
        sa.ForeignKeyConstraint(["attachment"], ["attachments.number"], name=op.f("fk_notice_attachments_attachment")),
        sa.PrimaryKeyConstraint("notice", "ordinal", name=op.f("pk_notice_attachments")),
    )
    for table, column in (
        ("attachments", "sha256"),
        ("attachments", "complete"),
        ("notice_attachments", "attachment"),
        ("notice_attachments", "sha256"),
    ):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    if op.get_bind().dialect.name == "postgresql":  # most files are compressed already
        op.execute("ALTER TABLE attachment_chunks ALTER COLUMN data SET STORAGE EXTERNAL")
    _fill()


def downgrade() -> None:
    for table in ("notice_attachments", "attachment_chunks", "attachments"):
        op.drop_table(table)


def _fill() -> None:
    """Reads from the envelopes which files each notice names; of one whose content is destroyed, none is known."""
    connection, last = op.get_bind(), 0
    joined = (LEAVES.c.channel == NOTICES.c.channel) & (LEAVES.c.index == NOTICES.c.index)
    page = sa.select(NOTICES.c.sequence, NOTICES.c.id, LEAVES.c.data).select_from(NOTICES.join(LEAVES, joined))
    while rows := connection.execute(
        page.where(NOTICES.c.sequence > last).order_by(NOTICES.c.sequence).limit(AT_ONCE)
    ).all():
        last = rows[-1].sequence
        named = [
            {"notice": row.id, "ordinal": ordinal, "sha256": each.sha256, "size_bytes": each.size_bytes}
            for row in rows
            for ordinal, each in enumerate(Envelope.FromString(row.data).notice_released.content.attachments)
        ]
        if named:
            connection.execute(sa.insert(NAMED), named)
