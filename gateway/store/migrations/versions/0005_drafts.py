"""Drafts that wait for approval, and what events say of them.

Revision: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("sequence", BIG, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=True),
        sa.Column("authority", sa.String(length=16), nullable=False),
        sa.Column("author_client", sa.String(length=2048), nullable=False),
        sa.Column("author_officer", sa.String(length=1024), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("tlp", sa.Integer(), nullable=False),
        sa.Column("sectors", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("submitted_at", BIG, nullable=True),
        sa.Column("reviewed_at", BIG, nullable=True),
        sa.Column("reviewer_client", sa.String(length=2048), nullable=False),
        sa.Column("reviewer_officer", sa.String(length=1024), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("released", sa.String(length=160), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_drafts")),
        sa.UniqueConstraint("id", name=op.f("uq_drafts_id")),
    )
    op.create_index(op.f("ix_drafts_authority_sequence"), "drafts", ["authority", "sequence"], unique=False)
    op.create_index(op.f("ix_drafts_state_expires_at"), "drafts", ["state", "expires_at"], unique=False)
    op.create_table(
        "draft_events",
        sa.Column("cursor", BIG, autoincrement=False, nullable=False),
        sa.Column("draft", sa.String(length=64), nullable=False),
        sa.Column("authority", sa.String(length=16), nullable=False),
        sa.Column("tlp", sa.Integer(), nullable=False),
        sa.Column("sectors", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["cursor"], ["events.cursor"], name=op.f("fk_draft_events_cursor")),
        sa.PrimaryKeyConstraint("cursor", name=op.f("pk_draft_events")),
    )


def downgrade() -> None:
    op.drop_table("draft_events")
    op.drop_table("drafts")
    op.execute("DELETE FROM events WHERE kind BETWEEN 15 AND 19")
