"""Which server of PostgreSQL a database was on when its node last knew that nothing was lost.

Revision: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("node", sa.Column("server", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("node") as node:
        node.drop_column("server")
