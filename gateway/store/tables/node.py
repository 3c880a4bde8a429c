"""The node's own row, and the requests that it carried out; ``tables`` has them with the others."""

from sqlalchemy import Column, Index, LargeBinary, String, Table, text

from gateway.store.tables.base import BIG, metadata

# Whose database it is: one row, written by `gateway init`, compared at every start. `token_key` enciphers page tokens
# and cursors: it keeps nothing from who reads the database, and goes with it into a backup, so that they stay good.
# `version`: number of commits, and `committed_at` of the last one; on PostgreSQL alone, where replicas take turns. With
# SQLite it counts how often it was tried whether the store takes writes. `server`: that of PostgreSQL on which the node
# last found all that it knew (`store.engines.servers`). `token_key` is another one since a database was put back.
# `last_attachment`: number of the newest file, also where that is gone; no number is given twice.
node = Table(
    "node",
    metadata,
    Column("domain", String(120), primary_key=True),
    Column("jurisdiction", String(2), nullable=False),
    Column("token_key", LargeBinary(32), nullable=False),
    Column("version", BIG, nullable=False, server_default=text("0")),
    Column("committed_at", BIG, nullable=False, server_default=text("0")),
    Column("server", String(64), nullable=False, server_default=""),
    Column("last_attachment", BIG, nullable=False, server_default=text("0")),
)

# Requests that were carried out, by the id that their caller gave them (AIP-155). `key`: of caller and id
# (``changes.request_key``), which are 100 bytes where this is 20. `notice`: the id of the notice, or
# the name of the version, assessment, draft, consent or share, that the request made or acted on.
requests = Table(
    "requests",
    metadata,
    Column("key", LargeBinary(20), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("notice", String(128), nullable=False),
    sqlite_with_rowid=False,
)

Index(None, requests.c.notice)
