"""The tables. ``leaves`` and ``heads`` are the truth; the projections can be rebuilt from them.

Times in ``*_at`` columns are microseconds since 1970 (UTC), in ``*_time`` columns seconds. The writer alone gives
out ``events.cursor`` and ``notices.sequence``, without gaps.
"""

from gateway.store.tables.assistance import assistance as assistance
from gateway.store.tables.attachments import DROPPED as DROPPED
from gateway.store.tables.attachments import attachment_chunks as attachment_chunks
from gateway.store.tables.attachments import attachment_totals as attachment_totals
from gateway.store.tables.attachments import attachments as attachments
from gateway.store.tables.attachments import notice_attachments as notice_attachments
from gateway.store.tables.base import BIG as BIG
from gateway.store.tables.base import metadata as metadata
from gateway.store.tables.channels import JOURNAL as JOURNAL
from gateway.store.tables.channels import channels as channels
from gateway.store.tables.channels import forks as forks
from gateway.store.tables.channels import halt_evidence as halt_evidence
from gateway.store.tables.channels import heads as heads
from gateway.store.tables.channels import leaves as leaves
from gateway.store.tables.channels import seals as seals
from gateway.store.tables.channels import subtrees as subtrees
from gateway.store.tables.drafts import draft_events as draft_events
from gateway.store.tables.drafts import drafts as drafts
from gateway.store.tables.events import OVERDUE as OVERDUE
from gateway.store.tables.events import UNUSABLE as UNUSABLE
from gateway.store.tables.events import events as events
from gateway.store.tables.frameworks import assessments as assessments
from gateway.store.tables.frameworks import framework_events as framework_events
from gateway.store.tables.frameworks import framework_versions as framework_versions
from gateway.store.tables.frameworks import provisions as provisions
from gateway.store.tables.frameworks import told_days as told_days
from gateway.store.tables.node import node as node
from gateway.store.tables.node import requests as requests
from gateway.store.tables.notices import UNATTACHED as UNATTACHED
from gateway.store.tables.notices import notice_identifiers as notice_identifiers
from gateway.store.tables.notices import notices as notices
from gateway.store.tables.replicas import OF_PROCESSES as OF_PROCESSES
from gateway.store.tables.replicas import leases as leases
from gateway.store.tables.replicas import replicas as replicas
from gateway.store.tables.sharing import sharing_acts as sharing_acts
