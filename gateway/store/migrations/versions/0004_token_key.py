"""The key that enciphers page tokens and cursors.

Revision: 0004
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY_BYTES = 32


def upgrade() -> None:
    op.add_column("node", sa.Column("token_key", sa.LargeBinary(length=KEY_BYTES), nullable=True))
    op.execute(sa.text("UPDATE node SET token_key = :key").bindparams(key=secrets.token_bytes(KEY_BYTES)))
    with op.batch_alter_table("node") as node:
        node.alter_column("token_key", existing_type=sa.LargeBinary(KEY_BYTES), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("node") as node:
        node.drop_column("token_key")
