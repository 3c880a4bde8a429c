"""Puts together what back offices can call: of each subject its questions, its commands and the service before them."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from gateway.alarms import Alarms
from gateway.commands.assistance import tell_overdue
from gateway.commands.draft_acts import DraftActs
from gateway.commands.drafts import DraftCommands
from gateway.commands.framework_sealing import FrameworkSealing
from gateway.commands.frameworks import FrameworkCommands
from gateway.commands.notice_sealing import NoticeSealing
from gateway.commands.notices import NoticeCommands
from gateway.commands.retention import Retention
from gateway.commands.seals import SealCommands
from gateway.commands.sharing import SharingCommands
from gateway.home.home import Home
from gateway.home.lifetimes import lifetimes_of
from gateway.identity.pairing.parties import Parties
from gateway.identity.seals.signers import Keyring
from gateway.metrics.instruments import Instruments
from gateway.moments import datetime_of
from gateway.node import chores
from gateway.node.attaching import Attaching
from gateway.questions.assistance import AssistanceQuestions
from gateway.questions.auditing import Auditing
from gateway.questions.certificates import CertificateQuestions
from gateway.questions.comparisons import ComparisonQuestions
from gateway.questions.drafts import DraftQuestions
from gateway.questions.events import EventQuestions
from gateway.questions.evidence import Proofs
from gateway.questions.filters import Filters
from gateway.questions.frameworks import FrameworkQuestions
from gateway.questions.health import Health
from gateway.questions.links import Links
from gateway.questions.notices import NoticeQuestions
from gateway.questions.sealed_tokens import SealedTokens
from gateway.questions.sharing import SharingQuestions
from gateway.questions.standing import Standing
from gateway.rpc.admin import AdminServicer
from gateway.rpc.assistance import AssistanceServicer
from gateway.rpc.audit import AuditServicer
from gateway.rpc.drafts import DraftServicer
from gateway.rpc.events import EventServicer
from gateway.rpc.evidence import EvidenceServicer
from gateway.rpc.frameworks import FrameworkServicer
from gateway.rpc.health import HealthServicer
from gateway.rpc.notices import NoticeServicer
from gateway.rpc.server import SERVICES, Services
from gateway.rpc.sharing import SharingServicer
from gateway.store.bulletin import Bulletin
from gateway.store.committer import Committer
from gateway.store.readers import Readers
from gateway.telemetry.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Core:
    """What a node has once its store is open, and everything that it serves is made of.

    Attributes:
        home: of the node
        parties: who exchanges
        keyring: what seals
        token_key: of the store; makes tokens that tell nothing
        committer: the one writer
        readers: of the store
        bulletin: tells of commits
        links: how each channel's stream does
        alarms: what needs an operator
        instruments: count what happens
        tracing: makes spans
        now: the machine's clock, with a time zone: certificates are looked at by it
        clock: the time that the node believes, microseconds since 1970
    """

    home: Home
    parties: Parties
    keyring: Keyring
    token_key: bytes
    committer: Committer
    readers: Readers
    bulletin: Bulletin
    links: Links
    alarms: Alarms
    instruments: Instruments
    tracing: Tracing
    now: Callable[[], datetime]
    clock: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Serving:
    """What back offices can call, and what else of it the node needs.

    Attributes:
        services: for the listener
        attaching: files, of which peers have some to give and some to get
        seals: must be looked at again and again
        certificates: when they end, for the page of metrics
        health: is told of each commit
        chores: what runs for as long as the node does
    """

    services: Services
    attaching: Attaching
    seals: SealCommands
    certificates: CertificateQuestions
    health: Health
    chores: Sequence[chores.Chore]


def serving_of(core: Core) -> Serving:
    """Puts it together, each part after those that it is made of."""
    home, parties, committer, readers, bulletin = core.home, core.parties, core.committer, core.readers, core.bulletin
    clock, random, node, four_eyes = core.clock, secrets.token_bytes, home.config.node, home.config.four_eyes
    tokens, approval = SealedTokens(core.token_key, random), four_eyes.approval_rules()
    filters = Filters(parties, readers)

    notices = NoticeQuestions(readers, tokens, filters)
    notice_sealing = NoticeSealing(parties, approval)
    notice_commands = NoticeCommands(parties, committer, notice_sealing, notices, clock, random)

    frameworks = FrameworkQuestions(readers, tokens, filters)
    framework_sealing = FrameworkSealing(parties, approval, frameworks)
    framework_commands = FrameworkCommands(parties, committer, framework_sealing, frameworks, clock, random)

    drafts = DraftQuestions(readers, tokens)
    acts = DraftActs(parties, notice_sealing, framework_sealing, approval)
    draft_commands = DraftCommands(parties.jurisdiction, committer, acts, drafts, four_eyes.draft_days, clock, random)

    sharing = SharingQuestions(readers, tokens, clock)
    sharing_commands = SharingCommands(committer, notice_sealing, sharing, random)

    attaching = Attaching(
        home, parties, committer, readers, bulletin, alarms=core.alarms, instruments=core.instruments, clock=clock
    )

    prepared = partial(home.prepared_seal, core.now)
    seals = SealCommands(parties, committer, bulletin, core.keyring, prepared, home.seals.adopt)
    certificates = CertificateQuestions(partial(lifetimes_of, home), bulletin)
    standing = Standing(
        parties,
        node.authorities,
        seals.seal_in_force,
        bulletin,
        core.links,
        attaching.standing,
        core.alarms,
        clock,
    )
    auditing = Auditing(lambda: parties.own_seals.expecting(core.keyring.seals), readers, tokens, committer, filters)
    health = Health([each.full_name for each in SERVICES], bulletin, core.links)

    services = Services(
        NoticeServicer(notice_commands, notices),
        FrameworkServicer(framework_commands, frameworks, ComparisonQuestions(readers, tokens, clock, filters)),
        DraftServicer(draft_commands, drafts),
        SharingServicer(sharing_commands, sharing),
        AssistanceServicer(AssistanceQuestions(readers, tokens, clock, node.authorities, filters)),
        attaching.servicer,
        EventServicer(EventQuestions(readers, bulletin, tokens, core.tracing.traceparent_at, filters)),
        EvidenceServicer(Proofs(readers, bulletin)),
        AdminServicer(standing, certificates, seals),
        AuditServicer(auditing),
        HealthServicer(health),
    )

    def believed() -> datetime:
        return datetime_of(clock())

    retention = Retention(parties, committer, readers, clock)
    going_on: list[chores.Chore] = [
        partial(chores.try_to_write, committer, health),
        partial(chores.tell_expiring, committer, certificates.lifetimes, believed),
        partial(chores.tell_days, framework_commands, believed),
        partial(chores.tell_overdue, partial(tell_overdue, committer, clock), believed),
        partial(chores.expire_drafts, draft_commands),
        partial(chores.tell_seal, seals),
        partial(chores.destroy_past, retention, believed),
        *attaching.chores,
    ]
    return Serving(services, attaching, seals, certificates, health, going_on)
