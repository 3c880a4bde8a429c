"""Drafts: what a node keeps of one, its states, and one function for each thing that can happen to it.

A draft is no projection of a log: nothing of it is sealed before it is released, so it is kept as it is, in the
database alone. Once it is released or has expired, its act is not kept: what it became holds it, or nobody does.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from hashlib import sha256

from google.protobuf.message import Message
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.errors import BadInput, Stale, WrongState
from gateway.supervision.approval import ActKind, ApprovalRule, Proposed, asking_rule
from gateway.supervision.disclosure import Scope
from gateway.supervision.envelopes.envelopes import Actor, author_message
from gateway.supervision.notices.handling import TLP_ORDER
from gateway.supervision.outcomes import EventContent

NAME_PREFIX = "drafts/"
SALT_BYTES = 32


class Step(Enum):
    """What can happen to a draft."""

    UPDATE = auto()
    SUBMIT = auto()
    APPROVE = auto()
    REJECT = auto()
    RECALL = auto()
    EXPIRE = auto()


# state and step: the state after it. What does not stand here is not allowed.
AFTER: Mapping[tuple[Draft.State.ValueType, Step], Draft.State.ValueType] = {
    (Draft.DRAFT, Step.UPDATE): Draft.DRAFT,
    (Draft.DRAFT, Step.SUBMIT): Draft.PENDING_APPROVAL,
    (Draft.DRAFT, Step.EXPIRE): Draft.EXPIRED,
    (Draft.PENDING_APPROVAL, Step.APPROVE): Draft.RELEASED,
    (Draft.PENDING_APPROVAL, Step.REJECT): Draft.REJECTED,
    (Draft.PENDING_APPROVAL, Step.RECALL): Draft.RECALLED,
    (Draft.PENDING_APPROVAL, Step.EXPIRE): Draft.EXPIRED,
    (Draft.REJECTED, Step.UPDATE): Draft.DRAFT,
    (Draft.REJECTED, Step.EXPIRE): Draft.EXPIRED,
    (Draft.RECALLED, Step.UPDATE): Draft.DRAFT,
    (Draft.RECALLED, Step.SUBMIT): Draft.PENDING_APPROVAL,
    (Draft.RECALLED, Step.EXPIRE): Draft.EXPIRED,
}

FINAL = frozenset({Draft.RELEASED, Draft.EXPIRED})


@dataclass(frozen=True, slots=True)
class Nature:
    """What an act is, as far as it decides who must approve it and who sees it.

    Attributes:
        rule: the first one that asks for approval; empty: none does
        tlp: the narrowest label of what it says or changes
        sectors: none means all
        kind: of notice
    """

    rule: str = ""
    tlp: Handling.Tlp.ValueType = Handling.TLP_UNSPECIFIED
    sectors: frozenset[Sector.ValueType] = frozenset()
    kind: Notice.Kind.ValueType = Notice.KIND_UNSPECIFIED


@dataclass(frozen=True, slots=True)
class DraftRecord:
    """One draft. Times are microseconds since 1970; None: it has not happened."""

    id: str  # hk-2026-...
    revision: int  # 1 when it is new, one more with every change
    state: Draft.State.ValueType
    act: ActKind
    request: Message | None  # of the act's method; None once it is released or has expired
    author: Author  # who wrote it last
    nature: Nature  # when it was written last
    created_at: int
    updated_at: int  # when it was written last
    expires_at: int  # unless something is done with it
    submitted_at: int | None = None
    reviewed_at: int | None = None
    reviewer: Author | None = None
    reason: str = ""  # why it was rejected last; empty once it is released or has expired
    released: str = ""  # name of what it became
    salt: bytes = b""  # of its digest; empty once it is released or has expired, and of one of an earlier version


def draft_name(draft_id: str) -> str:
    """The resource name of a draft: ``drafts/hk-2026-...``."""
    return NAME_PREFIX + draft_id


def draft_id(name: str) -> str:
    """The id in the name of a draft."""
    return name.removeprefix(NAME_PREFIX)


def etag_of(record: DraftRecord) -> str:
    """The opaque text by which a caller shows which draft it read (AIP-154).

    It is over all that the draft says and all that is told of it, so that who states it acts on what was read, also
    where somebody wrote to the database meanwhile, past the node, which counts its own changes alone.
    """
    one, other, nature = record.author, record.reviewer or Author(), record.nature
    told = [
        *(record.id, record.revision, record.state, record.act, record.reason, record.released),
        *(one.authority, one.client, one.officer, other.authority, other.client, other.officer),
        *(nature.rule, nature.tlp, sorted(nature.sectors), nature.kind),
        *(record.created_at, record.updated_at, record.expires_at, record.submitted_at, record.reviewed_at),
    ]
    said = b"" if record.request is None else record.request.SerializeToString(deterministic=True)
    digest = urlsafe_b64encode(sha256(json.dumps(told).encode() + said).digest()).rstrip(b"=")
    return f'"{record.revision}-{digest.decode()}"'


def digest_of(record: DraftRecord) -> bytes:
    """What the access journal tells of what a draft says, who wrote it and its label; empty: it has no salt, or no act.

    All that it says goes in, so that it shows who changes it past the node. It betrays nothing once the salt is gone.
    """
    if record.request is None or not record.salt:
        return b""
    author, nature = record.author, record.nature
    texts = (author.authority, author.client, author.officer, nature.rule)
    numbers = (str(nature.tlp), ",".join(map(str, sorted(nature.sectors))), str(nature.kind))
    said = record.request.SerializeToString(deterministic=True)
    parts = [record.salt, record.id.encode(), record.act.encode(), said, *map(str.encode, (*texts, *numbers))]
    return sha256(b"".join(len(part).to_bytes(8) + part for part in parts)).digest()


def nature_of(proposed: Iterable[Proposed], rules: Iterable[ApprovalRule]) -> Nature:
    """What an act is, of all that it does."""
    parts = tuple(proposed)
    labels = [each.tlp for each in parts if each.tlp in TLP_ORDER]
    known = [each.sectors for each in parts]
    return Nature(
        rule=asking_rule(rules, parts),
        tlp=max(labels, key=TLP_ORDER.index, default=Handling.TLP_UNSPECIFIED),
        sectors=frozenset[Sector.ValueType]().union(*(each for each in known if each is not None)),
        kind=next((each.kind for each in parts if each.kind), Notice.KIND_UNSPECIFIED),
    )


def may_see(nature: Nature, scope: Scope) -> bool:
    """Whether a client of the draft's own authority sees it; frameworks and assessments bear no label."""
    return not nature.tlp or scope.sees(nature.tlp, nature.sectors)


def require(record: DraftRecord, step: Step, now: int, etag: str = "") -> Draft.State.ValueType:
    """The state after a step, if it is allowed now.

    Raises:
        Stale: the draft is not the one that was read.
        WrongState: its state does not allow the step, or its time is over; metadata ``state`` and ``allowed``.
    """
    name = draft_name(record.id)
    over = step is not Step.EXPIRE and record.state not in FINAL and now >= record.expires_at
    state = Draft.EXPIRED if over else record.state
    told = Draft.State.Name(state)
    if etag and etag != etag_of(record):
        raise Stale(f"{name} has changed since it was read, and is {told}: read it anew", draft=name)
    after = AFTER.get((state, step))
    if after is None:
        allowed = ", ".join(Draft.State.Name(each) for each, other in AFTER if other is step)
        todo = ": write it anew first" if (state, step) == (Draft.REJECTED, Step.SUBMIT) else ""
        raise WrongState(
            f"{step.name.lower()} needs a draft in state {allowed}; {name} is {told}{todo}",
            draft=name,
            state=told,
            allowed=allowed,
        )
    return after


def draft_event(kind: Event.Kind.ValueType, record: DraftRecord) -> EventContent:
    """What is told of something that happened to a draft."""
    return EventContent(
        kind,
        notice_kind=record.nature.kind,
        draft_id=record.id,
        authority=record.author.authority,
        tlp=record.nature.tlp,
        sectors=tuple(record.nature.sectors),
    )


# --- what happens -------------------------------------------------------------------------------------------------


def new_draft(  # noqa: PLR0913 - what it is made of
    new_id: str, act: ActKind, request: Message, author: Actor, nature: Nature, now: int, lifetime: int, *, salt: bytes
) -> DraftRecord:
    """It is written for the first time; ``lifetime`` is in microseconds, as everywhere here; ``salt``: random bytes."""
    return DraftRecord(
        id=new_id,
        revision=1,
        state=Draft.DRAFT,
        act=act,
        request=request,
        author=author_message(author),
        nature=nature,
        created_at=now,
        updated_at=now,
        expires_at=now + lifetime,
        salt=salt,
    )


def updated(
    record: DraftRecord, request: Message, author: Actor, nature: Nature, now: int, lifetime: int, *, salt: bytes
) -> DraftRecord:
    """It is written anew."""
    changed = _after(record, Step.UPDATE, now, lifetime)
    return replace(changed, request=request, author=author_message(author), nature=nature, updated_at=now, salt=salt)


def submitted(record: DraftRecord, now: int, lifetime: int) -> DraftRecord:
    """Its author asks for approval."""
    return replace(_after(record, Step.SUBMIT, now, lifetime), submitted_at=now)


def released(record: DraftRecord, approver: Actor, name: str, now: int) -> DraftRecord:
    """It is sealed, and became what ``name`` names; what it said, and what was said of it, is dropped here."""
    changed = _after(record, Step.APPROVE, now, 0)
    dropped = replace(changed, request=None, reason="", salt=b"")
    return replace(dropped, reviewer=author_message(approver), reviewed_at=now, released=name)


def rejected(record: DraftRecord, reviewer: Actor, reason: str, now: int, lifetime: int) -> DraftRecord:
    """It is refused."""
    changed = _after(record, Step.REJECT, now, lifetime)
    return replace(changed, reviewer=author_message(reviewer), reviewed_at=now, reason=reason)


def recalled(record: DraftRecord, now: int, lifetime: int) -> DraftRecord:
    """It is taken back."""
    return _after(record, Step.RECALL, now, lifetime)


def expired(record: DraftRecord, now: int) -> DraftRecord:
    """Its time is over; what it said, and what was said of it, is dropped."""
    changed = _after(record, Step.EXPIRE, now, 0)
    return replace(changed, request=None, reason="", salt=b"", expires_at=record.expires_at)


def check_same_act(record: DraftRecord, act: ActKind) -> None:
    """Passes if a draft is written anew as the same kind of act; raises BadInput."""
    if act != record.act:
        raise BadInput.of(f"draft.{act}", f"must be the same kind of act as before, {record.act}")


def _after(record: DraftRecord, step: Step, now: int, lifetime: int) -> DraftRecord:
    state = require(record, step, now)
    return replace(record, state=state, revision=record.revision + 1, expires_at=now + lifetime)
