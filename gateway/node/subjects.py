"""Puts together what back offices can ask for and have done: of each subject its questions and its commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from gateway.commands.assistance import tell_overdue
from gateway.commands.days import tell_days
from gateway.commands.draft_acts import DraftActs
from gateway.commands.drafts import DraftCommands
from gateway.commands.framework_sealing import FrameworkSealing
from gateway.commands.frameworks import FrameworkCommands
from gateway.commands.notice_sealing import NoticeSealing
from gateway.commands.notices import NoticeCommands
from gateway.commands.retention import Retention
from gateway.commands.seals import SealCommands
from gateway.commands.sharing import SharingCommands
from gateway.node import chores
from gateway.node.core import Core
from gateway.node.files import Files
from gateway.questions.assistance import AssistanceQuestions
from gateway.questions.auditing import Auditing
from gateway.questions.comparisons import ComparisonQuestions
from gateway.questions.drafts import DraftQuestions
from gateway.questions.events import EventQuestions
from gateway.questions.evidence import Proofs
from gateway.questions.filters import Filters
from gateway.questions.frameworks import FrameworkQuestions
from gateway.questions.notices import NoticeQuestions
from gateway.questions.sealed_tokens import SealedTokens
from gateway.questions.sharing import SharingQuestions


@dataclass(frozen=True, slots=True)
class Subjects:
    """What can be asked and done, by subject; and what the node does about them by itself.

    Attributes:
        tokens: that tell nothing
        files: that belong to notices
        chores: what runs for as long as the node does
    """

    tokens: SealedTokens
    notices: NoticeCommands
    notice_questions: NoticeQuestions
    frameworks: FrameworkCommands
    framework_questions: FrameworkQuestions
    comparisons: ComparisonQuestions
    drafts: DraftCommands
    draft_questions: DraftQuestions
    sharing: SharingCommands
    sharing_questions: SharingQuestions
    assistance: AssistanceQuestions
    files: Files
    events: EventQuestions
    proofs: Proofs
    auditing: Auditing
    seals: SealCommands
    chores: Sequence[chores.Chore]


def subjects_of(core: Core) -> Subjects:
    """Puts it together, each part after those that it is made of."""
    ground, committer, readers, bulletin = core.ground, core.committer, core.readers, core.bulletin
    parties, keyring, approval = ground.parties, ground.keyring, ground.approval
    clock, random = ground.clock, ground.random
    tokens, filters = SealedTokens(core.token_key, random), Filters(parties, readers)

    notice_questions = NoticeQuestions(readers, tokens, filters)
    notice_sealing = NoticeSealing(parties, approval)
    notices = NoticeCommands(parties, committer, notice_sealing, notice_questions, clock, random)

    framework_questions = FrameworkQuestions(readers, tokens, filters)
    framework_sealing = FrameworkSealing(parties, approval, framework_questions)
    frameworks = FrameworkCommands(parties, committer, framework_sealing, framework_questions, clock, random)

    draft_questions = DraftQuestions(readers, tokens)
    acts = DraftActs(parties, notice_sealing, framework_sealing, approval)
    drafts = DraftCommands(parties.jurisdiction, committer, acts, draft_questions, ground.draft_days, clock, random)

    sharing_questions = SharingQuestions(readers, tokens, clock)
    seals = SealCommands(parties, committer, bulletin, keyring, ground.prepared_seal, ground.adopt)
    files, retention = Files(core), Retention(parties, committer, readers, clock)
    going_on: Sequence[chores.Chore] = (
        *files.chores,
        partial(chores.tell_days, partial(tell_days, committer, readers, clock), ground.believed),
        partial(chores.tell_overdue, partial(tell_overdue, committer, readers, clock), ground.believed),
        partial(chores.expire_drafts, drafts),
        partial(chores.tell_seal, seals),
        partial(chores.destroy_past, retention, ground.believed),
    )
    return Subjects(
        tokens=tokens,
        notices=notices,
        notice_questions=notice_questions,
        frameworks=frameworks,
        framework_questions=framework_questions,
        comparisons=ComparisonQuestions(readers, tokens, clock, filters),
        drafts=drafts,
        draft_questions=draft_questions,
        sharing=SharingCommands(committer, notice_sealing, sharing_questions, random),
        sharing_questions=sharing_questions,
        assistance=AssistanceQuestions(readers, tokens, clock, ground.authorities, filters),
        files=files,
        events=EventQuestions(readers, bulletin, tokens, ground.tracing.traceparent_at, filters),
        proofs=Proofs(readers, bulletin),
        auditing=Auditing(lambda: parties.own_seals.expecting(keyring.seals), readers, tokens, committer, filters),
        seals=seals,
        chores=going_on,
    )
