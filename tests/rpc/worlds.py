"""Two worlds, of which one holds what a caller may not see: nodes in this process, behind everything but gRPC itself.

What happens for everybody to see is done in both, in step and at the same moments; what is hidden in one alone.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from prometheus_client import CollectorRegistry
from regulator.exchange.v1 import attachment_service_pb2 as files
from regulator.exchange.v1.values_pb2 import SECTOR_CUSTODY, Attachment, Handling

from gateway.alarms import Alarms
from gateway.commands.assistance import tell_overdue
from gateway.commands.retention import Retention
from gateway.errors import GatewayError
from gateway.home.home import Home
from gateway.home.lifetimes import lifetimes_of
from gateway.home.provisioning import NewNode
from gateway.identity.access.access import Access, Caller, Role
from gateway.journal.entries import CALL_RECORD, CallRecord, Requester
from gateway.ledger.seals import nobody_certified
from gateway.link.dialling import Credentials
from gateway.metrics.instruments import Instruments
from gateway.moments import datetime_of
from gateway.node.core import Core, Ground
from gateway.node.endings import Endings
from gateway.node.files import room_of
from gateway.node.serving import serving_of
from gateway.node.subjects import subjects_of
from gateway.questions.links import Links
from gateway.rpc.admission import CALLER
from gateway.rpc.journaling import Journaling
from gateway.rpc.status import status_of
from gateway.store.backlog import Backlog
from gateway.store.bulletin import Bulletin
from gateway.store.commits import Commit
from gateway.telemetry.tracing import OFF
from tests.store.exchanging import settle
from tests.store.stores import DOMAINS, NOW, Opened

DAY = 86_400_000_000  # microseconds
SQLITE = "sqlite:///node.db"
SERVICES = {
    "NoticeService": "notices",
    "DraftService": "drafts",
    "SharingService": "sharing",
    "AssistanceService": "assistance",
    "AttachmentService": "attachments",
    "EventService": "events",
    "EvidenceService": "evidence",
    "AdminService": "admin",
    "AuditService": "audit",
    "FrameworkService": "frameworks",
}
WORKING = frozenset({Role.AUTHOR, Role.APPROVER, Role.READER})
CLIENTS = "spiffe://gateway.hk.example"
CLEARED = Caller(f"{CLIENTS}/SFC/cleared", "SFC", frozenset(Role), Handling.RED)
SECOND = Caller(f"{CLIENTS}/SFC/second", "SFC", frozenset(Role), Handling.RED)
OTHER = Caller(f"{CLIENTS}/HKMA/cleared", "HKMA", frozenset(Role), Handling.RED)
AMBER = Caller(f"{CLIENTS}/SFC/amber", "SFC", WORKING, Handling.AMBER)
CUSTODY = Caller(f"{CLIENTS}/SFC/custody", "SFC", WORKING, Handling.RED, frozenset({SECTOR_CUSTODY}))

# What docs/handling.md tells of: sizes of logs and places in them; and what is random, or made of it.
OPEN = frozenset(
    {
        "index",
        "size",
        "receipted_size",
        "root",
        "Channel.receipt_time",
        "oldest_unreceipted_time",
        "tlog_proof",
        "note",
        "receipt",
        "certificate",
    }
)
TOKENS = frozenset({"next_page_token", "cursor"})  # of which the length alone must be the same


@dataclass
class World:
    """Hong Kong's node, and Korea's store.

    Attributes:
        hk: the node's store
        kr: the peer's
        known: the names that the node made, each with what it stands for in both worlds
        made: what was answered to an act, by what it stands for
        micros: the time, microseconds since 1970
    """

    hk: Opened
    kr: Opened
    known: dict[str, str] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)
    micros: int = NOW

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path, four_eyes: str = "", url: str = SQLITE) -> AsyncIterator["World"]:
        """Opens what is in a folder, or makes it; ``url``: of the node's own database."""
        world = cls(_store(folder, "HK", url), _store(folder, "KR"))
        hk, kr = world.hk, world.kr
        hk.clock = kr.clock = world._clock()
        world._serve(four_eyes)
        try:
            yield world
        finally:
            await hk.close()
            await kr.close()

    def _clock(self) -> Iterator[int]:
        while True:
            yield self.micros

    def _serve(self, four_eyes: str) -> None:
        hk = self.hk
        new = NewNode("HK", DOMAINS["HK"], "A node", ("HKMA", "SFC"), "127.0.0.1:7443", "127.0.0.1:7444")
        latest = hk.committer.latest()
        self._bulletin = Bulletin(latest, Backlog({}, lambda: self.micros, lambda *_: None))
        hk.committer._on_commit = self._publish
        hk.home.joinpath("config.toml").write_text(f"{new.config_text()}\n{four_eyes}")
        home, clock = Home(hk.home), lambda: self.micros
        rules = home.config.four_eyes
        ground = Ground(
            parties=hk.parties,
            keyring=hk.keyring,
            prepared_seal=lambda: home.prepared_seal(lambda: datetime_of(self.micros)),
            adopt=home.seals.adopt,
            endings=home.endings,
            certify=nobody_certified,
            require_unrevoked=lambda *_: None,
            credentials=lambda _: Credentials(b"", b"", b""),
            authorities=home.config.node.authorities,
            approval=rules.approval_rules(),
            draft_days=rules.draft_days,
            room=room_of(home),
            unfinished_days=home.config.attachments.unfinished_days,
            peer_bytes_per_day=home.config.limits.peer_bytes_per_day,
            instruments=Instruments(CollectorRegistry()),
            tracing=OFF,
            clock=clock,
            random=secrets.token_bytes,
        )
        links, alarms = Links(), Alarms(hk.committer, clock)
        core = Core(
            ground=ground,
            token_key=bytes(32),
            is_local=True,
            committer=hk.committer,
            readers=hk.readers,
            bulletin=self._bulletin,
            links=links,
            alarms=alarms,
            journaling=Journaling(hk.committer, ground.instruments.refused),
            endings=Endings(home.endings, hk.parties, hk.committer, self._bulletin, links, alarms),
        )
        self.services = serving_of(core, subjects_of(core), partial(lifetimes_of, home)).services

    def _publish(self, commit: Commit) -> None:
        self._bulletin.publish(commit)

    # --- calls ------------------------------------------------------------------------------------------------------

    async def call(self, caller: Caller, method: str, request: Any) -> Any:
        """Makes a call; of one that answers with a stream, gives all until it has no more for now."""
        service, _, name = method.partition("/")
        Access.require(caller, f"/regulator.exchange.v1.{method}")
        CALLER.set(caller)
        who = Requester(caller.client, authority=caller.authority, officer=caller.officer)
        record = CALL_RECORD.set(CallRecord(who, f"/regulator.exchange.v1.{method}"))
        try:
            answer = getattr(getattr(self.services, SERVICES[service]), name)(request, None)
            return await answer if isinstance(answer, Awaitable) else await _all_of(answer)
        finally:
            CALL_RECORD.reset(record)

    async def told(self, caller: Caller, method: str, request: Any) -> str:
        """What a caller is answered, with all taken out of it that it may learn anyway."""
        try:
            return self.shown(await self.call(caller, method, request))
        except GatewayError as error:
            return self.shown(error)

    def shown(self, answer: Any) -> str:
        """An answer, or an error, as ``told`` gives it."""
        parts = answer if isinstance(answer, list) else [answer]
        messages = [status_of(each) if isinstance(each, GatewayError) else each for each in parts]
        return self._without_names("\n--\n".join(map(_blanked, messages)))

    def know(self, as_name: str, made: Any) -> None:
        """Takes that what the node made and named stands for the same in both worlds."""
        self.made[as_name] = made
        self.known[made.name.rpartition("/")[2]] = as_name

    def _without_names(self, text: str) -> str:
        for name, as_name in self.known.items():
            text = text.replace(name, as_name)
        return text

    # --- what happens -----------------------------------------------------------------------------------------------

    async def settle(self) -> None:
        await settle(self.hk, self.kr)

    async def pass_day(self) -> None:
        """What the node does by itself on the next day."""
        self.micros += DAY
        await tell_overdue(self.hk.committer, self.hk.readers, lambda: self.micros)
        for store in (self.hk, self.kr):
            await Retention(store.parties, store.committer, store.readers, lambda: self.micros).destroy_past()

    async def upload(self, caller: Caller, data: bytes) -> files.StoredAttachment:
        """Sends a file, unless it is whole here already."""
        request = files.CreateAttachmentRequest(sha256=sha256(data).digest(), size_bytes=len(data))
        stored = await self.call(caller, "AttachmentService/CreateAttachment", request)
        if stored.complete:
            return stored

        async def messages() -> AsyncIterator[files.UploadAttachmentRequest]:
            yield files.UploadAttachmentRequest(name=stored.name, data=data)

        return await self.call(caller, "AttachmentService/UploadAttachment", messages())


def _store(folder: Path, jurisdiction: str, url: str = SQLITE) -> Opened:
    folder.mkdir(exist_ok=True)
    home = folder / jurisdiction
    return (Opened.open if home.exists() else Opened.create)(jurisdiction, url, home)


async def _all_of(answers: AsyncIterator[Any]) -> list[Any]:
    found = []
    async for each in answers:
        found.append(each)
        if each.DESCRIPTOR.name == "WatchEventsResponse" and not each.HasField("event"):
            break
    await answers.aclose()
    return found


def attached(data: bytes) -> Attachment:
    """What a notice says of a file."""
    return Attachment(
        file_name="a.pdf", media_type="application/pdf", size_bytes=len(data), sha256=sha256(data).digest()
    )


def _blanked(message: Message) -> str:
    copy = type(message)()
    copy.CopyFrom(message)
    _blank(copy)
    return str(text_format.MessageToString(copy))


def _blank(message: Message) -> None:
    for each, value in message.ListFields():
        if OPEN & {each.name, f"{each.containing_type.name}.{each.name}"}:
            message.ClearField(each.name)
        elif each.name in TOKENS:
            setattr(message, each.name, "x" * len(value))
        elif each.full_name.endswith(".Draft.etag"):
            setattr(message, each.name, value.partition("-")[0])  # a digest follows, of its name too
        elif each.type == FieldDescriptor.TYPE_MESSAGE and not each.message_type.GetOptions().map_entry:
            for part in value if each.is_repeated else [value]:
                _blank(part)
