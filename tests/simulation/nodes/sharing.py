"""What back offices do about onward sharing: they ask, decide, two at the same time, revoke, and pass on."""

import asyncio
from typing import Any

from google.type.date_pb2 import Date
from regulator.exchange.v1 import sharing_service_pb2 as pb
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.sharing_pb2 import ThirdParty
from regulator.exchange.v1.values_pb2 import Handling

from gateway.identity.access.access import Caller
from tests.simulation.nodes.asking import Asked, Asking, Call
from tests.simulation.nodes.noticing import Notices
from tests.simulation.nodes.sealed import english, first
from tests.supervision.sharing_samples import FINMA, JFSA, MAS

THIRD_PARTIES = (MAS, JFSA, FINMA)
LAST_DAY = 3


class Sharing:
    """That of one office."""

    def __init__(self, office: Asking, notices: Notices) -> None:
        self._office, self._random, self._notices = office, office.random, notices
        self.acts = {
            "ask to share": self._ask,
            "ask and share": self._ask_and_share,
            "decide": self._decide,
            "share": self._share,
        }

    async def _ask_and_share(self) -> None:
        await self._ask()
        await self._share()

    async def _ask(self) -> None:
        office, notice = self._office, await self._notices.one(Notice.INCOMING, Notice.RECEIVED, Notice.ACKNOWLEDGED)
        if not notice:
            return
        asked = office.new(notice.sender, mark=office.mark())
        consent = pb.Consent(recipients=self._third(), use=Handling.SUPERVISION, purpose=english(asked.mark))
        request = pb.RequestConsentRequest(parent=notice.name, consent=consent, request_id=office.request_id())
        made = await self._known(
            "RequestConsent", lambda node: node.sharing.request_consent(office.caller, request), asked
        )
        if made:
            asked.key = ("sharing_requested", made.name)

    async def _decide(self) -> None:
        """Decides on a consent, or decides anew; a colleague does so at the same time."""
        consent = await self._one(pb.Consent.STATE_UNSPECIFIED, theirs=True)
        if consent:
            colleagues = [self._office.caller, self._office.second][: self._random.randint(1, 2)]
            await asyncio.gather(*(self._decide_on(consent, each) for each in colleagues))

    async def _decide_on(self, consent: pb.Consent, caller: Caller) -> None:
        office = self._office
        asked = office.new(self._to(consent), mark=office.mark())
        told = {
            "name": consent.name,
            "reason": english(asked.mark),
            "etag": consent.etag,
            "request_id": office.request_id(),
        }
        if self._random.random() < 0.3:
            refuse = pb.RefuseConsentRequest(**told)
            made = await self._known("RefuseConsent", lambda node: node.sharing.refuse_consent(caller, refuse), asked)
        else:
            grant = pb.GrantConsentRequest(**told)
            if self._random.random() < 0.5:
                grant.valid_until.CopyFrom(Date(year=2026, month=1, day=self._random.randint(1, LAST_DAY)))
            made = await self._known("GrantConsent", lambda node: node.sharing.grant_consent(caller, grant), asked)
        for each in made.decisions if made else ():
            if first(each.reason) == asked.mark:
                asked.key = ("sharing_decided", consent.name, str(each.number))

    async def _share(self) -> None:
        """Passes a notice on: to whom it may, or to others, or for another use; the node must tell which."""
        state = pb.Consent.GRANTED if self._random.random() < 0.8 else pb.Consent.STATE_UNSPECIFIED
        consent = await self._one(state, theirs=False)
        if not consent:
            return
        office = self._office
        asked = office.new(self._to(consent))
        named = list(consent.recipients)
        recipients = (
            self._random.sample(named, self._random.randint(1, len(named)))
            if self._random.random() < 0.6
            else self._third()
        )
        use = Handling.SUPERVISION if self._random.random() < 0.9 else Handling.ENFORCEMENT
        share = pb.Share(recipients=recipients, use=use, consent=self._random.choice(["", consent.name]))
        parent = consent.name.partition("/consents/")[0]
        request = pb.MarkSharedRequest(parent=parent, share=share, request_id=office.request_id())
        made = await self._known("MarkShared", lambda node: node.sharing.mark_shared(office.caller, request), asked)
        if made:
            asked.key = ("content_shared", made.name)

    def _third(self) -> list[ThirdParty]:
        return self._random.sample(THIRD_PARTIES, self._random.randint(1, 2))

    def _to(self, consent: pb.Consent) -> str:
        """The other party of the notice that a consent is for: who asked for it, or who gave the notice."""
        by_domain = {each.domain: each.jurisdiction for each in self._office.site.parties.peers.values()}
        sender, _, recipient = consent.position.origin.partition("/to/")
        return by_domain.get(sender) or by_domain[recipient]

    async def _one(self, state: Any, *, theirs: bool) -> Any:
        """A consent that a peer asked this node for; or one that this node asked for."""
        request = pb.ListConsentsRequest(parent="notices/-", page_size=50, state=state)
        own = self._office.site.parties.own.domain
        return await self._office.find(
            "SharingService/ListConsents",
            lambda node: node.sharing_questions.list_consents(self._office.caller, request),
            lambda page: [each for each in page.consents if each.position.origin.startswith(own) != theirs],
        )

    async def _known(self, method: str, act: Call, *asked: Asked) -> Any:
        return await self._office.until_known(f"SharingService/{method}", act, *asked)
