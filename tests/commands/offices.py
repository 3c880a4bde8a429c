"""Two back offices that ask, decide and share, each at a store of its own."""

from dataclasses import dataclass
from typing import Any

from google.type.date_pb2 import Date
from regulator.exchange.v1 import sharing_service_pb2 as pb
from regulator.exchange.v1.sharing_service_pb2 import Consent
from regulator.exchange.v1.values_pb2 import Handling

from gateway.commands.notice_sealing import NoticeSealing
from gateway.commands.sharing import SharingCommands
from gateway.errors import BadInput, GatewayError
from gateway.identity.access.access import Caller, Role
from gateway.questions.sealed_tokens import SealedTokens
from gateway.questions.sharing import SharingQuestions
from tests.store.exchanging import settle
from tests.store.stores import NOW, RANDOM, Opened, refused
from tests.supervision.sharing_samples import JFSA, MAS, english

DAY = 86_400_000_000  # microseconds
ASKS = Caller("spiffe://gateway.kr.example/FSC/office", "FSC", frozenset({Role.AUTHOR}), Handling.RED)
DECIDES = Caller("spiffe://gateway.hk.example/SFC/desk", "SFC", frozenset({Role.APPROVER}), Handling.RED)
WHY = english("Why.")


@dataclass
class Office:
    """One jurisdiction's store, and its commands."""

    store: Opened
    caller: Caller

    def __post_init__(self) -> None:
        self.now = NOW
        sealing = NoticeSealing(self.store.parties, ())
        tokens = SealedTokens(bytes(32), RANDOM.randbytes)
        self.questions = SharingQuestions(self.store.readers, tokens, lambda: self.now)
        self.commands = SharingCommands(self.store.committer, sealing, self.questions, RANDOM.randbytes)

    def pass_days(self, days: int) -> None:
        self.now += days * DAY
        self.store.clock = iter(range(self.now, self.now + DAY, 250_000))

    async def ask(self, notice: str = "hk-1", caller: Caller | None = None, **changes: Any) -> Consent:
        request = pb.RequestConsentRequest(parent=f"notices/{notice}", consent=wanted(**changes.pop("consent", {})))
        request.MergeFrom(pb.RequestConsentRequest(**changes))
        return await self.commands.request_consent(caller or self.caller, request)

    async def grant(self, name: str, caller: Caller | None = None, **changes: Any) -> Consent:
        return await self.commands.grant_consent(caller or self.caller, pb.GrantConsentRequest(name=name, **changes))

    async def refuse(self, name: str, caller: Caller | None = None, **changes: Any) -> Consent:
        request = pb.RefuseConsentRequest(name=name, **{"reason": WHY} | changes)
        return await self.commands.refuse_consent(caller or self.caller, request)

    async def mark(self, notice: str = "hk-1", caller: Caller | None = None, **changes: Any) -> pb.Share:
        share = pb.Share(**{"recipients": [MAS], "use": Handling.SUPERVISION} | changes.pop("share", {}))
        request = pb.MarkSharedRequest(parent=f"notices/{notice}", share=share, **changes)
        return await self.commands.mark_shared(caller or self.caller, request)

    async def consent(self, name: str) -> Consent:
        return await self.questions.get_consent(self.caller, pb.GetConsentRequest(name=name))

    async def size(self) -> int:
        return self.store.state().log.size


def wanted(**changes: Any) -> Consent:
    return Consent(**{"recipients": [MAS, JFSA], "use": Handling.SUPERVISION, "purpose": WHY} | changes)


def day(number: int) -> Date:
    return Date(year=number // 10_000, month=number // 100 % 100, day=number % 100)


async def exchanged(offices: tuple[Office, Office]) -> None:
    await settle(offices[0].store, offices[1].store)


async def asked(offices: tuple[Office, Office]) -> str:
    consent = await offices[1].ask()
    await exchanged(offices)
    return consent.name


async def granted(offices: tuple[Office, Office], **terms: Any) -> str:
    name = await asked(offices)
    await offices[0].grant(name, **terms)
    await exchanged(offices)
    return name


async def refusal(work: Any, kind: type[GatewayError]) -> GatewayError:
    error = await refused(work)
    assert type(error) is kind, error
    return error


async def fields(work: Any) -> list[tuple[str, str]]:
    error = await refused(work)
    assert isinstance(error, BadInput), error
    return [(each.field, each.description) for each in error.violations]
