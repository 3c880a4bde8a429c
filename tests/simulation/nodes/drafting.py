"""What back offices do under four eyes: one writes, others approve or refuse, two of them at the same time."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from regulator.exchange.v1 import draft_service_pb2 as pb
from regulator.exchange.v1.framework_service_pb2 import PublishVersionRequest
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest

from gateway.identity.access.access import Caller
from gateway.journal.entries import CALL_RECORD, Requester
from gateway.node.subjects import Subjects
from gateway.supervision.approval import ActKind, ApprovalRule
from tests.simulation.nodes.asking import Asked, Asking, Call, Keyed
from tests.simulation.nodes.noticing import Notices

RULES = (
    ApprovalRule("urgent", frozenset({ActKind.CREATE_NOTICE}), urgency=NoticeContent.IMMEDIATE),
    ApprovalRule("rules", frozenset({ActKind.PUBLISH_VERSION})),
)


@dataclass(frozen=True)
class Review:
    """An approval that was answered."""

    draft: str
    asked: Asked


class Drafts:
    """Those of one office."""

    def __init__(self, office: Asking, notices: Notices) -> None:
        self._office, self._random, self._notices = office, office.random, notices
        self._wrote: dict[str, Asked] = {}  # by name of draft
        self.approved: list[Review] = []
        self.acts = {"draft": self._draft, "review": self._review, "rewrite": self._rewrite}

    async def _draft(self) -> None:
        office, recipient = self._office, self._office.recipient()
        asked = office.new(recipient, mark=office.mark())
        await self.write(asked, create_notice=self._urgent(recipient, asked.mark))

    def _urgent(self, recipient: str, mark: str) -> CreateNoticeRequest:
        request = self._notices.request(recipient, mark, urgency=NoticeContent.IMMEDIATE)
        request.ClearField("request_id")
        return request

    async def write(self, asked: Asked, **act: CreateNoticeRequest | PublishVersionRequest) -> None:
        """Writes a draft, and asks for its approval; some are written anew before, or taken back for a while."""
        create = pb.CreateDraftRequest(draft=pb.Draft(**act), request_id=self._office.request_id())
        caller = self._office.caller
        made = await self._known("CreateDraft", lambda node: node.drafts.create_draft(caller, create), asked)
        if not made:
            return
        self._wrote[made.name] = asked
        if self._random.random() < 0.2:
            await self._update(made)
        await self._submit(made.name, asked)
        if self._random.random() < 0.15:
            recall = pb.RecallDraftRequest(name=made.name, request_id=self._office.request_id())
            await self._known("RecallDraft", lambda node: node.drafts.recall_draft(caller, recall), asked)
            await self._submit(made.name, asked)

    async def _submit(self, name: str, asked: Asked) -> None:
        request = pb.SubmitDraftRequest(name=name, request_id=self._office.request_id())
        await self._known("SubmitDraft", lambda node: node.drafts.submit_draft(self._office.caller, request), asked)

    async def _update(self, draft: pb.Draft) -> Any:
        request = pb.UpdateDraftRequest(draft=draft, request_id=self._office.request_id())
        asked = self._wrote[draft.name]
        return await self._known(
            "UpdateDraft", lambda node: node.drafts.update_draft(self._office.caller, request), asked
        )

    async def _rewrite(self) -> None:
        """Writes anew what was refused, and asks again."""
        draft = await self._one(pb.Draft.REJECTED)
        if not draft or draft.name not in self._wrote:
            return
        whole = await self._known(
            "GetDraft",
            lambda node: node.draft_questions.get_draft(self._office.caller, pb.GetDraftRequest(name=draft.name)),
        )
        if whole and await self._update(whole):
            await self._submit(draft.name, self._wrote[draft.name])

    async def _review(self) -> None:
        """Approves or refuses a draft; a colleague does so at the same time."""
        draft = await self._one(pb.Draft.PENDING_APPROVAL)
        if draft:
            colleagues = [self._office.caller, self._office.second][: self._random.randint(1, 2)]
            await asyncio.gather(*(self._decide(each, draft) for each in colleagues))

    async def _decide(self, caller: Caller, draft: pb.Draft) -> None:
        if self._random.random() < 0.25:
            refuse = pb.RejectDraftRequest(
                name=draft.name, etag=draft.etag, reason="Say more.", request_id=self._office.request_id()
            )
            await self._known("RejectDraft", lambda node: node.drafts.reject_draft(caller, refuse), caller=caller)
            return
        asked = self._office.new(*self._recipients(draft))
        request = pb.ApproveDraftRequest(name=draft.name, etag=draft.etag, request_id=self._office.request_id())
        made = await self._known(
            "ApproveDraft", lambda node: node.drafts.approve_draft(caller, request), asked, caller=caller
        )
        if made:
            kind = "framework_version_published" if draft.act_kind == ActKind.PUBLISH_VERSION else "notice_released"
            asked.key = (kind, made.released)
            self.approved.append(Review(draft.name, asked))

    def _recipients(self, draft: pb.Draft) -> list[str]:
        """To whom an approved draft goes; of a notice, its own log tells."""
        return sorted(self._office.site.parties.peers) if draft.act_kind == ActKind.PUBLISH_VERSION else []

    async def _one(self, state: Any) -> Any:
        request = pb.ListDraftsRequest(page_size=50, state=state)
        return await self._office.find(
            "DraftService/ListDrafts",
            lambda node: node.draft_questions.list_drafts(self._office.caller, request),
            lambda page: list(page.drafts),
        )

    async def _known(self, method: str, act: Call, *asked: Asked, caller: Caller | None = None) -> Any:
        """Asks until there is an answer; the journal tells who asks, as the guard and admission have it do."""
        who = caller or self._office.caller

        async def called(node: Subjects) -> Any:
            if record := CALL_RECORD.get():
                record.requester = Requester(who.client, authority=who.authority)
            return await act(node)

        return await self._office.until_known(f"DraftService/{method}", called, *asked)


def check_approvals(offices: "list[Drafts]", logs: dict[str, Keyed]) -> Iterator[str]:
    """Each draft is approved by one at most, of those of a node, and then is sealed once, in all its channels."""
    by_draft: dict[str, list[Review]] = {}
    for office in offices:
        for each in office.approved:
            by_draft.setdefault(each.draft, []).append(each)
    for draft, reviews in by_draft.items():
        certain = [each for each in reviews if not each.asked.is_doubtful]
        if len(certain) > 1:
            yield f"{draft}: approved {len(certain)} times (G4)"
        for each in certain:
            count = sum(len(log.by_key.get(each.asked.key, ())) for log in logs.values())
            if not count:
                yield f"{draft}: approved, and not sealed (G1)"
