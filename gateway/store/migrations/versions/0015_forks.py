"""Proofs of forks, kept for ever. ``gateway upgrade`` makes those of channels that have halted already.

Revision: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0012"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "forks",
        sa.Column("channel", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("found_at", BIG, nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_forks_channel")),
        sa.PrimaryKeyConstraint("channel", "number", name=op.f("pk_forks")),
    )


def downgrade() -> None:
    op.drop_table("forks")
