"""Frameworks of rules: versions, their provisions, assessments, and what events say of them.

Revision: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("requests") as requests:
        requests.alter_column("notice", existing_type=sa.String(64), type_=sa.String(128), existing_nullable=False)
    op.create_table(
        "framework_events",
        sa.Column("cursor", BIG, autoincrement=False, nullable=False),
        sa.Column("jurisdiction", sa.String(length=2), nullable=False),
        sa.Column("framework", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("provision", sa.String(length=64), nullable=False),
        sa.Column("assessment", sa.String(length=64), nullable=False),
        sa.Column("sectors", sa.Integer(), nullable=False),
        sa.Column("topics", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["cursor"], ["events.cursor"], name=op.f("fk_framework_events_cursor")),
        sa.PrimaryKeyConstraint("cursor", name=op.f("pk_framework_events")),
    )
    op.create_table(
        "framework_versions",
        sa.Column("cursor", BIG, autoincrement=False, nullable=False),
        sa.Column("framework", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("direction", sa.Integer(), nullable=False),
        sa.Column("jurisdiction", sa.String(length=2), nullable=False),
        sa.Column("recipient", sa.String(length=2), nullable=False),
        sa.Column("provision_count", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Integer(), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.Column("sealed_at", BIG, nullable=False),
        sa.Column("receipt_time", BIG, nullable=True),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_framework_versions_channel")),
        sa.PrimaryKeyConstraint("cursor", name=op.f("pk_framework_versions")),
        sa.UniqueConstraint("channel", "index", name=op.f("uq_framework_versions_channel_index")),
        sa.UniqueConstraint(
            "framework", "channel", "version", name=op.f("uq_framework_versions_framework_channel_version")
        ),
    )
    op.create_table(
        "provisions",
        sa.Column("cursor", BIG, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("sector", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["cursor"], ["framework_versions.cursor"], name=op.f("fk_provisions_cursor")),
        sa.PrimaryKeyConstraint("cursor", "ordinal", name=op.f("pk_provisions")),
    )
    op.create_index(op.f("ix_provisions_cursor_id"), "provisions", ["cursor", "id"], unique=False)
    op.create_table(
        "assessments",
        sa.Column("cursor", BIG, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.Integer(), nullable=False),
        sa.Column("assessor", sa.String(length=2), nullable=False),
        sa.Column("recipient", sa.String(length=2), nullable=False),
        sa.Column("sector", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("first_provision", sa.String(length=160), nullable=False),
        sa.Column("second_provision", sa.String(length=160), nullable=False),
        sa.Column("outcome", sa.Integer(), nullable=False),
        sa.Column("supersedes", sa.String(length=64), nullable=False),
        sa.Column("superseded_by", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.Integer(), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.Column("sealed_at", BIG, nullable=False),
        sa.Column("receipt_time", BIG, nullable=True),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_assessments_channel")),
        sa.PrimaryKeyConstraint("cursor", name=op.f("pk_assessments")),
        sa.UniqueConstraint("channel", "index", name=op.f("uq_assessments_channel_index")),
        sa.UniqueConstraint("id", name=op.f("uq_assessments_id")),
    )
    op.create_table(
        "told_days",
        sa.Column("until", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("until", name=op.f("pk_told_days")),
    )


def downgrade() -> None:
    for table in ("told_days", "assessments", "provisions", "framework_versions", "framework_events"):
        op.drop_table(table)
    with op.batch_alter_table("requests") as requests:
        requests.alter_column("notice", existing_type=sa.String(128), type_=sa.String(64), existing_nullable=False)
