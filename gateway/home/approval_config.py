"""The rules of four eyes in ``config.toml``: their words, and what they mean to ``supervision.approval``."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.supervision.approval import ActKind, ApprovalRule
from gateway.words import words

_FRAMEWORK_ACTS = {ActKind.PUBLISH_VERSION, ActKind.ASSESS}


def _one_of(known: Mapping[str, int]) -> BeforeValidator:
    def number(word: object) -> int:
        if not isinstance(word, str) or word.lower() not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return known[word.lower()]

    return BeforeValidator(number)


_KINDS, _LABELS = words(Notice.Kind), words(Handling.Tlp)
_URGENCIES, _SECTORS = words(NoticeContent.Urgency), words(Sector, "SECTOR_")


class ApprovalRuleSection(BaseModel):
    """A rule of four eyes: what is left out always holds, all else must; the first rule that covers an act is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern="^[a-z0-9][a-z0-9-]{0,63}$", description="By which it is told to those whom it stops.")
    acts: tuple[ActKind, ...] = Field((), max_length=5, description=f"Only these acts, of {', '.join(ActKind)}.")
    kinds: tuple[Annotated[int, _one_of(_KINDS)], ...] = Field(
        (), max_length=16, description=f"Only notices of these kinds, of {', '.join(_KINDS)}."
    )
    handling: Annotated[int, _one_of(_LABELS)] | None = Field(
        None, description=f"Only notices with this TLP label or a narrower one, of {', '.join(_LABELS)}."
    )
    urgency: Annotated[int, _one_of(_URGENCIES)] | None = Field(
        None, description=f"Only notices of this urgency or a higher one, of {', '.join(_URGENCIES)}."
    )
    sectors: tuple[Annotated[int, _one_of(_SECTORS)], ...] = Field(
        (), max_length=16, description=f"Only acts of one of these sectors, of {', '.join(_SECTORS)}."
    )

    @model_validator(mode="after")
    def _can_cover(self) -> Self:
        about_notices = self.kinds or self.handling or self.urgency
        if about_notices and self.acts and _FRAMEWORK_ACTS.issuperset(self.acts):
            raise ValueError("never asks for anything: versions and assessments have no kind, handling or urgency")
        return self

    def rule(self) -> ApprovalRule:
        """Gives what it means."""
        return ApprovalRule(
            name=self.name,
            acts=frozenset(self.acts),
            kinds=frozenset(map(Notice.Kind.ValueType, self.kinds)),
            tlp=Handling.Tlp.ValueType(self.handling or 0),
            urgency=NoticeContent.Urgency.ValueType(self.urgency or 0),
            sectors=frozenset(map(Sector.ValueType, self.sectors)),
        )


class FourEyesSection(BaseModel):
    """Which acts another identity than their author must approve, and drafts of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[ApprovalRuleSection, ...] = Field(
        (), max_length=100, description="The rules, each a table of its own, see below; none: nothing needs approval."
    )
    draft_days: int = Field(
        30, ge=1, le=366, description="Days after which a draft expires that nobody does anything with."
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("each rule needs a name of its own")
        return self

    def approval_rules(self) -> tuple[ApprovalRule, ...]:
        """Gives what the rules mean, in order."""
        return tuple(each.rule() for each in self.rules)
