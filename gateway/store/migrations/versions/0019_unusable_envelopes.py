"""An index of the events of envelopes that could not be used when they came: some can be, later.

Revision: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0017"

UNUSABLE = sa.text("kind = 7")  # ENVELOPE_UNSUPPORTED


def upgrade() -> None:
    op.create_index("ix_events_unusable", "events", ["channel"], sqlite_where=UNUSABLE, postgresql_where=UNUSABLE)


def downgrade() -> None:
    op.drop_index("ix_events_unusable", "events")
