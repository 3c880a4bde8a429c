"""Puts together what back offices can call: the services before what can be asked and done."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from gateway.node import chores
from gateway.node.core import Core
from gateway.node.subjects import Subjects
from gateway.questions.certificates import CertificateQuestions, Read
from gateway.questions.health import Health
from gateway.questions.standing import Standing
from gateway.rpc.admin import AdminServicer
from gateway.rpc.assistance import AssistanceServicer
from gateway.rpc.attachments import AttachmentServicer
from gateway.rpc.audit import AuditServicer
from gateway.rpc.drafts import DraftServicer
from gateway.rpc.events import EventServicer
from gateway.rpc.evidence import EvidenceServicer
from gateway.rpc.frameworks import FrameworkServicer
from gateway.rpc.health import HealthServicer
from gateway.rpc.notices import NoticeServicer
from gateway.rpc.server import SERVICES, Services
from gateway.rpc.sharing import SharingServicer


@dataclass(frozen=True, slots=True)
class Serving:
    """What back offices can call, and what else of it the node needs.

    Attributes:
        services: for the listener
        certificates: when they end, for the page of metrics
        health: is told of each commit
        chores: what runs for as long as the node does
    """

    services: Services
    certificates: CertificateQuestions
    health: Health
    chores: Sequence[chores.Chore]


def serving_of(core: Core, subjects: Subjects, lifetimes: Read) -> Serving:
    """Puts it together; ``lifetimes`` tells how long the certificates of the home last."""
    ground, files, seals = core.ground, subjects.files, subjects.seals
    certificates = CertificateQuestions(lifetimes, core.bulletin)
    standing = Standing(
        ground.parties,
        ground.authorities,
        seals.seal_in_force,
        core.bulletin,
        core.links,
        files.standing,
        core.alarms,
        ground.clock,
    )
    health = Health([each.full_name for each in SERVICES], core.bulletin, core.links)
    services = Services(
        NoticeServicer(subjects.notices, subjects.notice_questions),
        FrameworkServicer(subjects.frameworks, subjects.framework_questions, subjects.comparisons),
        DraftServicer(subjects.drafts, subjects.draft_questions),
        SharingServicer(subjects.sharing, subjects.sharing_questions),
        AssistanceServicer(subjects.assistance),
        AttachmentServicer(files.commands, files.questions),
        EventServicer(subjects.events),
        EvidenceServicer(subjects.proofs),
        AdminServicer(standing, certificates, seals),
        AuditServicer(subjects.auditing),
        HealthServicer(health),
    )
    going_on: Sequence[chores.Chore] = (
        partial(chores.try_to_write, core.committer, health),
        partial(chores.tell_expiring, core.committer, certificates.lifetimes, ground.believed),
    )
    return Serving(services, certificates, health, going_on)
