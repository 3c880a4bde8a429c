"""Of each channel, whether an operator ended its pairing, who, when and why, and since when that holds again.

Revision: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0022"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIMES = ("ended_time", "resumed_time")
_WORDS = ("ended_by", "end_reason")


def upgrade() -> None:
    for name in _TIMES:
        op.add_column("channels", sa.Column(name, _BIG, nullable=False, server_default=sa.text("0")))
    for name in _WORDS:
        op.add_column("channels", sa.Column(name, sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    for name in (*_WORDS, *_TIMES):
        op.drop_column("channels", name)
