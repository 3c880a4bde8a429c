"""The tables of logs, those of channels and that of the journal; ``tables`` has them with the others."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

from gateway.store.tables.base import BIG, metadata

JOURNAL = 0
"""Id of the access journal's row in ``channels``: it is a log like them, between this node and itself."""

# One direction to or from a peer; and, with the id 0, the access journal. `edge`: the compact range of `size` leaves,
# hashes joined. `version`: of the node, as of the last commit that changed the channel; on PostgreSQL alone. `unheard`:
# the database was put back, and the sender of this channel has not sent again yet what it shows to have. `ended_time`
# and what follows: an operator ended the pairing (`identity.pairing.end`); 0: never.
channels = Table(
    "channels",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("origin", String(255), nullable=False),
    Column("sender", String(2), nullable=False),
    Column("recipient", String(2), nullable=False),
    Column("outgoing", Boolean, nullable=False),
    Column("size", BIG, nullable=False),
    Column("edge", LargeBinary, nullable=False),
    Column("halt_reason", String(64), nullable=False),  # empty: open
    Column("halt_detail", String, nullable=False),
    Column("version", BIG, nullable=False, server_default=text("0")),
    Column("unheard", Boolean, nullable=False, server_default=false()),
    Column("ended_time", BIG, nullable=False, server_default=text("0")),
    Column("resumed_time", BIG, nullable=False, server_default=text("0")),  # 0: it was not taken up again
    Column("ended_by", String, nullable=False, server_default=""),
    Column("end_reason", String, nullable=False, server_default=""),
    UniqueConstraint("origin"),
)

# Why a channel halted: the signed notes that contradict each other.
halt_evidence = Table(
    "halt_evidence",
    metadata,
    Column("channel", Integer, ForeignKey("channels.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("note", LargeBinary, nullable=False),
    PrimaryKeyConstraint("channel", "ordinal"),
)

# The proof of each fork that a channel ever halted for (`ledger.fork_proof`): never changed, and never removed.
forks = Table(
    "forks",
    metadata,
    Column("channel", Integer, ForeignKey("channels.id"), nullable=False),
    Column("number", Integer, nullable=False),  # from 1, in the order in which they were found
    Column("found_at", BIG, nullable=False),
    Column("proof", LargeBinary, nullable=False),
    PrimaryKeyConstraint("channel", "number"),
)

# The log: `data` is the exact serialized Envelope, or JournalEntry, as first written; where its content is `destroyed`,
# what is left of it (`supervision.destruction`), and `hash` is still that of the Envelope.
leaves = Table(
    "leaves",
    metadata,
    Column("channel", Integer, ForeignKey("channels.id"), nullable=False),
    Column("index", BIG, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("destroyed", Boolean, nullable=False),
    PrimaryKeyConstraint("channel", "index"),
)

# Roots of complete subtrees at the levels 8, 16, 24, ...
subtrees = Table(
    "subtrees",
    metadata,
    Column("channel", Integer, ForeignKey("channels.id"), nullable=False),
    Column("level", Integer, nullable=False),
    Column("index", BIG, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    PrimaryKeyConstraint("channel", "level", "index"),
)

# Signed checkpoints. With `receipt_time` the note is a receipt. A sender's head that no receipt names goes when a
# later receipt covers it. Of the journal there is only the newest one, and it may cover less than the log.
heads = Table(
    "heads",
    metadata,
    Column("channel", Integer, ForeignKey("channels.id"), nullable=False),
    Column("size", BIG, nullable=False),
    Column("note", LargeBinary, nullable=False),
    Column("receipt_time", BIG),
    PrimaryKeyConstraint("channel", "size"),
)

# The seals that each party of a channel had there, in order. `cosigner`: of the recipient, who signs receipts; else
# of the sender. A seal alone may sign sizes above `above`, up to the `above` of the next one. `rotated_channel`,
# `rotated_index`: where the envelope stands that brought it; without, a pairing document or an operator did.
seals = Table(
    "seals",
    metadata,
    Column("channel", Integer, ForeignKey("channels.id"), nullable=False),
    Column("cosigner", Boolean, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("above", BIG, nullable=False),
    Column("ed25519_certificate", LargeBinary, nullable=False),
    Column("ml_dsa_44_certificate", LargeBinary, nullable=False),
    Column("rotated_channel", Integer, ForeignKey("channels.id")),
    Column("rotated_index", BIG),
    PrimaryKeyConstraint("channel", "cosigner", "ordinal"),
)
