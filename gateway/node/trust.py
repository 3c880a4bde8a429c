"""What a running node presents and whom it trusts: read from its home, and again whenever that changes.

A listener whose trust could not be read again for too long takes no new connection: what an operator wanted to be
refused may not be known here. Open connections go on, under what was last read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from cryptography import x509

from gateway.errors import ConfigError, Untrusted
from gateway.home.home import Home
from gateway.identity.certificates.issuing import Authority
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.revocation import Crl, Revocation, key_of, load_crls
from gateway.identity.certificates.tls_trust import Purpose, TlsTrust
from gateway.identity.certificates.x509 import Cause, to_pem, untrusted
from gateway.identity.names import NodeId
from gateway.identity.seals.certificates import certified_seal, seal_of, seal_revoked_since
from gateway.identity.watched_files import WatchedFiles
from gateway.ledger.seals import Certificates, CertifiedSeal
from gateway.link.dialling import Credentials
from gateway.rpc.tls import Material

SEALS = 16  # of one peer, of which it is remembered whether they are revoked


@dataclass(frozen=True, slots=True)
class Trust:
    """The roots of one group of callers, also as PEM, and the decisions by them.

    Attributes:
        domain: of the callers
        authorities: the roots
        roots: the same, as PEM
        verifier: decides about callers
        crls: lists of revoked certificates, by the key of their authority
        seal_revoked_since: tells of a seal's certificates since when one of them is revoked; None: both are good
    """

    domain: str
    authorities: Sequence[x509.Certificate]
    roots: bytes
    verifier: TlsTrust
    crls: Mapping[bytes, Crl]
    seal_revoked_since: Callable[[Certificates], datetime | None]


class TrustStore:
    """The files of a home that TLS needs, watched.

    Args:
        home: of the node
        jurisdictions: of the peers it was started with; others take part after the next start
        clock: with a time zone

    Raises:
        ConfigError, Untrusted, Malformed: one cannot be taken now.
    """

    def __init__(self, home: Home, jurisdictions: Iterable[str], clock: Callable[[], datetime]) -> None:
        self._home, self._jurisdictions, self._clock = home, tuple(jurisdictions), clock
        node = home.config.node
        nobody = Authority.create(AuthorityKind.CLIENT, node.jurisdiction, node.domain, clock())
        self.is_ended: Callable[[str], bool] = lambda _: False  # a peer's pairing: its lists need no renewal then
        self._nobody = to_pem(nobody.certificate)  # a root whose key is gone at once: nothing can come from it
        self.tls = WatchedFiles("TLS key and certificate", self._tls_files, lambda: home.tls_pair(clock()))
        self.clients = WatchedFiles("trust in clients", self._client_files, self._load_clients)
        self.peers = WatchedFiles("trust in peers", self._peer_files, self._load_peers)

    @property
    def watched(self) -> Sequence["WatchedFiles[Any] | CrlTimes"]:
        """What must be looked at again and again."""
        return self.tls, self.clients, self.peers, CrlTimes(self.crls, self._clock)

    def crls(self) -> Iterator[Crl]:
        """Gives the lists of revoked certificates that are in force."""
        yield from self.clients.current.crls.values()
        for peer, trust in self.peers.current.items():
            if not self.is_ended(peer):
                yield from trust.crls.values()

    # --- for the listeners, asked at every handshake: these never raise -------------------------------------------

    def for_clients(self) -> Material:
        """What the back-office listener presents, and whom it trusts."""
        return self._material(self.clients.current.roots, self.clients.failing_seconds())

    def for_peers(self) -> Material:
        """What the peer listener presents, and whom it trusts: with no peer, nobody."""
        roots = b"".join(trust.roots for trust in self.peers.current.values())
        return self._material(roots or self._nobody, self.peers.failing_seconds())

    def to_peer(self, jurisdiction: str) -> Credentials:
        """What the link to a peer presents, and whom it trusts."""
        own = self.tls.current
        return Credentials(own.key, own.certificate, self.peers.current[jurisdiction].roots)

    # --- for channels ---------------------------------------------------------------------------------------------

    def certify(self, domain: str, certificates: Certificates, at: int) -> CertifiedSeal:
        """Gives the seal that a channel's sender rotates to, if its pinned roots certify it.

        Our own comes back from a peer under our own signature, which is enough: the root may be another by now.

        Raises:
            Untrusted, Malformed: they do not.
        """
        if domain == self._home.config.node.domain:
            return seal_of(certificates)
        seal = certified_seal(certificates, self._trust_in(domain).authorities, NodeId(domain), at)
        self.require_unrevoked(domain, seal, at)
        return seal

    def require_unrevoked(self, domain: str, seal: CertifiedSeal, at: int) -> None:
        """Passes if a peer's seal was not revoked at a time (seconds since 1970), at which it signed.

        Raises:
            Untrusted: REVOKED. What it signed before stays good, but for one that this node's operator denies.
        """
        since = self._trust_in(domain).seal_revoked_since(seal.certificates)
        if since and since.timestamp() <= at:
            raise untrusted(Cause.REVOKED, f"the seal of {domain} that signed this was revoked before it did")

    def _trust_in(self, domain: str) -> Trust:
        for trust in self.peers.current.values():
            if trust.domain == domain:
                return trust
        raise Untrusted(f"no root is pinned here that could certify a seal of {domain}")

    def _material(self, roots: bytes, failing_seconds: float) -> Material:
        own = self.tls.current
        if failing_seconds > self._home.config.revocation.refuse_after_seconds:
            roots = self._nobody
        return Material(own.key, own.certificate, roots)

    # --- what is read ---------------------------------------------------------------------------------------------

    def _tls_files(self) -> Iterator[Path]:
        home = self._home
        yield from (home.key("node"), home.certificate("node"), home.root("node-authority"))

    def _client_files(self) -> Iterator[Path]:
        home = self._home
        yield from (home.root("client-authority"), home.denied_file, *home.client_crls())

    def _peer_files(self) -> Iterator[Path]:
        home = self._home
        yield home.denied_file
        for jurisdiction in self._jurisdictions:
            yield home.peer_file(jurisdiction)
            yield from home.peer_crls(jurisdiction)

    def _load_clients(self) -> Trust:
        return self._trust(
            self._home.config.node.domain, self._home.roots("client-authority"), self._home.client_crls()
        )

    def _load_peers(self) -> Mapping[str, Trust]:
        documents = {document.jurisdiction: document for document in self._home.peer_documents()}
        if missing := [each for each in self._jurisdictions if each not in documents]:
            raise ConfigError(f"the pairing document of {', '.join(missing)} is not there any more")
        return {
            each: self._trust(documents[each].domain, documents[each].node_authorities, self._home.peer_crls(each))
            for each in self._jurisdictions
        }

    def _trust(self, domain: str, roots: Sequence[x509.Certificate], crl_files: Iterable[Path]) -> Trust:
        config = self._home.config.revocation
        crls = load_crls(crl_files, roots, self._clock())
        numbers = self._home.crl_numbers
        numbers.require_no_older(map(key_of, roots), crls)
        numbers.keep(crls)
        revocation = Revocation(self._home.denied(), crls, refuse_stale=config.stale_crl == "refuse")
        return Trust(
            domain,
            tuple(roots),
            b"".join(map(to_pem, roots)),
            TlsTrust(roots, Purpose.CLIENT, revocation),
            crls,
            lru_cache(SEALS)(
                partial(seal_revoked_since, roots=tuple(roots), node_id=NodeId(domain), revocation=revocation)
            ),
        )


class CrlTimes:
    """Watches that every list of revoked certificates is renewed in time."""

    name = "lists of revoked certificates"

    def __init__(self, crls: Callable[[], Iterable[Crl]], clock: Callable[[], datetime]) -> None:
        self._crls, self._clock = crls, clock

    def look(self) -> None:
        """Raises ``ConfigError`` while one is past its time."""
        if late := [crl.next_update for crl in self._crls() if self._clock() > crl.next_update]:
            raise ConfigError(f"one should have been renewed by {min(late):%Y-%m-%d %H:%M} UTC")
