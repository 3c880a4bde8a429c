"""Drafts in a store: commands as a node has them, and people who write and approve."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from google.protobuf.message import Message
from regulator.exchange.v1.draft_service_pb2 import (
    ApproveDraftRequest,
    CreateDraftRequest,
    Draft,
    GetDraftRequest,
    RecallDraftRequest,
    RejectDraftRequest,
    SubmitDraftRequest,
    UpdateDraftRequest,
)
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, Notice, WithdrawNoticeRequest
from regulator.exchange.v1.values_pb2 import Handling, LocalizedText

from gateway.commands.draft_acts import DraftActs
from gateway.commands.drafts import DraftCommands
from gateway.commands.framework_sealing import FrameworkSealing
from gateway.commands.notice_sealing import NoticeSealing
from gateway.identity.access.access import Caller, Role
from gateway.journal.entries import CallRecord, Requester
from gateway.questions.drafts import DraftQuestions
from gateway.questions.frameworks import FrameworkQuestions
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.tables import JOURNAL, events, leaves
from gateway.supervision.approval import ApprovalRule
from tests.store.journaling import under
from tests.store.stores import NOW, RANDOM, Opened
from tests.supervision.samples import content

DAY = 86_400_000_000  # microseconds
LIFETIME_DAYS = 30
ALL_NOTICES = (ApprovalRule("everything"),)

WRITER = Caller("spiffe://gateway.hk.example/SFC/office", "SFC", frozenset({Role.AUTHOR}), Handling.RED)
CHECKER = Caller("spiffe://gateway.hk.example/SFC/desk", "SFC", frozenset({Role.APPROVER}), Handling.RED)
SECOND = Caller("spiffe://gateway.hk.example/SFC/board", "SFC", frozenset({Role.APPROVER}), Handling.RED)
STRANGER = Caller("spiffe://gateway.hk.example/HKMA/desk", "HKMA", frozenset({Role.APPROVER}), Handling.RED)
UNCLEARED = replace(CHECKER, clearance=Handling.GREEN)
OFFICER = replace(WRITER, officer="https://id.sfc.example#wong")


async def called(
    caller: Caller, command: Callable[[Caller, Any], Coroutine[Any, Any, Draft]], request: Message
) -> Draft:
    """What a command comes to for a call, so that the access journal tells of it."""
    who = Requester(caller.client, b"\x01" * 32, caller.authority, caller.officer)
    method = f"/regulator.exchange.v1.DraftService/{type(request).__name__.removesuffix('Request')}"
    return await asyncio.create_task(under(CallRecord(who, method), command(caller, request)))


class Drafting:
    """A node's draft commands on a store, with short forms of their requests."""

    def __init__(self, store: Opened, rules: Sequence[ApprovalRule] = ALL_NOTICES) -> None:
        self.store = store
        tokens = SealedTokens(bytes(32), RANDOM.randbytes)
        clock: Callable[[], int] = lambda: NOW  # noqa: E731
        self.questions = DraftQuestions(store.readers, tokens)
        questions = FrameworkQuestions(store.readers, tokens, store.filters)
        self.frameworks = FrameworkSealing(store.parties, rules, questions)
        self.acts = DraftActs(store.parties, NoticeSealing(store.parties, rules), self.frameworks, rules)
        self.commands = DraftCommands(
            store.jurisdiction, store.committer, self.acts, self.questions, LIFETIME_DAYS, clock, RANDOM.randbytes
        )

    async def create(self, draft: Draft | None = None, caller: Caller = WRITER, **given: object) -> Draft:
        return await called(
            caller, self.commands.create_draft, CreateDraftRequest(draft=draft or notice_draft(), **given)
        )

    async def update(self, draft: Draft, caller: Caller = WRITER, **given: object) -> Draft:
        return await called(caller, self.commands.update_draft, UpdateDraftRequest(draft=draft, **given))

    async def submit(self, draft: Draft, caller: Caller = WRITER, **given: object) -> Draft:
        return await called(caller, self.commands.submit_draft, SubmitDraftRequest(name=draft.name, **given))

    async def recall(self, draft: Draft, caller: Caller = WRITER, **given: object) -> Draft:
        return await called(caller, self.commands.recall_draft, RecallDraftRequest(name=draft.name, **given))

    async def approve(self, draft: Draft, caller: Caller = CHECKER, **given: object) -> Draft:
        given = {"etag": draft.etag} | given
        return await called(caller, self.commands.approve_draft, ApproveDraftRequest(name=draft.name, **given))

    async def reject(self, draft: Draft, caller: Caller = CHECKER, **given: object) -> Draft:
        given = {"etag": draft.etag, "reason": "Name the fund."} | given
        return await called(caller, self.commands.reject_draft, RejectDraftRequest(name=draft.name, **given))

    async def pending(self, draft: Draft | None = None) -> Draft:
        return await self.submit(await self.create(draft))

    async def get(self, draft: Draft, caller: Caller = WRITER) -> Draft:
        return await self.questions.get_draft(caller, GetDraftRequest(name=draft.name))


def notice_draft(notice_id: str = "", made: NoticeContent | None = None, recipient: str = "KR") -> Draft:
    notice = Notice(recipient=recipient, content=made or content())
    return Draft(create_notice=CreateNoticeRequest(notice=notice, notice_id=notice_id))


def withdrawal_draft(notice_id: str) -> Draft:
    why = [LocalizedText(language_tag="en", text="It was wrong.")]
    return Draft(withdraw_notice=WithdrawNoticeRequest(name=f"notices/{notice_id}", explanation=why))


async def kinds(store: Opened) -> list[int]:
    return [row["kind"] for row in await store.rows(events)]


async def sealed(store: Opened) -> list[Envelope]:
    return [Envelope.FromString(row["data"]) for row in await store.rows(leaves) if row["channel"] != JOURNAL]
