"""The last number that was given to a file: of one that is deleted, the number is not given again.

Revision: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0019"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FILES = sa.table("attachments", sa.column("number"))
NODE = sa.table("node", sa.column("last_attachment"))


def upgrade() -> None:
    op.add_column("node", sa.Column("last_attachment", BIG, nullable=False, server_default=sa.text("0")))
    last = sa.select(sa.func.coalesce(sa.func.max(FILES.c.number), 0)).scalar_subquery()
    op.get_bind().execute(sa.update(NODE).values(last_attachment=last))


def downgrade() -> None:
    op.drop_column("node", "last_attachment")
