"""Requests for assistance, and the answers to them.

Revision: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

OVERDUE = sa.text("kind = 33")  # ASSISTANCE_OVERDUE
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "assistance",
        sa.Column("sequence", BIG, autoincrement=False, nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.Integer(), nullable=False),
        sa.Column("requested_authority", sa.String(length=16), nullable=False),
        sa.Column("respond_by", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["sequence"], ["notices.sequence"], name=op.f("fk_assistance_sequence")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_assistance")),
    )
    op.create_index(op.f("ix_assistance_request_sequence"), "assistance", ["request", "sequence"])
    op.create_index("ix_events_overdue", "events", ["notice"], sqlite_where=OVERDUE, postgresql_where=OVERDUE)


def downgrade() -> None:
    op.drop_index("ix_events_overdue", "events")
    op.drop_table("assistance")
