"""The two listeners of a node: what each admits, and how much of it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache

import grpc

from gateway.home.config import Config, reachable
from gateway.identity.access.access import Access
from gateway.identity.officers.officers import Officers
from gateway.identity.pairing.parties import Parties
from gateway.metrics.instruments import Instruments
from gateway.node.trust import TrustStore
from gateway.rpc.admission import BackOfficeAdmission, PeerAdmission
from gateway.rpc.guard import Admission
from gateway.rpc.journaling import Journaling
from gateway.rpc.quotas import Quotas
from gateway.rpc.server import MAX_PEER_STREAMS, PEER_QUOTA, Listener
from gateway.rpc.tls import Material, require_tls_1_3_only
from gateway.scraping.families import Load
from gateway.telemetry.tracing import Tracing


class Listeners:
    """Makes them.

    Args:
        config: of the node
        trust: what is presented, and who is trusted
        journaling: makes entries of calls
        instruments: count them
        tracing: makes their spans
        clock: with a time zone
    """

    def __init__(
        self,
        config: Config,
        trust: TrustStore,
        journaling: Journaling,
        instruments: Instruments,
        tracing: Tracing,
        clock: Callable[[], datetime],
    ) -> None:
        self._config, self._trust, self._clock = config, trust, clock
        self._journaling, self._instruments, self._tracing = journaling, instruments, tracing
        limits, most = config.limits, config.back_office.max_concurrent_calls
        self._client_quotas = Quotas(cache(lambda client: limits.quota(client, most)), time.monotonic_ns)
        self._peer_quotas = Quotas(lambda _peer: PEER_QUOTA, time.monotonic_ns)

    @property
    def loads(self) -> Mapping[str, Load]:
        """Gives what each of them serves now, by name."""
        return {"back_office": self._client_quotas.under_way, "peer": self._peer_quotas.under_way}

    def back_office(self, access: Callable[[], Access], officers: Officers) -> Listener:
        """That of the jurisdiction's own back offices."""
        trust, section = self._trust, self._config.back_office
        admission = BackOfficeAdmission(lambda: trust.clients.current.verifier, access, officers, self._clock)
        most = section.max_concurrent_calls
        return self._listener(section.listen, trust.for_clients, admission, most, self._client_quotas)

    def peer(self, parties: Parties, require_paired: Callable[[str], None]) -> Listener:
        """That of paired nodes; ``require_paired`` as ``PeerAdmission`` has it."""
        trust = self._trust
        admission = PeerAdmission(
            parties, lambda jurisdiction: trust.peers.current[jurisdiction].verifier, require_paired, self._clock
        )
        listen = self._config.peer.listen
        return self._listener(listen, trust.for_peers, admission, MAX_PEER_STREAMS, self._peer_quotas)

    async def open(self, back_office: tuple[grpc.aio.Server, int], peer: tuple[grpc.aio.Server, int]) -> None:
        """Starts both, and has each refuse what is older than TLS 1.3; each comes with its port."""
        for (server, port), listen in (
            (back_office, self._config.back_office.listen),
            (peer, self._config.peer.listen),
        ):
            await server.start()
            host = listen.rpartition(":")[0]
            await asyncio.to_thread(require_tls_1_3_only, f"{reachable(host)}:{port}")

    def _listener(
        self,
        address: str,
        material: Callable[[], Material],
        admission: Admission,
        max_calls: int,
        quotas: Quotas,
    ) -> Listener:
        limits = self._config.limits
        return Listener(
            address,
            material,
            admission,
            limits.max_deadline_seconds,
            limits.max_connection_age_seconds,
            limits.drain_seconds,
            max_calls,
            quotas,
            self._journaling,
            self._instruments,
            self._tracing,
        )
