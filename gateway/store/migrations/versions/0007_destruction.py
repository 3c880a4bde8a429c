"""Content that may be destroyed: until when it is kept, where it is gone, and the certificates of that.

Revision: 0007
"""

import sqlalchemy as sa
from alembic import op
from regulator.exchange.v1.envelope_pb2 import Envelope

revision = "0007"
down_revision = "0006"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CERTIFICATES = ("destroyed", "peer_destroyed")

NOTICES = sa.table("notices", *map(sa.column, ("sequence", "channel", "index", "retain_until")))
LEAVES = sa.table("leaves", *map(sa.column, ("channel", "index", "data")))
AT_ONCE = 1000


def upgrade() -> None:
    op.add_column("leaves", sa.Column("destroyed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("notices", sa.Column("retain_until", sa.Integer(), nullable=False, server_default="0"))
    for certificate in CERTIFICATES:
        op.add_column("notices", sa.Column(f"{certificate}_channel", sa.Integer(), nullable=True))
        op.add_column("notices", sa.Column(f"{certificate}_index", BIG, nullable=True))
    _fill()
    op.create_index(op.f("ix_notices_retain_until"), "notices", ["retain_until"])
    op.create_index(op.f("ix_requests_notice"), "requests", ["notice"])


def downgrade() -> None:
    op.drop_index(op.f("ix_requests_notice"), "requests")
    op.drop_index(op.f("ix_notices_retain_until"), "notices")
    for certificate in CERTIFICATES:
        op.drop_column("notices", f"{certificate}_channel")
        op.drop_column("notices", f"{certificate}_index")
    op.drop_column("notices", "retain_until")
    op.drop_column("leaves", "destroyed")


def _fill() -> None:
    """Reads from the envelopes until when each notice may be kept."""
    connection, last = op.get_bind(), 0
    joined = (LEAVES.c.channel == NOTICES.c.channel) & (LEAVES.c.index == NOTICES.c.index)
    page = sa.select(NOTICES.c.sequence, LEAVES.c.data).select_from(NOTICES.join(LEAVES, joined))
    while rows := connection.execute(
        page.where(NOTICES.c.sequence > last).order_by(NOTICES.c.sequence).limit(AT_ONCE)
    ).all():
        last = rows[-1].sequence
        for row in rows:
            if day := _day(row.data):
                change = sa.update(NOTICES).where(NOTICES.c.sequence == row.sequence)
                connection.execute(change.values(retain_until=day))


def _day(data: bytes) -> int:
    day = Envelope.FromString(data).notice_released.content.handling.retain_until
    return int(day.year) * 10_000 + int(day.month) * 100 + int(day.day)
