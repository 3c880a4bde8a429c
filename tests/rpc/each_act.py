"""Every kind of act of a back office, and of the node itself; and a store with something of everything."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from google.type.date_pb2 import Date
from regulator.exchange.v1 import attachment_service_pb2 as files
from regulator.exchange.v1 import draft_service_pb2 as drafts
from regulator.exchange.v1 import framework_service_pb2 as frameworks
from regulator.exchange.v1 import notice_service_pb2 as notices
from regulator.exchange.v1 import sharing_service_pb2 as sharing
from regulator.exchange.v1.values_pb2 import Handling

from tests.rpc.worlds import CLEARED, SECOND, World, attached
from tests.supervision.framework_samples import provision, version
from tests.supervision.samples import content, handling
from tests.supervision.sharing_samples import MAS, english

DATA = b"a file"
WHY = english("Why.")
SOON = Date(year=2026, month=1, day=2)

Act = Callable[[World], Awaitable[Any]]


def give(new: str, **changes: Any) -> notices.CreateNoticeRequest:
    made = content(handling=handling(retain_until=SOON), **changes)
    return notices.CreateNoticeRequest(
        notice=notices.Notice(recipient="KR", content=made), notice_id=new, request_id=str(uuid4())
    )


def draft_of(new: str) -> drafts.Draft:
    return drafts.Draft(create_notice=notices.CreateNoticeRequest(notice=give(new).notice, notice_id=new))


async def fill(world: World) -> None:
    """Something of everything."""
    call = partial(world.call, CLEARED)
    await world.upload(CLEARED, DATA)
    await call("NoticeService/CreateNotice", give("hk-1", attachments=[attached(DATA)]))
    await call("NoticeService/CreateNotice", give("hk-2"))
    await call("NoticeService/CreateNotice", give("hk-3"))
    await world.kr.release("kr-1", issuing_authority="FSC")
    await world.kr.release("kr-2", issuing_authority="FSC", handling=handling(retain_until=SOON))
    await world.settle()
    await world.kr.ask_consent("hk-2")
    await world.settle()
    for name in ("new", "submit", "approve", "reject", "recall"):
        draft = await call("DraftService/CreateDraft", drafts.CreateDraftRequest(draft=draft_of(f"hk-{name}")))
        if name not in {"new", "submit"}:
            draft = await call("DraftService/SubmitDraft", drafts.SubmitDraftRequest(name=draft.name))
        world.know(name, draft)
    publish = frameworks.PublishVersionRequest(parent="frameworks/hk-x", content=version(provision()))
    await call("FrameworkService/PublishVersion", publish)
    world.know("file", await world.upload(CLEARED, b"to be deleted"))


@dataclass(frozen=True)
class Call:
    """A call that has a request_id, or does the same again without one."""

    method: str
    make: Callable[[World], Any]
    caller: Any = CLEARED


def calls() -> dict[str, Call]:
    changed = version(provision("b"))

    def about(kind: Any, name: str, **more: Any) -> Callable[[World], Any]:
        once = str(uuid4())

        def make(world: World) -> Any:
            draft = world.made[name]
            return kind(name=draft.name, etag=draft.etag, request_id=once, **more)

        return make

    updating, acknowledging, granting, deleting = (str(uuid4()) for _ in range(4))

    def update(world: World) -> Any:
        draft = draft_of("hk-new")
        draft.name = world.made["new"].name
        return drafts.UpdateDraftRequest(draft=draft, etag=world.made["new"].etag, request_id=updating)

    two = notices.BatchCreateNoticesRequest(requests=[give(f"hk-batch-{n}") for n in range(2)])
    gives = give("hk-new-1")
    attaches = give("hk-new-2", attachments=[attached(DATA)])
    supersede = notices.SupersedeNoticeRequest(
        name="notices/hk-1", content=content(), notice_id="hk-new-3", request_id=str(uuid4())
    )
    withdraw = notices.WithdrawNoticeRequest(name="notices/hk-3", explanation=WHY, request_id=str(uuid4()))
    ask = sharing.RequestConsentRequest(
        parent="notices/kr-1",
        consent=sharing.Consent(recipients=[MAS], use=Handling.SUPERVISION, purpose=WHY),
        request_id=str(uuid4()),
    )
    declare = files.CreateAttachmentRequest(sha256=bytes(32), size_bytes=7)
    publish = frameworks.PublishVersionRequest(parent="frameworks/hk-x", content=changed, request_id=str(uuid4()))
    drafting = drafts.CreateDraftRequest(draft=draft_of("hk-new-4"), request_id=str(uuid4()))
    return {
        "create": Call("NoticeService/CreateNotice", lambda _: gives),
        "create with a file": Call("NoticeService/CreateNotice", lambda _: attaches),
        "batch": Call("NoticeService/BatchCreateNotices", lambda _: two),
        "acknowledge": Call(
            "NoticeService/AcknowledgeNotice",
            lambda _: notices.AcknowledgeNoticeRequest(name="notices/kr-1", request_id=acknowledging),
        ),
        "withdraw": Call("NoticeService/WithdrawNotice", lambda _: withdraw),
        "supersede": Call("NoticeService/SupersedeNotice", lambda _: supersede),
        "draft": Call("DraftService/CreateDraft", lambda _: drafting),
        "update": Call("DraftService/UpdateDraft", update),
        "submit": Call("DraftService/SubmitDraft", about(drafts.SubmitDraftRequest, "submit")),
        "approve": Call("DraftService/ApproveDraft", about(drafts.ApproveDraftRequest, "approve"), SECOND),
        "reject": Call("DraftService/RejectDraft", about(drafts.RejectDraftRequest, "reject", reason="No."), SECOND),
        "recall": Call("DraftService/RecallDraft", about(drafts.RecallDraftRequest, "recall")),
        "publish": Call("FrameworkService/PublishVersion", lambda _: publish),
        "ask consent": Call("SharingService/RequestConsent", lambda _: ask),
        "grant": Call(
            "SharingService/GrantConsent",
            lambda _: sharing.GrantConsentRequest(name="notices/hk-2/consents/c0000001", request_id=granting),
        ),
        "declare": Call("AttachmentService/CreateAttachment", lambda _: declare),
        "delete": Call(
            "AttachmentService/DeleteAttachment",
            lambda world: files.DeleteAttachmentRequest(name=world.made["file"].name, request_id=deleting),
        ),
    }


CALLS = calls()
"""Each may be done after any of the others."""


async def upload(world: World) -> None:
    await world.upload(CLEARED, b"another file")


async def exchange(world: World) -> None:
    await world.settle()


async def pass_a_day(world: World) -> None:
    if world.micros == START:
        world.micros += 2 * 86_400_000_000
    micros, world.micros = world.micros, world.micros - 86_400_000_000
    await world.pass_day()
    assert world.micros == micros


START = 1_767_225_600_000_000
ITSELF: dict[str, Act] = {"upload": upload, "a day passes": pass_a_day, "exchange": exchange}


def act_of(name: str) -> Act:
    """Of a caller, or of the node itself."""
    if name in ITSELF:
        return ITSELF[name]

    async def call(world: World) -> Any:
        asked = CALLS[name]
        return await world.call(asked.caller, asked.method, asked.make(world))

    return call


ALL = (*CALLS, *ITSELF)
