"""Every metric of a node, by name: docs/observability.md is made from this table, and the alerts are checked by it.

A label has few values, and none that a caller could choose: methods that are served, reasons of errors, channels of
pairings, certificates of the home. Calls are named as gRPC's other servers name them.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a metric moves."""

    COUNTER = "counter"  # up, and to 0 at a start
    GAUGE = "gauge"  # up and down
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: of the family; the samples of a histogram end in ``_bucket``, ``_sum`` and ``_count``
        kind: how it moves
        meaning: for people
        labels: the names of its labels
        buckets: of a histogram: upper bounds, the last one but infinity
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_METHOD = ("grpc_service", "grpc_method")
_CERTIFICATE = ("purpose", "subject", "sha256")
_CALL_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_COMMIT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_COMMIT_WEIGHTS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
_LAG_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0)
_LOOP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

# --- calls --------------------------------------------------------------------------------------------------------

CALLS = Metric(
    "grpc_server_handled_total",
    Kind.COUNTER,
    "Calls that have ended, by method and gRPC code; CANCELLED: the caller hung up, or its deadline was over.",
    (*_METHOD, "grpc_code"),
)
CALL_SECONDS = Metric(
    "grpc_server_handling_seconds",
    Kind.HISTOGRAM,
    "Time of calls that are answered once, from their start to the end of their answer. Streams are not in it.",
    _METHOD,
    _CALL_SECONDS,
)
CALLS_UNDER_WAY = Metric("gateway_calls_under_way", Kind.GAUGE, "Calls that are served now.", ("listener",))
STREAMS_OPEN = Metric(
    "gateway_streams_open",
    Kind.GAUGE,
    "Of these, watches and streams of messages; at the peer listener, channels that lead here.",
    ("listener",),
)
REFUSALS = Metric(
    "gateway_refusals_total",
    Kind.COUNTER,
    "What was refused, by the reason in its ErrorInfo: calls, and single items of a call. `unknown`: no method that is "
    "served, or the listener is full.",
    (*_METHOD, "reason"),
)
LIMITS_HIT = Metric("gateway_limits_hit_total", Kind.COUNTER, "Calls that were refused at a limit.", ("limit",))

# --- the writer ---------------------------------------------------------------------------------------------------

COMMIT_SECONDS = Metric(
    "gateway_commit_seconds",
    Kind.HISTOGRAM,
    "Time of a commit, with its signatures, until it is durable.",
    buckets=_COMMIT_SECONDS,
)
COMMIT_WEIGHT = Metric(
    "gateway_commit_weight",
    Kind.HISTOGRAM,
    "What shares one commit: envelopes, about, and one for all else that a caller waits for.",
    buckets=_COMMIT_WEIGHTS,
)
COMMIT_FAILURES = Metric(
    "gateway_commit_failures_total", Kind.COUNTER, "Commits that failed: the calls of each were answered UNAVAILABLE."
)
CAN_WRITE = Metric(
    "gateway_can_write",
    Kind.GAUGE,
    "1 while the newest commit was durable; 0 from one that failed until the next one that is: every call is answered "
    "UNAVAILABLE.",
)
QUEUE_WEIGHT = Metric(
    "gateway_writer_queue_weight", Kind.GAUGE, "What waits to be written, in the weights of a commit."
)
QUEUE_LIMIT = Metric(
    "gateway_writer_queue_limit", Kind.GAUGE, "So much may wait; above it calls are refused as OVERLOADED."
)

# --- channels -----------------------------------------------------------------------------------------------------

CHANNEL_STATE = Metric(
    "gateway_channel_state",
    Kind.GAUGE,
    "1 for the state a channel is in: serving, peer_unreachable, halted or ended (with its pairing); 0 for the others.",
    ("channel", "peer", "direction", "state"),
)
CHANNEL_ENVELOPES = Metric("gateway_channel_envelopes", Kind.GAUGE, "Envelopes in the log of a channel.", ("channel",))
CHANNEL_RECEIPTED = Metric(
    "gateway_channel_receipted_envelopes", Kind.GAUGE, "Of these, those that a receipt covers.", ("channel",)
)
OLDEST_UNRECEIPTED = Metric(
    "gateway_channel_oldest_unreceipted_seconds",
    Kind.GAUGE,
    "How long the oldest envelope of a channel that leads away from here waits for its receipt; 0: none waits.",
    ("channel",),
)
LAST_RECEIPT = Metric(
    "gateway_channel_last_receipt_timestamp_seconds",
    Kind.GAUGE,
    "When the newest receipt was given, by the receiver's clock, in seconds since 1970.",
    ("channel",),
)
LEASE_HELD = Metric(
    "gateway_lease_held",
    Kind.GAUGE,
    "1 if this replica of the node has the stream of a channel; a node that is one process has all of them.",
    ("channel",),
)
REPLICAS = Metric(
    "gateway_replicas",
    Kind.GAUGE,
    "Replicas of the node, by state: `running`, and `missing`, which were seen within the last hour; none while the "
    "database is away. A node that is one process has one.",
    ("state",),
)
DELIVERY_LAG = Metric(
    "gateway_delivery_lag_seconds",
    Kind.HISTOGRAM,
    "From the commit that sealed envelopes to that of the receipt which covers them; one for each commit.",
    ("channel",),
    _LAG_SECONDS,
)

# --- files --------------------------------------------------------------------------------------------------------

ATTACHMENT_FILES = Metric(
    "gateway_attachment_files",
    Kind.GAUGE,
    "Files of an authority of this node, or of a peer, by state: `whole`; and `coming`, uploads and transfers that are "
    "not finished.",
    ("authority", "peer", "state"),
)
ATTACHMENT_BYTES = Metric(
    "gateway_attachment_bytes",
    Kind.GAUGE,
    "What these take of their quota, by state: of `whole` ones; `arrived` of those that are not; and `expected`, for "
    "which room is kept.",
    ("authority", "peer", "state"),
)
ATTACHMENT_QUOTA = Metric(
    "gateway_attachment_quota_bytes", Kind.GAUGE, "What they may take, as `[attachments]` says.", ("authority", "peer")
)
UNATTACHED_NOTICES = Metric(
    "gateway_channel_unattached_notices",
    Kind.GAUGE,
    "Notices of a channel that have their receipt, and whose receiver has not said yet that it holds all their files.",
    ("channel",),
)
UNATTACHED_BYTES = Metric(
    "gateway_channel_unattached_bytes",
    Kind.GAUGE,
    "Bytes of these files: those that are not here yet; of a channel that leads away from here, all of them.",
    ("channel",),
)
OLDEST_UNATTACHED = Metric(
    "gateway_channel_oldest_unattached_seconds",
    Kind.GAUGE,
    "How long the oldest of these notices waits, since its receipt; 0: none waits.",
    ("channel",),
)
FILES_IDLE = Metric(
    "gateway_channel_files_idle_seconds",
    Kind.GAUGE,
    "How long no byte moved of any of these files; 0: none waits. Of a channel that leads away, the replica tells that "
    "has its stream.",
    ("channel",),
)
MOVED_BYTES = Metric(
    "gateway_attachment_moved_bytes_total",
    Kind.COUNTER,
    "Bytes of files that this process sent to a channel's recipient, or took from its sender.",
    ("channel",),
)
FILES_LET_GO = Metric(
    "gateway_attachment_files_let_go_total",
    Kind.COUNTER,
    "Files that a notice names and of which this process let go what was here, since they did not come whole: of an "
    "authority, or from a peer.",
    ("authority", "peer"),
)

# --- what ends, grows or is wrong ---------------------------------------------------------------------------------

CERTIFICATE_DAYS = Metric(
    "gateway_certificate_days_left",
    Kind.GAUGE,
    "Days until a certificate ends, as `gateway certs status` lists them; negative once it has ended.",
    _CERTIFICATE,
)
CERTIFICATE_REVOKED = Metric(
    "gateway_certificate_revoked",
    Kind.GAUGE,
    "1 if a list of its authority, or the operator's own, names the certificate.",
    _CERTIFICATE,
)
CRL_DAYS = Metric(
    "gateway_crl_days_left",
    Kind.GAUGE,
    "Days until an authority's list of revoked certificates must be renewed; negative: it is late.",
    _CERTIFICATE,
)
ALARM = Metric("gateway_alarm_raised", Kind.GAUGE, "1 for each alarm that is raised now.", ("about",))
JOURNAL_ENTRIES = Metric("gateway_journal_entries", Kind.GAUGE, "Entries of the access journal.")
JOURNAL_UNSIGNED = Metric(
    "gateway_journal_unsigned_entries", Kind.GAUGE, "Of these, the last ones, which no checkpoint covers yet."
)
DATABASE_BYTES = Metric(
    "gateway_database_bytes", Kind.GAUGE, "Size of the database: its tables, and SQLite's write-ahead log.", ("part",)
)
DISK_BYTES = Metric("gateway_disk_bytes", Kind.GAUGE, "Size of the file system that holds the node's home.")
DISK_FREE = Metric("gateway_disk_free_bytes", Kind.GAUGE, "What the node may still write there.")
LOOP_LAG = Metric(
    "gateway_event_loop_lag_seconds",
    Kind.HISTOGRAM,
    "By how much the event loop comes late to what is due, looked at once a second.",
    buckets=_LOOP_SECONDS,
)
UNREADABLE = Metric(
    "gateway_metrics_unreadable",
    Kind.GAUGE,
    "1 if a part could not be read for this scrape, so that its metrics are missing.",
    ("part",),
)
BUILD_INFO = Metric(
    "gateway_build_info",
    Kind.GAUGE,
    "1, with what runs as labels.",
    ("jurisdiction", "domain", "version", "python", "grpcio"),
)

METRICS: tuple[Metric, ...] = (
    CALLS,
    CALL_SECONDS,
    CALLS_UNDER_WAY,
    STREAMS_OPEN,
    REFUSALS,
    LIMITS_HIT,
    COMMIT_SECONDS,
    COMMIT_WEIGHT,
    COMMIT_FAILURES,
    CAN_WRITE,
    QUEUE_WEIGHT,
    QUEUE_LIMIT,
    CHANNEL_STATE,
    CHANNEL_ENVELOPES,
    CHANNEL_RECEIPTED,
    OLDEST_UNRECEIPTED,
    LAST_RECEIPT,
    LEASE_HELD,
    REPLICAS,
    DELIVERY_LAG,
    ATTACHMENT_FILES,
    ATTACHMENT_BYTES,
    ATTACHMENT_QUOTA,
    UNATTACHED_NOTICES,
    UNATTACHED_BYTES,
    OLDEST_UNATTACHED,
    FILES_IDLE,
    MOVED_BYTES,
    FILES_LET_GO,
    CERTIFICATE_DAYS,
    CERTIFICATE_REVOKED,
    CRL_DAYS,
    ALARM,
    JOURNAL_ENTRIES,
    JOURNAL_UNSIGNED,
    DATABASE_BYTES,
    DISK_BYTES,
    DISK_FREE,
    LOOP_LAG,
    UNREADABLE,
    BUILD_INFO,
)
"""In the order in which they are told."""
