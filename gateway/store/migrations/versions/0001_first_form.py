"""The first form of the tables.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "channels",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("sender", sa.String(length=2), nullable=False),
        sa.Column("recipient", sa.String(length=2), nullable=False),
        sa.Column("outgoing", sa.Boolean(), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("edge", sa.LargeBinary(), nullable=False),
        sa.Column("halt_reason", sa.String(length=64), nullable=False),
        sa.Column("halt_detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
        sa.UniqueConstraint("origin", name=op.f("uq_channels_origin")),
    )
    op.create_table(
        "node",
        sa.Column("domain", sa.String(length=120), nullable=False),
        sa.Column("jurisdiction", sa.String(length=2), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_node")),
    )
    op.create_table(
        "requests",
        sa.Column("client", sa.String(length=2048), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("notice", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("client", "request_id", name=op.f("pk_requests")),
    )
    op.create_table(
        "events",
        sa.Column("cursor", BIG, autoincrement=False, nullable=False),
        sa.Column("committed_at", BIG, nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("notice", sa.String(length=64), nullable=False),
        sa.Column("notice_kind", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Integer(), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_events_channel")),
        sa.PrimaryKeyConstraint("cursor", name=op.f("pk_events")),
    )
    op.create_table(
        "halt_evidence",
        sa.Column("channel", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_halt_evidence_channel")),
        sa.PrimaryKeyConstraint("channel", "ordinal", name=op.f("pk_halt_evidence")),
    )
    op.create_table(
        "heads",
        sa.Column("channel", sa.Integer(), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("receipt_time", BIG, nullable=True),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_heads_channel")),
        sa.PrimaryKeyConstraint("channel", "size", name=op.f("pk_heads")),
    )
    op.create_table(
        "leaves",
        sa.Column("channel", sa.Integer(), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_leaves_channel")),
        sa.PrimaryKeyConstraint("channel", "index", name=op.f("pk_leaves")),
    )
    op.create_table(
        "notices",
        sa.Column("sequence", BIG, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.Integer(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(length=2), nullable=False),
        sa.Column("recipient", sa.String(length=2), nullable=False),
        sa.Column("issuing_authority", sa.String(length=16), nullable=False),
        sa.Column("sectors", sa.Integer(), nullable=False),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("tlp", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Integer(), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.Column("released_at", BIG, nullable=False),
        sa.Column("receipt_time", BIG, nullable=True),
        sa.Column("acknowledged_channel", sa.Integer(), nullable=True),
        sa.Column("acknowledged_index", BIG, nullable=True),
        sa.Column("withdrawn_channel", sa.Integer(), nullable=True),
        sa.Column("withdrawn_index", BIG, nullable=True),
        sa.Column("superseded_by", sa.String(length=64), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_notices_channel")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_notices")),
        sa.UniqueConstraint("channel", "index", name=op.f("uq_notices_channel_index")),
        sa.UniqueConstraint("id", name=op.f("uq_notices_id")),
    )
    op.create_index(op.f("ix_notices_kind_sequence"), "notices", ["kind", "sequence"], unique=False)
    op.create_index(op.f("ix_notices_released_at"), "notices", ["released_at"], unique=False)
    op.create_index(op.f("ix_notices_state_sequence"), "notices", ["state", "sequence"], unique=False)
    op.create_table(
        "subtrees",
        sa.Column("channel", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_subtrees_channel")),
        sa.PrimaryKeyConstraint("channel", "level", "index", name=op.f("pk_subtrees")),
    )
    op.create_table(
        "notice_identifiers",
        sa.Column("identifier", sa.String(length=64), nullable=False),
        sa.Column("sequence", BIG, nullable=False),
        sa.ForeignKeyConstraint(["sequence"], ["notices.sequence"], name=op.f("fk_notice_identifiers_sequence")),
        sa.PrimaryKeyConstraint("identifier", "sequence", name=op.f("pk_notice_identifiers")),
    )


def downgrade() -> None:
    op.drop_table("notice_identifiers")
    op.drop_table("subtrees")
    op.drop_table("notices")
    op.drop_table("leaves")
    op.drop_table("heads")
    op.drop_table("halt_evidence")
    op.drop_table("events")
    op.drop_table("requests")
    op.drop_table("node")
    op.drop_table("channels")
