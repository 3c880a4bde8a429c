"""Onward sharing: what a notice's handling allows, and the acts by which consent is asked for, given and used.

Envelopes of it that came before could not be used, and were told as such; a rebuild takes them.

Revision: 0009
"""

import sqlalchemy as sa
from alembic import op
from regulator.exchange.v1.envelope_pb2 import Envelope

revision = "0009"
down_revision = "0008"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

NOTICES = sa.table("notices", *map(sa.column, ("sequence", "channel", "index", "onward_sharing", "permitted_uses")))
LEAVES = sa.table("leaves", *map(sa.column, ("channel", "index", "data")))
AT_ONCE = 1000


def upgrade() -> None:
    for column in ("onward_sharing", "permitted_uses"):
        op.add_column("notices", sa.Column(column, sa.Integer(), nullable=False, server_default="0"))
    _fill()
    op.create_table(
        "sharing_acts",
        sa.Column("cursor", BIG, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("notice", sa.String(64), nullable=False),
        sa.Column("consent", sa.String(32), nullable=False),
        sa.Column("share", sa.String(32), nullable=False),
        sa.Column("decision", sa.Integer(), nullable=False),
        sa.Column("is_granted", sa.Boolean(), nullable=False),
        sa.Column("valid_until", sa.Integer(), nullable=False),
        sa.Column("is_covered", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.Integer(), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_sharing_acts_channel")),
        sa.PrimaryKeyConstraint("cursor", name=op.f("pk_sharing_acts")),
        sa.UniqueConstraint("channel", "index", name=op.f("uq_sharing_acts_channel_index")),
    )
    op.create_index(op.f("ix_sharing_acts_notice_cursor"), "sharing_acts", ["notice", "cursor"])
    op.create_index(op.f("ix_sharing_acts_kind_cursor"), "sharing_acts", ["kind", "cursor"])


def downgrade() -> None:
    op.drop_table("sharing_acts")
    op.drop_column("notices", "permitted_uses")
    op.drop_column("notices", "onward_sharing")


def _fill() -> None:
    """Reads from the envelopes, or from what is left of them, how each notice may be passed on."""
    connection, last = op.get_bind(), 0
    joined = (LEAVES.c.channel == NOTICES.c.channel) & (LEAVES.c.index == NOTICES.c.index)
    page = sa.select(NOTICES.c.sequence, LEAVES.c.data).select_from(NOTICES.join(LEAVES, joined))
    while rows := connection.execute(
        page.where(NOTICES.c.sequence > last).order_by(NOTICES.c.sequence).limit(AT_ONCE)
    ).all():
        last = rows[-1].sequence
        for row in rows:
            handling = Envelope.FromString(row.data).notice_released.content.handling
            values = {
                "onward_sharing": handling.onward_sharing,
                "permitted_uses": sum(1 << use for use in set(handling.permitted_uses)),
            }
            connection.execute(sa.update(NOTICES).where(NOTICES.c.sequence == row.sequence).values(values))
