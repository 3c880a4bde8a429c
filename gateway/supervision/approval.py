"""Four eyes: which acts another identity must approve before they are sealed, and who is another identity.

A node's operator writes the rules (``four_eyes.rules`` in its configuration). An act is told as one or more
``Proposed`` values, so that no way around a rule remains: a notice that withdraws an earlier one is also a withdrawal
of that one, a notice in place of an earlier one is also a new notice.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from regulator.exchange.v1.framework_pb2 import AssessmentContent, FrameworkVersionContent
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.errors import ApprovalRequired, NotAllowed
from gateway.supervision.envelopes.envelopes import Actor
from gateway.supervision.notices.content import kind_of, notice_id
from gateway.supervision.notices.handling import covers
from gateway.supervision.notices.records import Find, NoticeRecord


class ActKind(StrEnum):
    """What a rule, and a draft, may be about: the names of the fields in ``Draft.act``."""

    CREATE_NOTICE = "create_notice"
    SUPERSEDE_NOTICE = "supersede_notice"
    WITHDRAW_NOTICE = "withdraw_notice"
    PUBLISH_VERSION = "publish_version"
    ASSESS = "assess"


@dataclass(frozen=True, slots=True)
class Proposed:
    """What an act is, as far as rules ask; what it does not have is 0.

    ``sectors`` is None for an act of which no sector is known: it counts as being of every one.
    """

    act: ActKind
    kind: Notice.Kind.ValueType = Notice.KIND_UNSPECIFIED
    tlp: Handling.Tlp.ValueType = Handling.TLP_UNSPECIFIED
    urgency: NoticeContent.Urgency.ValueType = NoticeContent.URGENCY_UNSPECIFIED
    sectors: frozenset[Sector.ValueType] | None = None


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """A rule. Conditions that are empty or 0 always hold, the others must all hold.

    Attributes:
        name: by which it is told to those whom it stops
        acts: what it is about
        kinds: of notice
        tlp: this label or a narrower one
        urgency: this one or a higher one
        sectors: one of them at least
    """

    name: str
    acts: frozenset[ActKind] = frozenset()
    kinds: frozenset[Notice.Kind.ValueType] = frozenset()
    tlp: Handling.Tlp.ValueType = Handling.TLP_UNSPECIFIED
    urgency: NoticeContent.Urgency.ValueType = NoticeContent.URGENCY_UNSPECIFIED
    sectors: frozenset[Sector.ValueType] = frozenset()

    def covers(self, proposed: Proposed) -> bool:
        """Whether it asks for approval of an act."""
        return (
            (not self.acts or proposed.act in self.acts)
            and (not self.kinds or proposed.kind in self.kinds)
            and (not self.tlp or covers(proposed.tlp, self.tlp))
            and proposed.urgency >= self.urgency
            and (not self.sectors or proposed.sectors is None or not self.sectors.isdisjoint(proposed.sectors))
        )


def asking_rule(rules: Iterable[ApprovalRule], proposed: Sequence[Proposed]) -> str:
    """The name of the first rule that asks for approval; empty: none does."""
    return next((rule.name for rule in rules if any(map(rule.covers, proposed))), "")


def require_approval(rules: Sequence[ApprovalRule], proposed: Iterable[Proposed], approver: Actor | None) -> None:
    """Passes if somebody approved, or nobody had to; without rules, it does not even look at what is proposed.

    Raises:
        ApprovalRequired: naming the rule.
    """
    if rules and approver is None and (rule := asking_rule(rules, tuple(proposed))):
        raise ApprovalRequired(
            f"the rule {rule!r} of this node asks for four eyes: make a draft with DraftService", rule=rule
        )


def require_another(author: Actor, reviewer: Actor) -> None:
    """Passes if the reviewer is another identity than the author.

    Where both act for an officer, the officers must differ: two people may share a system, and one person may use two.
    Where one of them is a system alone, the systems must differ.

    Raises:
        NotAllowed: they are not known to be two.
    """
    if author.officer and reviewer.officer:
        if author.officer == reviewer.officer:
            raise NotAllowed("the officer who wrote a draft does not review it")
    elif author.client == reviewer.client:
        raise NotAllowed("the client that wrote a draft does not review it, unless for another officer")


# --- what acts are ------------------------------------------------------------------------------------------------


def proposed_notice(content: NoticeContent, find: Find) -> Iterator[Proposed]:
    """What giving a notice is: a new notice, and what its references do to earlier ones."""
    yield _of_content(ActKind.CREATE_NOTICE, content)
    for reference in content.references:
        record = find(notice_id(reference.notice))
        if reference.relation == Reference.SUPERSEDES:
            yield _of_content(ActKind.SUPERSEDE_NOTICE, content)
            if record:
                yield _of_record(ActKind.SUPERSEDE_NOTICE, record)
        elif reference.relation == Reference.WITHDRAWS and record:
            yield _of_record(ActKind.WITHDRAW_NOTICE, record)


def proposed_withdrawal(record: NoticeRecord) -> Iterator[Proposed]:
    """What taking a notice back is."""
    yield _of_record(ActKind.WITHDRAW_NOTICE, record)


def proposed_version(content: FrameworkVersionContent, replaced: Iterable[Sector.ValueType] = ()) -> Iterator[Proposed]:
    """What publishing a version is, of the sectors of all its provisions, and of those whose place it takes."""
    sectors = frozenset(each.sector for each in content.provisions).union(replaced)
    yield Proposed(ActKind.PUBLISH_VERSION, sectors=sectors)


def proposed_assessment(content: AssessmentContent) -> Iterator[Proposed]:
    """What an assessment is; of a pair of provisions no sector is known here."""
    sectors = frozenset({content.area.sector}) if content.HasField("area") else None
    yield Proposed(ActKind.ASSESS, sectors=sectors)


def _of_content(act: ActKind, content: NoticeContent) -> Proposed:
    sectors = frozenset(content.sectors)
    return Proposed(act, kind_of(content), content.handling.tlp, content.urgency, sectors)


def _of_record(act: ActKind, record: NoticeRecord) -> Proposed:
    return Proposed(act, record.kind, record.tlp, record.urgency, frozenset(record.sectors))
