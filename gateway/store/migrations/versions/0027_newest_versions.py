"""Frameworks in the order of their names, and the newest version of each without a look at the others.

Revision: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    _collate("C")
    op.create_index(op.f("ix_framework_versions_framework_version"), "framework_versions", ["framework", "version"])


def downgrade() -> None:
    op.drop_index("ix_framework_versions_framework_version", "framework_versions")
    _collate("default")


def _collate(collation: str) -> None:
    """The database's own order may be that of a language, which passes over hyphens; SQLite's is that of the bytes."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("framework_versions", "framework", type_=sa.String(64, collation=collation))
