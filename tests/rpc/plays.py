"""What happens in two worlds: acts that are drawn, for all to see in both, hidden in one."""

from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Any

from google.protobuf.message import Message
from google.type.date_pb2 import Date
from regulator.exchange.v1 import attachment_service_pb2 as files
from regulator.exchange.v1 import draft_service_pb2 as drafts
from regulator.exchange.v1 import notice_service_pb2 as notices
from regulator.exchange.v1 import sharing_service_pb2 as sharing
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference
from regulator.exchange.v1.values_pb2 import SECTOR_CUSTODY, SECTOR_DEALING, Handling

from gateway.errors import GatewayError
from gateway.identity.access.access import Caller
from gateway.moments import date_of, day_at
from gateway.supervision.envelopes import envelopes
from tests.rpc.worlds import CLEARED, DAY, OTHER, SECOND, World, attached
from tests.store.stores import RECIPIENT
from tests.supervision import assistance_samples as assistance
from tests.supervision import sharing_samples as samples
from tests.supervision.samples import content, handling, reference
from tests.supervision.sharing_samples import MAS, english

FILES = (b"the first file", b"the second file", b"the third one")
ANSWERS = (AssistanceAnswer.ACCEPTED, AssistanceAnswer.PARTIAL, AssistanceAnswer.COMPLETE, AssistanceAnswer.DECLINED)
WHY = english("Why.")

Act = Callable[[World], Awaitable[Any]]


class Play:
    """Draws acts, and has them done.

    Args:
        draws: what happens
        seen: the world in which nothing is hidden from ``low``
        full: the one in which more happens, all of it hidden from ``low``
        low: who must not tell them apart; it acts, too

    Attributes:
        ids: of notices, by whether they are hidden: those that Hong Kong gave, and those that it received
        asked: of requests for assistance, in the same way
        things: what stands for drafts, consents, shares and files, in the same way
        differences: what ``low`` was answered in the two worlds, where that is not the same
    """

    def __init__(self, draws: Random, seen: World, full: World, low: Caller) -> None:
        self._draws, self.seen, self.full, self.low = draws, seen, full, low
        full.known = seen.known  # a name of what is hidden stands for the same where it names nothing
        self._numbers = iter(range(1, 10_000))
        self.ids: dict[bool, dict[str, list[str]]] = {each: {"HK": [], "KR": []} for each in (False, True)}
        self.asked: dict[bool, dict[str, list[str]]] = {each: {"HK": [], "KR": []} for each in (False, True)}
        self.things: dict[bool, dict[str, list[str]]] = {
            each: {"drafts": [], "consents": [], "asked consents": [], "files": []} for each in (False, True)
        }
        self.differences: list[tuple[str, str, str]] = []
        self._open_files: set[bytes] = set()  # that nothing names for sure: there for all of the authority

    async def run(self, count: int) -> None:
        """Does so many acts."""
        acts = [getattr(self, name) for name in dir(type(self)) if name.startswith("_do_")]
        for _ in range(count):
            act = self._draws.choice(acts)
            await act(self._draws.random() < 0.6)
            for world in (self.seen, self.full):
                world.micros += 1_000_000
            if self._draws.random() < 0.3:
                for world in (self.seen, self.full):
                    await world.settle()

    # --- how it is done -----------------------------------------------------------------------------------------------

    async def _done(self, act: Act, *, hidden: bool, by: Caller | None = None) -> bool:
        """Does an act; False: it could not be done. What ``low`` is answered must be the same in both worlds."""
        done: list[Any] = []
        for world in [self.full] if hidden else [self.seen, self.full]:
            try:
                done.append(await act(world))
            except GatewayError as error:
                done.append(error)
        if not hidden:
            kinds = {isinstance(each, GatewayError) for each in done}
            assert len(kinds) == 1, (act, done)
            if by == self.low and done[0] is not None:
                self._compare(str(act), self.seen.shown(done[0]), self.full.shown(done[1]))
        return not isinstance(done[0], GatewayError)

    def _compare(self, asked: str, one: str, other: str) -> None:
        if one != other:
            self.differences.append((asked, one, other))

    async def ask(self, method: str, request: Message, other: Message | None = None) -> None:
        """Has ``low`` ask the same in both worlds; ``other``: in the one in which more happens."""
        one = await self.seen.told(self.low, method, request)
        self._compare(f"{method} {request}", one, await self.full.told(self.low, method, other or request))

    async def _called(self, caller: Caller, method: str, request: Message, as_name: str, world: World) -> Any:
        answer = await world.call(caller, method, request)
        if as_name:
            world.know(as_name, answer)
        return answer

    async def _act(self, method: str, request: Message, *, hidden: bool, as_name: str = "") -> bool:
        """Has somebody call who may see what it is about: ``low`` too, unless that is hidden."""
        caller = self._draws.choice([CLEARED, OTHER] if hidden else [CLEARED, self.low])
        return await self._done(partial(self._called, caller, method, request, as_name), hidden=hidden, by=caller)

    def _id(self, of: str, *, hidden: bool) -> str:
        return f"{of.lower()}-{'hidden' if hidden else 'seen'}-{next(self._numbers)}"

    def _content(self, made: Callable[..., NoticeContent] = content, *, hidden: bool, **changes: Any) -> NoticeContent:
        label = Handling.RED if hidden else Handling.AMBER
        until = self._draws.choice([None, None, self._tomorrow()])
        return made(
            sectors=[SECTOR_DEALING if hidden else SECTOR_CUSTODY],
            handling=handling(tlp=label, retain_until=until),
            **changes,
        )

    def _tomorrow(self) -> Date:
        return date_of(day_at(self.seen.micros + DAY))

    def _one(self, some: list[str]) -> str:
        return self._draws.choice(some) if some else ""

    # --- notices ------------------------------------------------------------------------------------------------------

    async def _give(self, hidden: bool, made: NoticeContent, caller: Caller) -> str:
        made.issuing_authority = caller.authority
        new = self._id("HK", hidden=hidden)
        request = notices.CreateNoticeRequest(notice=notices.Notice(recipient="KR", content=made), notice_id=new)
        act = partial(self._called, caller, "NoticeService/CreateNotice", request, "")
        if await self._done(act, hidden=hidden, by=caller):
            self.ids[hidden]["HK"].append(new)
            return new
        return ""

    def _giver(self, hidden: bool) -> Caller:
        return self._draws.choice([CLEARED, OTHER] if hidden else [CLEARED, self.low])

    async def _do_give(self, hidden: bool) -> None:
        references = []
        if hidden and self.ids[False]["HK"]:
            references.append(reference(Reference.RELATES_TO, self._one(self.ids[False]["HK"])))
        await self._give(hidden, self._content(hidden=hidden, references=references), self._giver(hidden))

    async def _do_replace(self, hidden: bool) -> None:
        if earlier := self._one(self.ids[hidden]["HK"]):
            relation = self._draws.choice([Reference.SUPERSEDES, Reference.WITHDRAWS])
            made = self._content(hidden=hidden, references=[reference(relation, earlier)])
            await self._give(hidden, made, self._giver(hidden))

    async def _do_give_with_a_file(self, hidden: bool) -> None:
        data, caller = self._draws.choice(FILES), self._giver(hidden)
        if hidden and caller == CLEARED and data in self._open_files:
            return  # what is hidden may take a file that was there for all: docs/handling.md
        if await self._upload(hidden, data, caller):
            await self._give(hidden, self._content(hidden=hidden, attachments=[attached(data)]), caller)

    async def _upload(self, hidden: bool, data: bytes, caller: Caller) -> bool:
        as_name = self._id("file", hidden=hidden)

        async def upload(world: World) -> Any:
            stored = await world.upload(caller, data)
            if caller == self.low:  # another one may have been told of a copy that is hidden
                world.know(as_name, stored)
            return stored

        if not await self._done(upload, hidden=hidden, by=caller):
            return False
        if caller == self.low:
            self.things[hidden]["files"].append(as_name)
        return True

    async def _do_upload(self, _hidden: bool) -> None:
        data = self._draws.choice(FILES)
        self._open_files.add(data)
        await self._upload(False, data, self.low)

    async def _do_delete_a_file(self, _hidden: bool) -> None:
        if as_name := self._one(self.things[False]["files"]):

            async def delete(world: World) -> Any:
                request = files.DeleteAttachmentRequest(name=world.made[as_name].name)
                return await world.call(self.low, "AttachmentService/DeleteAttachment", request)

            await self._done(delete, hidden=False, by=self.low)

    async def _do_receive(self, hidden: bool) -> None:
        await self._receive(hidden, self._content(hidden=hidden, issuing_authority="FSC"))

    async def _do_receive_with_a_file(self, hidden: bool) -> None:
        data = self._draws.choice(FILES)
        await self._receive(hidden, self._content(hidden=hidden, issuing_authority="FSC", attachments=[attached(data)]))

    async def _receive(self, hidden: bool, made: NoticeContent) -> str:
        new = self._id("KR", hidden=hidden)

        async def release(world: World) -> None:
            store = world.kr
            await store.committer.submit(
                lambda tx: tx.seal(store.outgoing, RECIPIENT, lambda seal: envelopes.released(seal, new, made))
            )
            await world.settle()

        for world in (self.seen, self.full):
            await world.settle()
        if await self._done(release, hidden=hidden):
            self.ids[hidden]["KR"].append(new)
            return new
        return ""

    async def _do_acknowledge(self, hidden: bool) -> None:
        if name := self._one(self.ids[hidden]["KR"]):
            request = notices.AcknowledgeNoticeRequest(name=f"notices/{name}", case_reference="F-1")
            await self._act("NoticeService/AcknowledgeNotice", request, hidden=hidden)

    async def _do_withdraw(self, hidden: bool) -> None:
        if name := self._one(self.ids[hidden]["HK"]):
            request = notices.WithdrawNoticeRequest(name=f"notices/{name}", explanation=WHY)
            await self._act("NoticeService/WithdrawNotice", request, hidden=hidden)

    async def _do_acknowledge_there(self, hidden: bool) -> None:
        if name := self._one(self.ids[hidden]["HK"]):
            for world in (self.seen, self.full):
                await world.settle()
            await self._done(lambda world: world.kr.acknowledge(name), hidden=hidden)

    # --- assistance ---------------------------------------------------------------------------------------------------

    async def _do_ask(self, hidden: bool) -> None:
        due = self._draws.choice([None, self._tomorrow()])
        made = self._content(partial(assistance.asking, respond_by=due), hidden=hidden)
        if new := await self._give(hidden, made, self._giver(hidden)):
            self.asked[hidden]["HK"].append(new)

    async def _do_be_asked(self, hidden: bool) -> None:
        due = self._draws.choice([None, self._tomorrow()])
        made = self._content(partial(assistance.asking, respond_by=due), hidden=hidden, issuing_authority="FSC")
        if new := await self._receive(hidden, made):
            self.asked[hidden]["KR"].append(new)

    async def _do_answer(self, hidden: bool) -> None:
        if request := self._one(self.asked[hidden]["KR"]):
            outcome = self._draws.choice(ANSWERS)
            made = self._content(partial(assistance.answering, request, outcome=outcome), hidden=hidden)
            await self._give(hidden, made, self._giver(hidden))

    async def _do_be_answered(self, hidden: bool) -> None:
        if request := self._one(self.asked[hidden]["HK"]):
            outcome = self._draws.choice(ANSWERS)
            await self._receive(
                hidden, self._content(partial(assistance.answering, request, outcome=outcome), hidden=hidden)
            )

    # --- drafts -------------------------------------------------------------------------------------------------------

    async def _do_draft(self, hidden: bool) -> None:
        as_name, data = self._id("draft", hidden=hidden), self._draws.choice([b"", *FILES])
        caller = self._draws.choice([CLEARED, OTHER] if hidden else [CLEARED, self.low])
        data = b"" if caller == CLEARED else data  # until a notice names it, it is there for all of the authority
        made = self._content(
            hidden=hidden, issuing_authority=caller.authority, attachments=[attached(data)] if data else []
        )
        act = notices.CreateNoticeRequest(
            notice=notices.Notice(recipient="KR", content=made), notice_id=self._id("HK", hidden=hidden)
        )
        request = drafts.CreateDraftRequest(draft=drafts.Draft(create_notice=act))

        async def write(world: World) -> Any:
            if data:
                await world.upload(caller, data)
                self._open_files |= set() if hidden else {data}
            return await self._called(caller, "DraftService/CreateDraft", request, as_name, world)

        if await self._done(write, hidden=hidden, by=caller):
            self.things[hidden]["drafts"].append(as_name)

    async def _do_step_of_a_draft(self, hidden: bool) -> None:
        if as_name := self._one(self.things[hidden]["drafts"]):
            step = self._draws.choice(["Submit", "Submit", "Recall", "Approve", "Approve", "Reject"])
            caller = self._draws.choice([CLEARED, SECOND] if hidden else [CLEARED, SECOND, self.low])

            async def do(world: World) -> Any:
                draft = world.made[as_name]
                request = getattr(drafts, f"{step}DraftRequest")(name=draft.name, etag=draft.etag)
                if step == "Reject":
                    request.reason = "Name the fund."
                world.made[as_name] = await world.call(caller, f"DraftService/{step}Draft", request)
                return world.made[as_name]

            await self._done(do, hidden=hidden, by=caller)
            made = self.full.made[as_name]
            if made.released and made.released.removeprefix("notices/") not in self.ids[hidden]["HK"]:
                self.ids[hidden]["HK"].append(made.released.removeprefix("notices/"))

    # --- onward sharing -----------------------------------------------------------------------------------------------

    async def _do_ask_consent(self, hidden: bool) -> None:
        if name := self._one(self.ids[hidden]["KR"]):
            as_name = self._id("consent", hidden=hidden)
            consent = sharing.Consent(recipients=[MAS], use=Handling.SUPERVISION, purpose=WHY)
            request = sharing.RequestConsentRequest(parent=f"notices/{name}", consent=consent)
            if await self._act("SharingService/RequestConsent", request, hidden=hidden, as_name=as_name):
                self.things[hidden]["consents"].append(as_name)

    async def _do_have_consent_decided(self, hidden: bool) -> None:
        if as_name := self._one(self.things[hidden]["consents"]):
            granted = self._draws.random() < 0.7

            async def decide(world: World) -> None:
                await world.settle()
                _, notice, _, consent = world.made[as_name].name.split("/")
                await world.kr.committer.submit(
                    lambda tx: tx.seal(
                        world.kr.outgoing, RECIPIENT, samples.deciding(notice, consent, 1, granted=granted)
                    )
                )
                await world.settle()

            for world in (self.seen, self.full):
                await world.settle()
            self.things[hidden]["consents"].remove(as_name)
            await self._done(decide, hidden=hidden)

    async def _do_share(self, hidden: bool) -> None:
        if name := self._one(self.ids[hidden]["KR"]):
            share = sharing.Share(recipients=[MAS], use=Handling.SUPERVISION)
            request = sharing.MarkSharedRequest(parent=f"notices/{name}", share=share)
            as_name = self._id("share", hidden=hidden)
            await self._act("SharingService/MarkShared", request, hidden=hidden, as_name=as_name)

    async def _do_be_asked_for_consent(self, hidden: bool) -> None:
        if name := self._one(self.ids[hidden]["HK"]):
            for world in (self.seen, self.full):
                await world.settle()
            consent = f"c{next(self._numbers):07}"

            async def ask(world: World) -> None:
                await world.kr.ask_consent(name, consent)
                await world.settle()

            if await self._done(ask, hidden=hidden):
                self.things[hidden]["asked consents"].append(f"notices/{name}/consents/{consent}")

    async def _do_decide(self, hidden: bool) -> None:
        if name := self._one(self.things[hidden]["asked consents"]):
            method = self._draws.choice(["Grant", "Refuse"])
            request = getattr(sharing, f"{method}ConsentRequest")(name=name, reason=WHY)
            await self._act(f"SharingService/{method}Consent", request, hidden=hidden)

    # --- time ---------------------------------------------------------------------------------------------------------

    async def _do_pass_a_day(self, hidden: bool) -> None:
        if not hidden and self._draws.random() < 0.3:
            for world in (self.seen, self.full):
                await world.settle()
                await world.pass_day()
                await world.settle()
