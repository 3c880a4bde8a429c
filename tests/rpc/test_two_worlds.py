"""Who may not see all cannot tell two worlds apart that differ in what is hidden from it, whatever it asks or does."""

import os
import shutil
from pathlib import Path
from random import Random

import pytest
from regulator.exchange.v1 import admin_service_pb2 as admin
from regulator.exchange.v1 import assistance_service_pb2 as assistance
from regulator.exchange.v1 import attachment_service_pb2 as files
from regulator.exchange.v1 import draft_service_pb2 as drafts
from regulator.exchange.v1 import event_service_pb2 as events
from regulator.exchange.v1 import evidence_service_pb2 as evidence
from regulator.exchange.v1 import notice_service_pb2 as notices
from regulator.exchange.v1 import sharing_service_pb2 as sharing
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.values_pb2 import SECTOR_CUSTODY, Handling

from gateway.identity.access.access import Caller
from tests.rpc.plays import WHY, Play
from tests.rpc.worlds import AMBER, CUSTODY, World
from tests.supervision.assistance_samples import answering
from tests.supervision.samples import content, reference
from tests.supervision.sharing_samples import MAS
from tests.support.long_form import long_form_where

SEEDS = 200  # at most
PAGED = (  # what lists, with more filters
    (
        "NoticeService/ListNotices",
        notices.ListNoticesRequest,
        ({}, {"direction": notices.Notice.OUTGOING}, {"peer": "KR"}),
    ),
    ("DraftService/ListDrafts", drafts.ListDraftsRequest, ({}, {"state": drafts.Draft.PENDING_APPROVAL})),
    ("SharingService/ListConsents", sharing.ListConsentsRequest, ({"parent": "notices/-"},)),
    ("SharingService/ListShares", sharing.ListSharesRequest, ({"parent": "notices/-"},)),
    (
        "AssistanceService/ListAssistanceCases",
        assistance.ListAssistanceCasesRequest,
        ({}, {"overdue_only": True}, {"answerable_by": "SFC"}),
    ),
)


async def walk(play: Play, method: str, kind: type, filters: dict[str, object]) -> None:
    """Goes through all pages of two in both worlds, each by its own tokens."""
    tokens = ["", ""]
    for _ in range(100):
        asked = [kind(**filters, page_size=2, page_token=token) for token in tokens]
        await play.ask(method, *asked)
        worlds = (play.seen, play.full)
        pages = [await world.call(play.low, method, each) for world, each in zip(worlds, asked, strict=True)]
        tokens = [page.next_page_token for page in pages]
        if not any(tokens):
            return
    raise AssertionError("the pages have no end")


async def look(play: Play) -> None:
    """Asks all that there is to ask."""
    for method, kind, questions in PAGED:
        for filters in questions:
            await walk(play, method, kind, filters)
    for world_wide in (admin.ListChannelsRequest(), admin.ListPeersRequest()):
        await play.ask(f"AdminService/{world_wide.DESCRIPTOR.name.removesuffix('Request')}", world_wide)
    await play.ask("AdminService/GetServerInfo", admin.GetServerInfoRequest())
    await play.ask("EventService/WatchEvents", events.WatchEventsRequest())
    for name in play.things[False]["files"]:
        seen, full = (files.GetAttachmentRequest(name=world.made[name].name) for world in (play.seen, play.full))
        await play.ask("AttachmentService/GetAttachment", seen, full)
    for hidden in (False, True):
        for of in ("HK", "KR"):
            for name in play.ids[hidden][of]:
                await look_at(play, f"notices/{name}")
        for name in play.things[hidden]["drafts"]:
            await look_at_draft(play, name, hidden=hidden)
        for name in play.things[hidden]["asked consents"]:
            await play.ask("SharingService/GetConsent", sharing.GetConsentRequest(name=name))


async def look_at(play: Play, name: str) -> None:
    await play.ask("NoticeService/GetNotice", notices.GetNoticeRequest(name=name))
    await play.ask(
        "AssistanceService/GetAssistanceCase",
        assistance.GetAssistanceCaseRequest(name=name.replace("notices", "assistanceCases")),
    )
    for act in evidence.GetEvidenceRequest.Act.values():
        await play.ask("EvidenceService/GetEvidence", evidence.GetEvidenceRequest(notice=name, act=act))
    for method, kind in (("ListConsents", sharing.ListConsentsRequest), ("ListShares", sharing.ListSharesRequest)):
        await play.ask(f"SharingService/{method}", kind(parent=name))
    await look_at_file(play, f"{name}/attachments/1")


async def look_at_file(play: Play, name: str) -> None:
    await play.ask("AttachmentService/GetAttachment", files.GetAttachmentRequest(name=name))
    await play.ask("AttachmentService/DownloadAttachment", files.DownloadAttachmentRequest(name=name))


async def look_at_draft(play: Play, as_name: str, *, hidden: bool) -> None:
    full = play.full.made[as_name].name
    seen = full if hidden else play.seen.made[as_name].name
    await play.ask("DraftService/GetDraft", drafts.GetDraftRequest(name=seen), drafts.GetDraftRequest(name=full))
    for method in ("GetAttachment", "DownloadAttachment"):
        kind = getattr(files, f"{method}Request")
        asked = [kind(name=f"{each}/attachments/1") for each in (seen, full)]
        await play.ask(f"AttachmentService/{method}", *asked)


async def try_on(play: Play, name: str) -> None:
    """Tries all that can be done to a notice that is hidden, or is not there."""
    refers = content(
        sectors=[SECTOR_CUSTODY], references=[reference(Reference.SUPERSEDES, name.removeprefix("notices/"))]
    )
    answers = answering(name.removeprefix("notices/"), sectors=[SECTOR_CUSTODY], issuing_authority="SFC")
    for made in (refers, answers):
        notice = notices.Notice(recipient="KR", content=made)
        await play.ask("NoticeService/CreateNotice", notices.CreateNoticeRequest(notice=notice, validate_only=True))
    await play.ask("NoticeService/AcknowledgeNotice", notices.AcknowledgeNoticeRequest(name=name, etag='"7"'))
    await play.ask("NoticeService/WithdrawNotice", notices.WithdrawNoticeRequest(name=name, explanation=WHY))
    supersede = notices.SupersedeNoticeRequest(name=name, content=content(sectors=[SECTOR_CUSTODY]))
    await play.ask("NoticeService/SupersedeNotice", supersede)
    consent = sharing.Consent(recipients=[MAS], use=Handling.SUPERVISION, purpose=WHY)
    await play.ask("SharingService/RequestConsent", sharing.RequestConsentRequest(parent=name, consent=consent))
    share = sharing.Share(recipients=[MAS], use=Handling.SUPERVISION)
    await play.ask("SharingService/MarkShared", sharing.MarkSharedRequest(parent=name, share=share))


async def differing(folder: Path, seed: int, low: Caller, acts: int) -> list[str]:
    """What a caller is told in the two worlds, where that is not the same."""
    async with World.opened(folder / "seen") as seen, World.opened(folder / "full") as full:
        play = Play(Random(seed), seen, full, low)
        await play.run(acts)
        await look(play)
        for name in (*play.ids[True]["HK"], *play.ids[True]["KR"]):
            await try_on(play, f"notices/{name}")
        assert play.ids[True]["HK"]
        assert play.ids[True]["KR"]
        return [f"{asked}\n--- seen\n{one}\n--- full\n{other}" for asked, one, other in play.differences]


async def test_what_is_hidden_makes_no_difference(tmp_path: Path):
    assert await differing(tmp_path, 1, AMBER, 25) == []


@long_form_where("GATEWAY_SCHEDULES")
@pytest.mark.timeout(7200)
async def test_nothing_that_is_hidden_makes_a_difference(tmp_path: Path):
    for seed in range(min(int(os.environ["GATEWAY_SCHEDULES"]), SEEDS)):
        folder = tmp_path / f"{seed}"
        folder.mkdir()
        assert await differing(folder, seed, (AMBER, CUSTODY)[seed % 2], 120) == [], seed
        shutil.rmtree(folder)
