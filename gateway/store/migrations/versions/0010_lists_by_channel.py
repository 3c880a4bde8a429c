"""Lists of notices by direction or peer, read by channel.

Revision: 0010
"""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_index(op.f("ix_notices_channel_sequence"), "notices", ["channel", "sequence"])


def downgrade() -> None:
    op.drop_index(op.f("ix_notices_channel_sequence"), "notices")
