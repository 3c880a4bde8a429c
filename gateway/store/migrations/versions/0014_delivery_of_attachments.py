"""A notice with attachments is delivered once its receiver says that it holds them all.

Revision: 0014
"""

import sqlalchemy as sa
from alembic import op
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import Notice

revision = "0014"
down_revision = "0013"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNATTACHED = "attachment_count > 0 AND attached_index IS NULL"

NOTICES = sa.table("notices", *map(sa.column, ("id", "state", "direction", "attachment_count")))
NAMED = sa.table("notice_attachments", sa.column("notice"))
EVENTS = sa.table("events", *map(sa.column, ("kind", "notice")))


def upgrade() -> None:
    op.add_column("notices", sa.Column("attachment_count", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("notices", sa.Column("attached_channel", sa.Integer()))
    op.add_column("notices", sa.Column("attached_index", BIG))
    connection = op.get_bind()
    count = sa.select(sa.func.count()).where(NAMED.c.notice == NOTICES.c.id).scalar_subquery()
    connection.execute(sa.update(NOTICES).values(attachment_count=count))
    connection.execute(
        sa.update(EVENTS)
        .where(EVENTS.c.kind == Event.NOTICE_DELIVERED, EVENTS.c.notice.in_(sa.select(NAMED.c.notice)))
        .values(kind=Event.NOTICE_RECEIPTED)
    )
    connection.execute(
        sa.update(NOTICES)
        .where(NOTICES.c.attachment_count > 0, NOTICES.c.state == Notice.DELIVERED)
        .values(state=Notice.RELEASED)
    )
    where = sa.text(UNATTACHED)
    op.create_index("ix_notices_unattached", "notices", ["sequence"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_notices_unattached", "notices")
    for column in ("attached_index", "attached_channel", "attachment_count"):
        op.drop_column("notices", column)
