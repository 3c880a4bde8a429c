"""What the files of each owner amount to, kept; and an index of those that go.

Revision: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0014"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FILES = sa.table(
    "attachments", *map(sa.column, ("authority", "peer", "size_bytes", "stored_bytes", "complete", "dropped"))
)
SUMS = ("whole_files", "whole_bytes", "coming_files", "coming_bytes", "arrived_bytes")
TOTALS = sa.table("attachment_totals", *map(sa.column, ("authority", "peer", *SUMS)))


def upgrade() -> None:
    op.create_table(
        "attachment_totals",
        sa.Column("authority", sa.String(16), nullable=False),
        sa.Column("peer", sa.String(2), nullable=False),
        *(sa.Column(name, BIG, nullable=False) for name in SUMS),
        sa.PrimaryKeyConstraint("authority", "peer", name=op.f("pk_attachment_totals")),
    )
    where = sa.text("dropped")
    op.create_index("ix_attachments_dropped", "attachments", ["number"], sqlite_where=where, postgresql_where=where)
    whole, size = FILES.c.complete.is_(sa.true()), FILES.c.size_bytes

    def total(value: object, *, of_whole: bool) -> sa.ColumnElement[int]:
        counted = whole if of_whole else ~whole
        return sa.func.sum(sa.case((counted, value), else_=0))

    sums = (
        total(1, of_whole=True),
        total(size, of_whole=True),
        total(1, of_whole=False),
        total(size, of_whole=False),
        total(FILES.c.stored_bytes, of_whole=False),
    )
    owner = (FILES.c.authority, FILES.c.peer)
    found = sa.select(*owner, *sums).where(FILES.c.dropped.is_(sa.false())).group_by(*owner)
    op.get_bind().execute(sa.insert(TOTALS).from_select(["authority", "peer", *SUMS], found))


def downgrade() -> None:
    op.drop_index("ix_attachments_dropped", "attachments")
    op.drop_table("attachment_totals")
