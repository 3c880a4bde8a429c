"""How long the certificates last that this node depends on: one source, for events and for those who ask."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from regulator.exchange.v1 import admin_service_pb2 as admin

from gateway.identity.certificates.lifetimes import Lifetime
from gateway.ledger.seals import CertifiedSeal
from gateway.questions.paging import page_of
from gateway.store.bulletin import Bulletin
from gateway.supervision.acts.submissions import check_fields

Read = Callable[[datetime, Mapping[str, CertifiedSeal], Collection[str]], Sequence[Lifetime]]
"""Reads them from the home, given the time, the seals in force of peers, by jurisdiction, and the peers of before."""


class CertificateQuestions:
    """Answers from the files of the home, and from what peers told of their seals.

    Args:
        read: the files
        bulletin: knows the seals
    """

    def __init__(self, read: Read, bulletin: Bulletin) -> None:
        self._read, self._bulletin = read, bulletin

    async def lifetimes(self, now: datetime) -> Sequence[Lifetime]:
        """Gives all of them, the one that ends first first.

        Raises:
            ConfigError: a file cannot be read now.
        """
        return await asyncio.to_thread(self._read, now, self._seals_of_peers(), self._ended_peers())

    async def list_certificates(self, request: admin.ListCertificatesRequest) -> admin.ListCertificatesResponse:
        """Gives a page of them."""
        check_fields(request)
        now = datetime.now(UTC)
        page, more = page_of(certificate_messages(await self.lifetimes(now), now), request)
        return admin.ListCertificatesResponse(certificates=page, next_page_token=more)

    def _seals_of_peers(self) -> Mapping[str, CertifiedSeal]:
        states = self._bulletin.commit.states.values()
        incoming = {each.ends.sender: each.seals.sender.newest for each in states if not each.ends.outgoing}
        return {peer: seal for peer, seal in incoming.items() if all(seal.certificates)}

    def _ended_peers(self) -> Collection[str]:
        return {each.ends.recipient for each in self._bulletin.commit.states.values() if each.ended}


def certificate_messages(lifetimes: Iterable[Lifetime], now: datetime) -> list[admin.Certificate]:
    """Tells of each how it stands now."""
    return [_told(each, now) for each in lifetimes]


def _told(lifetime: Lifetime, now: datetime) -> admin.Certificate:
    window, renewed = lifetime.window, lifetime.crl_next_update
    return admin.Certificate(
        purpose=lifetime.purpose,
        subject=lifetime.subject,
        sha256=lifetime.sha256,
        not_before=_timestamp(window.not_before),
        not_after=_timestamp(window.not_after),
        days_left=lifetime.days_left(now),
        state=admin.Certificate.State.Value(lifetime.state(now).name),
        crl_next_update=_timestamp(renewed) if renewed else None,
    )


def _timestamp(moment: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(moment)
    return made
