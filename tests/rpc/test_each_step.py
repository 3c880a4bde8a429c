"""Each act of a back office or of the node itself, with a fault at each statement and commit: not done, or not told.

Then who asked was told so, nothing is half done, the node goes on, and the same request again is answered as if nothing
had been.
"""

import logging
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.rpc.code_pb2 import Code
from google.type.date_pb2 import Date
from regulator.exchange.v1 import attachment_service_pb2 as files
from regulator.exchange.v1 import draft_service_pb2 as drafts
from regulator.exchange.v1 import framework_service_pb2 as frameworks
from regulator.exchange.v1 import notice_service_pb2 as notices
from regulator.exchange.v1 import sharing_service_pb2 as sharing
from regulator.exchange.v1.values_pb2 import Handling

from gateway.errors import GatewayError
from gateway.rpc.status import code_of
from gateway.store.commits import read_commit
from gateway.store.state import ChannelState
from gateway.store.tables import metadata
from tests.rpc.worlds import CLEARED, SECOND, World, attached
from tests.store.stores import check_verified
from tests.supervision.framework_samples import provision, version
from tests.supervision.samples import content, handling
from tests.supervision.sharing_samples import MAS, english
from tests.support.faulty import Fault, faulty
from tests.support.long_form import LONG_FORM

DATA = b"a file"
WHY = english("Why.")
TOLD = {Code.UNAVAILABLE, Code.ABORTED, Code.RESOURCE_EXHAUSTED}
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
    for name in ("new", "approve", "reject", "recall"):
        draft = await call("DraftService/CreateDraft", drafts.CreateDraftRequest(draft=draft_of(f"hk-{name}")))
        if name != "new":
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
    once = str(uuid4())
    changed = version(provision("b"))

    def about(kind: Any, name: str, **more: Any) -> Callable[[World], Any]:
        def make(world: World) -> Any:
            draft = world.made[name]
            return kind(name=draft.name, etag=draft.etag, request_id=once, **more)

        return make

    def update(world: World) -> Any:
        draft = draft_of("hk-new")
        draft.name = world.made["new"].name
        return drafts.UpdateDraftRequest(draft=draft, etag=world.made["new"].etag, request_id=once)

    def give_two(_: World) -> Any:
        batch = [give(f"hk-batch-{n}") for n in range(2)]
        for number, each in enumerate(batch):
            each.request_id = f"{once[:-1]}{number}"
        return notices.BatchCreateNoticesRequest(requests=batch)

    gives = give("hk-new-1")
    attaches = give("hk-new-2", attachments=[attached(DATA)])
    supersede = notices.SupersedeNoticeRequest(
        name="notices/hk-1", content=content(), notice_id="hk-new-3", request_id=once
    )
    withdraw = notices.WithdrawNoticeRequest(name="notices/hk-1", explanation=WHY, request_id=once)
    ask = sharing.RequestConsentRequest(
        parent="notices/kr-1",
        consent=sharing.Consent(recipients=[MAS], use=Handling.SUPERVISION, purpose=WHY),
        request_id=once,
    )
    declare = files.CreateAttachmentRequest(sha256=bytes(32), size_bytes=7)
    publish = frameworks.PublishVersionRequest(parent="frameworks/hk-x", content=changed, request_id=once)
    drafting = drafts.CreateDraftRequest(draft=draft_of("hk-new-4"), request_id=once)
    return {
        "create": Call("NoticeService/CreateNotice", lambda _: gives),
        "create with a file": Call("NoticeService/CreateNotice", lambda _: attaches),
        "batch": Call("NoticeService/BatchCreateNotices", give_two),
        "acknowledge": Call(
            "NoticeService/AcknowledgeNotice",
            lambda _: notices.AcknowledgeNoticeRequest(name="notices/kr-1", request_id=once),
        ),
        "withdraw": Call("NoticeService/WithdrawNotice", lambda _: withdraw),
        "supersede": Call("NoticeService/SupersedeNotice", lambda _: supersede),
        "draft": Call("DraftService/CreateDraft", lambda _: drafting),
        "update": Call("DraftService/UpdateDraft", update),
        "submit": Call("DraftService/SubmitDraft", about(drafts.SubmitDraftRequest, "new")),
        "approve": Call("DraftService/ApproveDraft", about(drafts.ApproveDraftRequest, "approve"), SECOND),
        "reject": Call("DraftService/RejectDraft", about(drafts.RejectDraftRequest, "reject", reason="No."), SECOND),
        "recall": Call("DraftService/RecallDraft", about(drafts.RecallDraftRequest, "recall")),
        "publish": Call("FrameworkService/PublishVersion", lambda _: publish),
        "ask consent": Call("SharingService/RequestConsent", lambda _: ask),
        "grant": Call(
            "SharingService/GrantConsent",
            lambda _: sharing.GrantConsentRequest(name="notices/hk-2/consents/c0000001", request_id=once),
        ),
        "declare": Call("AttachmentService/CreateAttachment", lambda _: declare),
        "delete": Call(
            "AttachmentService/DeleteAttachment",
            lambda world: files.DeleteAttachmentRequest(name=world.made["file"].name, request_id=once),
        ),
    }


CALLS = calls()


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


async def outcome(act: Awaitable[Any]) -> Any:
    try:
        return await act
    except GatewayError as error:
        return error


async def counted(world: World) -> dict[str, Any]:
    """What stands in the store: how much of everything, and what was told in which order."""
    found: dict[str, Any] = {}
    for table in metadata.sorted_tables:
        found[table.name] = len(await world.hk.rows(table))
    for name, column in (("events", "kind"), ("notices", "state"), ("drafts", "state")):
        found[f"{name} {column}"] = sorted((row[column] for row in await world.hk.rows(metadata.tables[name])), key=int)
    return found


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.fixture
async def filled(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    async with World.opened(tmp_path / "filled") as world:
        await fill(world)
        await world.kr.release("kr-3", issuing_authority="FSC")  # is under way
        await world.call(CLEARED, "NoticeService/CreateNotice", give("hk-9"))
        made = world.made
    return tmp_path / "filled", made


def _stored(states: Mapping[str, ChannelState]) -> list[ChannelState]:
    """But for what is in memory alone."""
    return [replace(each, least_told=0, early=None) for each in states.values()]


@dataclass(frozen=True)
class Tried:
    """The steps of an act, whether the fault came to pass in it, and what stands in the store at last."""

    taken: list[str]
    happened: bool
    found: dict[str, Any]


async def tried(folder: Path, made: dict[str, Any], act: Act, step: int, fault: Fault) -> Tried:
    """Does an act with a fault at a step; then again, and again."""
    with faulty() as steps:
        async with World.opened(folder) as world:
            world.made = made
            if step >= 0:
                steps.arm(step, fault)
            begun = len(steps.taken)
            first = await outcome(act(world))
            taken, happened = steps.taken[begun:], steps.happened
            if isinstance(first, GatewayError):
                assert step >= 0, first
                assert code_of(first) in TOLD, first
            assert not world.hk.failures
            again = await outcome(act(world))
            assert not isinstance(again, GatewayError), (again, again.__cause__)
            assert await outcome(act(world)) == again
            if not isinstance(first, GatewayError):
                assert first == again
            with world.hk.database.readers.connect() as connection:
                stored, known = read_commit(connection), world.hk.committer.latest()
            assert _stored(stored.states) == _stored(known.states)
            assert (stored.counters, stored.journal) == (known.counters, known.journal)
            found = await counted(world)
    check_verified(world.hk)
    return Tried(taken, happened, found)


@pytest.mark.parametrize(
    ("name", "every"), [("approve", 11), *(pytest.param(each, 1, marks=LONG_FORM) for each in (*CALLS, *ITSELF))]
)
async def test_a_fault_at_any_step_of_an_act_is_told_and_the_act_is_done_once(
    filled: tuple[Path, dict[str, Any]], tmp_path: Path, name: str, every: int
) -> None:
    source, made = filled

    async def call(world: World) -> Any:
        asked = CALLS[name]
        return await world.call(asked.caller, asked.method, asked.make(world))

    act = call if name in CALLS else ITSELF[name]

    def fresh(number: object) -> Path:
        return Path(shutil.copytree(source, tmp_path / f"{number}"))

    clean = await tried(fresh("clean"), made, act, -1, Fault.REFUSED)
    count = len(clean.taken)
    assert count > 3
    happened = 0
    for step in range(0, count, every):
        for fault in (Fault.REFUSED, Fault.UNTOLD):
            done = await tried(fresh(f"{step}-{fault}"), made, act, step, fault)
            assert done.found == clean.found, (step, fault, clean.taken[step])
            happened += done.happened
            shutil.rmtree(tmp_path / f"{step}-{fault}")
    assert happened > count / every
