"""What several replicas of a node share beside its data: whose turn it is to write, and who holds which channel.

Revision: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

ZERO = sa.text("0")


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.add_column("node", sa.Column("version", big, nullable=False, server_default=ZERO))
    op.add_column("node", sa.Column("committed_at", big, nullable=False, server_default=ZERO))
    op.add_column("channels", sa.Column("version", big, nullable=False, server_default=ZERO))
    op.create_table(
        "replicas",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("outgoing", sa.Integer, nullable=False),
        sa.Column("started_at", big, nullable=False),
        sa.Column("seen_at", big, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replicas")),
    )
    op.create_table(
        "leases",
        sa.Column("channel", sa.Integer, nullable=False),
        sa.Column("holder", sa.String(32), nullable=False),
        sa.Column("epoch", big, nullable=False),
        sa.Column("expires_at", big, nullable=False),
        sa.Column("connected", sa.Boolean, nullable=False),
        sa.Column("last_error", sa.String(500), nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_leases_channel")),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_leases")),
    )


def downgrade() -> None:
    op.drop_table("leases")
    op.drop_table("replicas")
    with op.batch_alter_table("channels") as channels:
        channels.drop_column("version")
    with op.batch_alter_table("node") as node:
        node.drop_column("committed_at")
        node.drop_column("version")
