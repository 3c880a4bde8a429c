"""Who calls, by the TLS session, and for which officer, by a token: asked again for every message of a stream."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from datetime import datetime
from functools import lru_cache, partial
from time import monotonic_ns
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256

from gateway.errors import Unauthenticated, VerificationError
from gateway.identity.access.access import Access, Caller
from gateway.identity.certificates.tls_trust import TlsTrust
from gateway.identity.certificates.x509 import load_certificate
from gateway.identity.names import NodeId
from gateway.identity.officers.claims import Fault, Presenter, refused
from gateway.identity.officers.officers import Officers
from gateway.identity.pairing.parties import Parties, Party
from gateway.rates import Rate, Rates

TLS_VERSION = b"TLSv1.3"
HYBRID_GROUP = b"X25519MLKEM768"
AUTHORIZATION = "authorization"
TOKENS = Rate(per_second=50, burst=200)  # that were not verified before, of one client: each costs 0.2 ms

Session = Mapping[str, Any]
"""gRPC's ``auth_context()``: property name -> values."""


class Call(NamedTuple):
    """What gRPC shows of a call before its first message: what the TLS session proves, and what was sent beside."""

    session: Session
    metadata: Iterable[tuple[str, str | bytes]]


class Admitted(NamedTuple):
    """Who calls: its SPIFFE ID, and, of a client, what it may do."""

    identity: str
    caller: Caller | None = None


CALLER: ContextVar[Caller] = ContextVar("caller")
"""Who makes the call that is served now, on the back-office listener."""

PEER: ContextVar[Party] = ContextVar("peer")
"""Which node makes the call that is served now, on the peer listener."""


class BackOfficeAdmission:
    """Admits clients of the own jurisdiction, to the methods that their roles allow."""

    def __init__(
        self,
        trust: Callable[[], TlsTrust],
        access: Callable[[], Access],
        officers: Officers,
        clock: Callable[[], datetime],
    ) -> None:
        self._trust, self._access, self._officers, self._clock = trust, access, officers, clock
        self._looked_into = Rates()  # tokens, by client: what is refused for them counts as no call

    def admit(self, call: Call, method: str) -> Admitted:
        """Sets ``CALLER``.

        Raises:
            Unauthenticated: no client of this node is behind the session, or it sent a token that is not accepted.
            NotAllowed: it is one, and may not call this method, or not without an officer.
            Unavailable: the keys of the token's issuer are not known now.
            RateLimited: it sends one new token after the other.
        """
        session, now = call.session, self._clock()
        identity = verified_identity(session, self._trust(), now)
        system, officer = self._access().caller(identity), None
        CALLER.set(system)  # whoever is refused below is known all the same
        if token := bearer_token(call.metadata):
            presenter = Presenter(identity, _thumbprint(_only(session, "x509_pem_cert")))
            spend = partial(self._looked_into.take, identity, TOKENS, monotonic_ns(), "new tokens")
            officer = self._officers.officer(token, presenter, now.timestamp(), spend)
        caller = self._officers.acting(system, officer)
        CALLER.set(caller)
        self._officers.require(system, caller, method)
        return Admitted(identity, caller)


class PeerAdmission:
    """Admits paired nodes, each under the root that its pairing document pins.

    One whose pairing has ended is known still, and told just that: its operator must see why it is refused.

    Args:
        parties: who exchanges
        trust: gives the decisions by a peer's roots, by jurisdiction
        require_paired: raises ``PairingEnded`` for a jurisdiction that is not paired any more
        clock: with a time zone
    """

    def __init__(
        self,
        parties: Parties,
        trust: Callable[[str], TlsTrust],
        require_paired: Callable[[str], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._trust, self._require_paired, self._clock = trust, require_paired, clock
        self._peers = {str(NodeId(peer.domain)): peer for peer in parties.peers.values()}

    def admit(self, call: Call, method: str) -> Admitted:
        """Sets ``PEER``, which may call every method that the peer listener serves.

        Raises:
            Unauthenticated: no paired node is behind the session, or it is without post-quantum key exchange.
            PairingEnded: the node behind it was paired once.
        """
        session = call.session
        if _only(session, "ssl_negotiated_key_exchange_group") != HYBRID_GROUP:
            raise Unauthenticated(f"{method} needs the key exchange group {HYBRID_GROUP.decode()}")
        claimed = _only(session, "peer_spiffe_id").decode(errors="replace")
        peer = self._peers.get(claimed)
        if peer is None or verified_identity(session, self._trust(peer.jurisdiction), self._clock()) != claimed:
            raise Unauthenticated("the certificate is not that of a paired node")
        self._require_paired(peer.jurisdiction)
        PEER.set(peer)
        return Admitted(claimed)


def verified_identity(session: Session, trust: TlsTrust, now: datetime) -> str:
    """The SPIFFE ID behind a session.

    Raises:
        Unauthenticated: the session is not TLS 1.3, or its certificate is not trusted (any more).
    """
    if _only(session, "ssl_tls_version") != TLS_VERSION:
        raise Unauthenticated("TLS 1.3 is required")
    try:
        return trust.verify(_only(session, "x509_pem_cert"), now)
    except VerificationError as error:
        raise Unauthenticated(f"the certificate is not accepted: {error.message}", **error.metadata) from error


def bearer_token(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """The token that is sent as ``authorization: Bearer ...`` (RFC 6750, section 2.1); empty: none is sent.

    Raises:
        Unauthenticated: something else is sent there, or it is sent twice.
    """
    sent = [value for key, value in metadata if key == AUTHORIZATION]
    if not sent:
        return ""
    scheme, _, token = sent[0].partition(" ") if isinstance(sent[0], str) else ("", "", "")
    if len(sent) > 1 or scheme.lower() != "bearer" or not token:
        raise refused(Fault.MALFORMED)
    return token


@lru_cache(1024)
def _thumbprint(certificate: bytes) -> str:
    """The SHA-256 of a certificate (PEM), as RFC 8705 writes it: base64url without padding."""
    digest = load_certificate(certificate).fingerprint(SHA256())
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _only(session: Session, name: str) -> bytes:
    values = list(session.get(name, ()))
    if len(values) != 1:
        raise Unauthenticated(f"the session has no single {name}")
    return bytes(values[0])
