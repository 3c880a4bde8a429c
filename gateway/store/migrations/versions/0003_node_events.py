"""Events that belong to the node, and to no channel.

Revision: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("events") as events:
        events.alter_column("channel", existing_type=sa.Integer(), nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM events WHERE channel IS NULL")
    with op.batch_alter_table("events") as events:
        events.alter_column("channel", existing_type=sa.Integer(), nullable=False)
