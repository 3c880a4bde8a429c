"""The seals that each party of a channel had there; those with which channels began are in files of the home.

Revision: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "seals",
        sa.Column("channel", sa.Integer(), nullable=False),
        sa.Column("cosigner", sa.Boolean(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("above", BIG, nullable=False),
        sa.Column("ed25519_certificate", sa.LargeBinary(), nullable=False),
        sa.Column("ml_dsa_44_certificate", sa.LargeBinary(), nullable=False),
        sa.Column("rotated_channel", sa.Integer(), nullable=True),
        sa.Column("rotated_index", BIG, nullable=True),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_seals_channel")),
        sa.ForeignKeyConstraint(["rotated_channel"], ["channels.id"], name=op.f("fk_seals_rotated_channel")),
        sa.PrimaryKeyConstraint("channel", "cosigner", "ordinal", name=op.f("pk_seals")),
    )


def downgrade() -> None:
    op.drop_table("seals")
