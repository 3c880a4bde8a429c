"""The tables. ``leaves`` and ``heads`` are the truth; the projections can be rebuilt from them.

Times in ``*_at`` columns are microseconds since 1970 (UTC), in ``*_time`` columns seconds. The writer alone gives
out ``events.cursor`` and ``notices.sequence``, without gaps.
"""

from regulator.exchange.v1.event_service_pb2 import Event
from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

from gateway.store.assistance_tables import assistance as assistance
from gateway.store.attachment_tables import DROPPED as DROPPED
from gateway.store.attachment_tables import attachment_chunks as attachment_chunks
from gateway.store.attachment_tables import attachment_totals as attachment_totals
from gateway.store.attachment_tables import attachments as attachments
from gateway.store.attachment_tables import notice_attachments as notice_attachments
from gateway.store.draft_tables import draft_events as draft_events
from gateway.store.draft_tables import drafts as drafts
from gateway.store.framework_tables import assessments as assessments
from gateway.store.framework_tables import framework_events as framework_events
from gateway.store.framework_tables import framework_versions as framework_versions
from gateway.store.framework_tables import provisions as provisions
from gateway.store.framework_tables import told_days as told_days
from gateway.store.lease_tables import OF_PROCESSES as OF_PROCESSES
from gateway.store.lease_tables import leases as leases
from gateway.store.lease_tables import replicas as replicas
from gateway.store.table_base import BIG as BIG
from gateway.store.table_base import metadata as metadata

JOURNAL = 0
"""Id of the access journal's row in ``channels``: it is a log like them, between this node and itself."""

# Whose database it is: one row, written by `gateway init`, compared at every start. `token_key` enciphers page tokens
# and cursors: it keeps nothing from who reads the database, and goes with it into a backup, so that they stay good.
# `version`: number of commits, and `committed_at` of the last one; on PostgreSQL alone, where replicas take turns. With
# SQLite it counts how often it was tried whether the store takes writes. `server`: that of PostgreSQL on which the node
# last found all that it knew (`store.servers`). `token_key` is another one since a database was put back.
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

# One direction to or from a peer; and, with the id 0, the access journal. `edge`: the compact range of `size` leaves,
# hashes joined. `version`: of the node, as of the last commit that changed the channel; on PostgreSQL alone. `unheard`:
# the database was put back, and the sender of this channel has not sent again yet what it shows to have. `ended_time`
# and what follows: an operator ended the pairing (`identity.pairing_end`); 0: never.
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

UNATTACHED = "attachment_count > 0 AND attached_index IS NULL"
"""Of ``notices``: those whose receiver has not said yet that it holds all attachments; as its index has it."""

UNUSABLE = f"kind = {Event.ENVELOPE_UNSUPPORTED}"
"""Of ``events``: those of envelopes that could not be used when they came; as their index has it."""

OVERDUE = f"kind = {Event.ASSISTANCE_OVERDUE}"
"""Of ``events``: those that tell that a request for assistance was not answered by its day; as their index has it."""

# What is known of a notice beside its content, which stays in `leaves`.
notices = Table(
    "notices",
    metadata,
    Column("sequence", BIG, primary_key=True, autoincrement=False),
    Column("id", String(64), nullable=False),
    Column("direction", Integer, nullable=False),
    Column("state", Integer, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("sender", String(2), nullable=False),
    Column("recipient", String(2), nullable=False),
    Column("issuing_authority", String(16), nullable=False),
    Column("sectors", Integer, nullable=False),  # bit n: sector n
    Column("urgency", Integer, nullable=False),
    Column("tlp", Integer, nullable=False),
    Column("channel", Integer, ForeignKey("channels.id"), nullable=False),
    Column("index", BIG, nullable=False),
    Column("released_at", BIG, nullable=False),
    Column("receipt_time", BIG),
    Column("acknowledged_channel", Integer),
    Column("acknowledged_index", BIG),
    Column("withdrawn_channel", Integer),
    Column("withdrawn_index", BIG),
    Column("superseded_by", String(64), nullable=False),
    Column("withdrawn_by", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("retain_until", Integer, nullable=False),  # 20260131; 0: no limit
    Column("destroyed_channel", Integer),
    Column("destroyed_index", BIG),
    Column("peer_destroyed_channel", Integer),
    Column("peer_destroyed_index", BIG),
    Column("onward_sharing", Integer, nullable=False),
    Column("permitted_uses", Integer, nullable=False),  # bit n: use n
    Column("attachment_count", Integer, nullable=False),
    Column("attached_channel", Integer),
    Column("attached_index", BIG),
    UniqueConstraint("id"),
    UniqueConstraint("channel", "index"),
)

# Identifiers of subjects and instruments, by which notices are found.
notice_identifiers = Table(
    "notice_identifiers",
    metadata,
    Column("identifier", String(64), nullable=False),
    Column("sequence", BIG, ForeignKey("notices.sequence"), nullable=False),
    PrimaryKeyConstraint("identifier", "sequence"),
)

# What is known of the onward sharing of notices: a row for each envelope of it, never changed; the words stay in
# `leaves`. `cursor`: of the event that told it, whose kind is `kind`.
sharing_acts = Table(
    "sharing_acts",
    metadata,
    Column("cursor", BIG, primary_key=True, autoincrement=False),
    Column("kind", Integer, nullable=False),
    Column("notice", String(64), nullable=False),
    Column("consent", String(32), nullable=False),  # id within the notice; empty of a share under none
    Column("share", String(32), nullable=False),  # id within the notice; empty if it is none
    Column("decision", Integer, nullable=False),  # number; of a share, of the one that it is under; else 0
    Column("is_granted", Boolean, nullable=False),
    Column("valid_until", Integer, nullable=False),  # 20260131; 0: no limit
    Column("is_covered", Boolean, nullable=False),
    Column("channel", Integer, ForeignKey("channels.id"), nullable=False),
    Column("index", BIG, nullable=False),
    UniqueConstraint("channel", "index"),
)

# What watchers are told. Without `channel` it is an event of the node itself.
events = Table(
    "events",
    metadata,
    Column("cursor", BIG, primary_key=True, autoincrement=False),
    Column("committed_at", BIG, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("notice", String(64), nullable=False),
    Column("notice_kind", Integer, nullable=False),
    Column("channel", Integer, ForeignKey("channels.id")),
    Column("index", BIG, nullable=False),
    Column("detail", String, nullable=False),
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

Index(None, notices.c.state, notices.c.sequence)
Index(None, notices.c.kind, notices.c.sequence)
Index(None, notices.c.channel, notices.c.sequence)
Index(None, notices.c.released_at)
Index(None, notices.c.retain_until)
Index("ix_notices_unattached", notices.c.sequence, sqlite_where=text(UNATTACHED), postgresql_where=text(UNATTACHED))
Index("ix_events_overdue", events.c.notice, sqlite_where=text(OVERDUE), postgresql_where=text(OVERDUE))
Index("ix_events_unusable", events.c.channel, sqlite_where=text(UNUSABLE), postgresql_where=text(UNUSABLE))
Index(None, requests.c.notice)
Index(None, sharing_acts.c.notice, sharing_acts.c.cursor)
Index(None, sharing_acts.c.kind, sharing_acts.c.cursor)
