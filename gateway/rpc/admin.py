"""``AdminService``."""

from typing import Any

from regulator.exchange.v1 import admin_service_pb2 as pb
from regulator.exchange.v1.admin_service_pb2_grpc import AdminServiceServicer

from gateway.commands.seals import SealCommands
from gateway.questions.certificates import CertificateQuestions
from gateway.questions.standing import Standing
from gateway.rpc.admission import CALLER


class AdminServicer(AdminServiceServicer):
    """Calls standing, the questions about certificates, and the commands of the seal."""

    def __init__(self, standing: Standing, certificates: CertificateQuestions, seals: SealCommands) -> None:
        self._standing, self._certificates, self._seals = standing, certificates, seals

    async def GetServerInfo(self, request: pb.GetServerInfoRequest, context: Any) -> pb.ServerInfo:
        """Tells which node this is."""
        return await self._standing.server_info(CALLER.get())

    async def GetPeer(self, request: pb.GetPeerRequest, context: Any) -> pb.Peer:
        """Gives one peer."""
        return self._standing.get_peer(request)

    async def ListPeers(self, request: pb.ListPeersRequest, context: Any) -> pb.ListPeersResponse:
        """Gives a page of peers."""
        return self._standing.list_peers(request)

    async def GetChannel(self, request: pb.GetChannelRequest, context: Any) -> pb.Channel:
        """Gives one channel."""
        return await self._standing.get_channel(CALLER.get(), request)

    async def ListChannels(self, request: pb.ListChannelsRequest, context: Any) -> pb.ListChannelsResponse:
        """Gives a page of channels."""
        return await self._standing.list_channels(CALLER.get(), request)

    async def ListCertificates(self, request: pb.ListCertificatesRequest, context: Any) -> pb.ListCertificatesResponse:
        """Gives a page of certificates."""
        return await self._certificates.list_certificates(request)

    async def RotateSeal(self, request: pb.RotateSealRequest, context: Any) -> pb.RotateSealResponse:
        """Puts the prepared seal in force."""
        return await self._seals.rotate(request, CALLER.get())
