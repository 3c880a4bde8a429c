"""Of a draft, what keeps the digest of it in the access journal from telling what it said.

Revision: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("drafts", sa.Column("salt", sa.LargeBinary()))


def downgrade() -> None:
    op.drop_column("drafts", "salt")
