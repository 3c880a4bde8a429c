"""How this node stands: what it is, whom it is paired with, and how its channels move."""

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version

from google.protobuf.timestamp_pb2 import Timestamp
from regulator.exchange.v1 import admin_service_pb2 as admin

from gateway.alarms import Alarm, Alarms
from gateway.errors import NotFound
from gateway.identity.access.access import LOOKING_AFTER, Caller
from gateway.identity.pairing.parties import Parties, Party
from gateway.ledger.seals import CertifiedSeal
from gateway.moments import timestamp_of
from gateway.questions.attachment_standing import AttachmentStanding, Usage
from gateway.questions.links import Links
from gateway.questions.paging import page_of
from gateway.questions.scopes import scope_of
from gateway.store.attachments.standing import Awaited
from gateway.store.bulletin import Bulletin
from gateway.store.own_seal import left_behind
from gateway.store.state import ChannelState
from gateway.supervision.acts.submissions import check_fields

API_VERSIONS = ("v1",)
SOFTWARE_VERSION = version("regulatory-gateway")


class Standing:
    """Answers for operators.

    Args:
        parties: who exchanges
        authorities: codes of those that this node serves
        seal: gives this node's, as it is in force
        bulletin: knows the newest heads, and since when envelopes wait
        links: how each channel's stream does
        files: how they stand
        alarms: what needs an operator
        clock: microseconds since 1970
    """

    def __init__(  # noqa: PLR0913, PLR0917 - a part each
        self,
        parties: Parties,
        authorities: tuple[str, ...],
        seal: Callable[[], CertifiedSeal],
        bulletin: Bulletin,
        links: Links,
        files: AttachmentStanding,
        alarms: Alarms,
        clock: Callable[[], int],
    ) -> None:
        self._parties, self._authorities, self._seal, self._bulletin = parties, authorities, seal, bulletin
        self._links, self._files, self._alarms, self._clock = links, files, alarms, clock
        self._started = clock()

    async def server_info(self, caller: Caller) -> admin.ServerInfo:
        """Tells which node this is, and what it makes of the caller."""
        own, is_looking_after = self._parties.own, _is_looking_after(caller)
        return admin.ServerInfo(
            jurisdiction=own.jurisdiction,
            domain=own.domain,
            software_version=SOFTWARE_VERSION,
            api_versions=API_VERSIONS,
            authorities=self._authorities,
            verifier_keys=self._seal().public.verifier_keys(own.domain),
            time=timestamp_of(self._clock()),
            start_time=timestamp_of(self._started),
            client=caller.client,
            client_authority=caller.authority,
            client_roles=sorted(caller.roles),
            client_clearance=caller.clearance,
            client_sectors=sorted(caller.sectors),
            client_officer=caller.officer,
            alarms=map(_alarm, self._alarms.current()) if is_looking_after else (),
            replica=self._links.replica,
            replicas=self._replicas() if is_looking_after else (),
            attachment_usages=map(_usage, await self._files.usages()) if is_looking_after else (),
        )

    def get_peer(self, request: admin.GetPeerRequest) -> admin.Peer:
        """Gives one peer."""
        check_fields(request)
        for peer in self._parties.peers.values():
            if _peer_name(peer) == request.name:
                return self._peer(peer)
        raise NotFound(f"there is no peer {request.name.removeprefix('peers/').upper()}")

    def list_peers(self, request: admin.ListPeersRequest) -> admin.ListPeersResponse:
        """Gives a page of peers, by jurisdiction."""
        check_fields(request)
        ordered = sorted(self._parties.peers.values(), key=lambda peer: peer.jurisdiction)
        page, more = page_of([self._peer(each) for each in ordered], request)
        return admin.ListPeersResponse(peers=page, next_page_token=more)

    async def get_channel(self, caller: Caller, request: admin.GetChannelRequest) -> admin.Channel:
        """Gives one channel."""
        check_fields(request)
        await self._bulletin.catch_up()
        for state in self._bulletin.commit.states.values():
            if channel_name(state) == request.name:
                return self._channel(state, (await self._awaited(caller)).get(state.id))
        raise NotFound(f"there is no channel {request.name.removeprefix('channels/')}")

    async def list_channels(self, caller: Caller, request: admin.ListChannelsRequest) -> admin.ListChannelsResponse:
        """Gives a page of channels, by name."""
        check_fields(request)
        await self._bulletin.catch_up()
        ordered = sorted(self._bulletin.commit.states.values(), key=channel_name)
        awaited = await self._awaited(caller)
        page, more = page_of([self._channel(state, awaited.get(state.id)) for state in ordered], request)
        return admin.ListChannelsResponse(channels=page, next_page_token=more)

    async def _awaited(self, caller: Caller) -> Mapping[int, Awaited]:
        """What waits for its files, of notices of every label: as far as the caller may know of them."""
        may_know = _is_looking_after(caller) or scope_of(caller).is_unlimited
        return await self._files.awaited() if may_know else {}

    def _peer(self, peer: Party) -> admin.Peer:
        ended = self._bulletin.commit.states[self._parties.origin_to(peer.jurisdiction)].ended
        return admin.Peer(
            name=_peer_name(peer),
            jurisdiction=peer.jurisdiction,
            domain=peer.domain,
            display_name=peer.display_name,
            addresses=peer.addresses,
            pairing_fingerprint=peer.fingerprint,
            state=admin.Peer.ENDED if ended else admin.Peer.PAIRED,
            end_time=Timestamp(seconds=ended.ended_time) if ended else None,
            ended_by=ended.by if ended else "",
            end_reason=ended.reason if ended else "",
        )

    def _replicas(self) -> Iterator[admin.Replica]:
        """Those that run, and those that did lately and were not started again since."""
        picture = self._links.picture
        states = sorted(self._bulletin.commit.states.values(), key=channel_name)
        for each in sorted([*picture.running(), *picture.missing()], key=lambda each: (each.name, each.id)):
            yield admin.Replica(
                name=each.name,
                start_time=timestamp_of(each.started_at),
                seen_time=timestamp_of(each.seen_at),
                running=picture.runs(each),
                channels=[channel_name(state) for state in states if picture.holder(state.id) == each],
            )

    def _channel(self, state: ChannelState, awaited: Awaited | None) -> admin.Channel:
        link, halt, receipt = self._links.of(state.origin), state.halt, state.receipt
        oldest, holder = self._bulletin.backlog.oldest(state.origin), self._links.picture.holder(state.id)
        channel = admin.Channel(
            name=channel_name(state),
            origin=state.origin,
            sender=state.ends.sender,
            recipient=state.ends.recipient,
            state=_state(state),
            halt_reason=f"{halt.reason}: {halt.detail}" if halt else "",
            size=state.log.size,
            receipted_size=state.receipted_size,
            root=state.log.root(),
            connected=link.connected,
            receipt_time=Timestamp(seconds=receipt.time) if receipt else None,
            last_error=link.last_error,
            oldest_unreceipted_time=timestamp_of(oldest) if oldest else None,
            replica=holder.name if holder else "",
            earlier_seal_sha256=self._earlier_seal(state),
        )
        if awaited:
            self._tell_awaited(channel, state, awaited)
        return channel

    def _earlier_seal(self, state: ChannelState) -> str:
        is_behind = state.origin in {each.origin for each in left_behind(self._bulletin.commit.states)}
        return state.seals.sender.newest.fingerprint if is_behind else ""

    def _tell_awaited(self, channel: admin.Channel, state: ChannelState, awaited: Awaited) -> None:
        transfers = self._files.transfers
        channel.unattached_notices, channel.unattached_bytes = awaited.notices, awaited.to_come_bytes
        channel.oldest_unattached_time.CopyFrom(timestamp_of(awaited.since))
        channel.attachments_error = transfers.trouble(state.origin)
        if not state.ends.outgoing or self._links.holds(state.id):
            channel.attachments_idle_time.CopyFrom(timestamp_of(transfers.idle_since(state.origin, awaited)))


def _is_looking_after(caller: Caller) -> bool:
    return not caller.roles.isdisjoint(LOOKING_AFTER)


def channel_name(state: ChannelState) -> str:
    """The resource name of a channel: ``channels/hk-to-kr``."""
    return f"channels/{state.name}"


def _state(state: ChannelState) -> admin.Channel.State.ValueType:
    if state.ended:
        return admin.Channel.ENDED
    return admin.Channel.HALTED if state.halt else admin.Channel.OPEN


def _peer_name(peer: Party) -> str:
    return f"peers/{peer.jurisdiction.lower()}"


def _usage(usage: Usage) -> admin.AttachmentUsage:
    owner, totals = usage.owner, usage.totals
    return admin.AttachmentUsage(
        authority=owner.authority, peer=owner.peer, quota_bytes=usage.quota_bytes, **totals._asdict()
    )


def _alarm(alarm: Alarm) -> admin.Alarm:
    return admin.Alarm(about=alarm.about, detail=alarm.detail, start_time=timestamp_of(alarm.since))
