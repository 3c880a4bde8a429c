"""The access journal: a log of its own, in the row 0 of ``channels``. A new node has it from the first.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    add = sa.text(
        "INSERT INTO channels (id, origin, sender, recipient, outgoing, size, edge, halt_reason, halt_detail) "
        "SELECT 0, domain || '/journal', jurisdiction, jurisdiction, TRUE, 0, :edge, '', '' FROM node"
    )
    op.get_bind().execute(add.bindparams(edge=b""))


def downgrade() -> None:
    for table, column in (("leaves", "channel"), ("subtrees", "channel"), ("heads", "channel"), ("channels", "id")):
        op.execute(f"DELETE FROM {table} WHERE {column} = 0")  # noqa: S608 - names of ours alone
