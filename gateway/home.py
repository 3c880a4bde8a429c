"""A node's home: the folder with its configuration, keys, certificates, peers and, for SQLite, its database.

config.toml         the configuration
access.toml         the clients: their roles, clearance, sectors
keys/               node.key node.crt, seal-ed25519.key .crt, seal-ml-dsa-44.key .crt
trust/              node-authority.crt (the own root, which peers pin), client-authority.crt: each one root, or more
                    while one follows another; client-authority*.crl: lists that it signed; denied.txt
peers/              kr.json: the pairing document of each peer; kr*.crl: lists that its node authority signed
node.db             the database
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from time import monotonic

from cryptography import x509

from gateway.config import Config
from gateway.errors import ConfigError, GatewayError, Untrusted
from gateway.identity.access import Access
from gateway.identity.access_clients import read_access
from gateway.identity.access_file import MAX_FILE_BYTES, text_of
from gateway.identity.certificates import to_der
from gateway.identity.chains import require_authority
from gateway.identity.fetching import fetch
from gateway.identity.issuer_keys import MAX_KEYS_BYTES, IssuerKeys
from gateway.identity.key_sources import FetchedKeys, KeyFile, KeySource
from gateway.identity.keyfiles import read_certificate, read_certificates, read_private, read_public
from gateway.identity.names import NodeId
from gateway.identity.officer_rules import IssuerRules
from gateway.identity.officers import Issuer, Officers
from gateway.identity.pairing import PairingDocument
from gateway.identity.parties import Parties, Party
from gateway.identity.revocation import Denied
from gateway.identity.seal_certificates import verify_seal_certificates
from gateway.identity.signers import FileSeal
from gateway.identity.tls_pair import TlsPair
from gateway.identity.watched_file import WatchedFile
from gateway.ledger.checkpoint import SealPublic

FETCH_SECONDS = 5.0


@dataclass(frozen=True)
class Home:
    """The files of one node."""

    path: Path

    # --- where things are -----------------------------------------------------------------------------------------

    @property
    def config_file(self) -> Path:
        """The configuration."""
        return self.path / "config.toml"

    @property
    def access_file(self) -> Path:
        """The clients and their roles."""
        return self.path / "access.toml"

    @property
    def peers(self) -> Path:
        """The folder of pairing documents."""
        return self.path / "peers"

    @property
    def denied_file(self) -> Path:
        """The operator's own list of certificates that are refused."""
        return self.path / "trust" / "denied.txt"

    def peer_file(self, jurisdiction: str) -> Path:
        """The pairing document of a peer."""
        return self.peers / f"{jurisdiction.lower()}.json"

    def client_crls(self) -> Sequence[Path]:
        """The lists of revoked certificates of the client authority."""
        return sorted((self.path / "trust").glob("client-authority*.crl"))

    def peer_crls(self, jurisdiction: str) -> Sequence[Path]:
        """The lists of revoked certificates of a peer's node authority."""
        return sorted(self.peers.glob(f"{jurisdiction.lower()}*.crl"))

    def key(self, name: str) -> Path:
        """A private key: ``node``, ``seal-ed25519`` or ``seal-ml-dsa-44``."""
        return self.path / "keys" / f"{name}.key"

    def certificate(self, name: str) -> Path:
        """The certificate of a key."""
        return self.path / "keys" / f"{name}.crt"

    def root(self, name: str) -> Path:
        """A root: ``node-authority`` or ``client-authority``."""
        return self.path / "trust" / f"{name}.crt"

    # --- what is in them ------------------------------------------------------------------------------------------

    @cached_property
    def config(self) -> Config:
        """The configuration, read once."""
        return Config.load(self.config_file)

    def access(self) -> WatchedFile[Access]:
        """Reads the clients and what they may do.

        Raises:
            ConfigError: naming the file, line and value.
        """
        node = self.config.node
        return WatchedFile(
            self.access_file, lambda data: read_access(text_of(data), node.domain, node.authorities), MAX_FILE_BYTES
        )

    def officers(self) -> Officers:
        """Gives whose word is taken for which officer acts.

        Raises:
            ConfigError: the file of an issuer's keys does not fit; names it.
        """
        rules = self.config.officers
        return Officers(rules, [Issuer(each, self._key_source(each)) for each in rules.issuers])

    def _key_source(self, issuer: IssuerRules) -> KeySource:
        parse = partial(IssuerKeys.parse, allowed=issuer.algorithms)
        if "://" not in issuer.jwks:
            return KeyFile(issuer.jwks, WatchedFile(self.path / issuer.jwks, parse, MAX_KEYS_BYTES))
        rules, ca = self.config.officers, self.path / issuer.ca if issuer.ca else None

        def fetched() -> IssuerKeys:
            return parse(fetch(issuer.jwks, ca, MAX_KEYS_BYTES, FETCH_SECONDS))

        return FetchedKeys(issuer.jwks, fetched, rules.refresh_seconds, rules.keep_seconds, monotonic)

    def seal(self) -> FileSeal:
        """Reads the sealing keys."""
        return FileSeal.load(self.key("seal-ed25519"), self.key("seal-ml-dsa-44"))

    def seal_certificates(self) -> tuple[x509.Certificate, x509.Certificate]:
        """Reads the certificates of the sealing keys: Ed25519, ML-DSA-44."""
        return (
            read_certificate(self.certificate("seal-ed25519")),
            read_certificate(self.certificate("seal-ml-dsa-44")),
        )

    def roots(self, name: str) -> Sequence[x509.Certificate]:
        """Reads the roots of an authority: the first is the one in use, further ones are to come or to go.

        Raises:
            ConfigError: there is none, or one is not the root of an authority.
        """
        roots = read_certificates(self.root(name))
        try:
            for root in roots:
                require_authority(root)
        except Untrusted as error:
            raise ConfigError(f"{self.root(name)}: {error.message}") from error
        return roots

    def denied(self) -> Denied:
        """Reads the operator's own list of certificates that are refused; it need not be there.

        Raises:
            ConfigError: naming the line that is wrong.
        """
        if not self.denied_file.exists():
            return Denied()
        try:
            return Denied.parse(read_public(self.denied_file).decode())
        except UnicodeDecodeError as error:
            raise ConfigError(f"{self.denied_file} is not UTF-8") from error
        except ConfigError as error:
            raise ConfigError(f"{self.denied_file}: {error.message}") from error

    def tls_pair(self, now: datetime) -> TlsPair:
        """Reads the node's TLS key and certificate.

        Raises:
            ConfigError, Untrusted, Malformed: they cannot serve now.
        """
        key, certificate = read_private(self.key("node")), read_public(self.certificate("node"))
        return TlsPair.checked(key, certificate, self.roots("node-authority"), NodeId(self.config.node.domain), now)

    def pairing_document(self, now: datetime) -> PairingDocument:
        """Makes this node's pairing document, as of now."""
        node, peer = self.config.node, self.config.peer
        ed25519, ml_dsa_44 = self.seal_certificates()
        root, *more = self.roots("node-authority")
        return PairingDocument(
            schema="pairing/1",
            jurisdiction=node.jurisdiction,
            domain=node.domain,
            display_name=node.display_name,
            authorities=node.authorities,
            addresses=peer.advertise or (peer.listen,),
            node_authority=root,
            more_node_authorities=tuple(more),
            seal_ed25519=ed25519,
            seal_ml_dsa_44=ml_dsa_44,
            created_at=now.replace(microsecond=0),
        )

    def peer_documents(self) -> list[PairingDocument]:
        """Reads every pairing document.

        Raises:
            ConfigError: naming the file that is wrong.
        """
        documents = []
        for path in sorted(self.peers.glob("*.json")):
            try:
                documents.append(PairingDocument.parse(path.read_bytes()))
            except (OSError, GatewayError) as error:
                raise ConfigError(f"{path}: {error}") from error
        return documents

    def parties(self, documents: Sequence[PairingDocument], now: datetime) -> Parties:
        """Gives who exchanges; the own seal must be certified by the own root now.

        Raises:
            Untrusted: it is not.
            ConfigError: two peers have one jurisdiction or domain, or one of them is this node.
        """
        own = self._own_party(now)
        peers = {document.jurisdiction: _party(document) for document in documents}
        domains = {own.domain, *(peer.domain for peer in peers.values())}
        if len(peers) < len(documents) or own.jurisdiction in peers or len(domains) <= len(peers):
            raise ConfigError(f"{self.peers}: each peer has a jurisdiction and a domain of its own")
        return Parties(own, peers)

    def _own_party(self, now: datetime) -> Party:
        node, peer = self.config.node, self.config.peer
        certificates = tuple(to_der(each) for each in self.seal_certificates())
        return Party(
            node.jurisdiction,
            node.domain,
            node.display_name,
            peer.advertise or (peer.listen,),
            self._certified_seal(now),
            certificates,
            fingerprint="",
        )

    def _certified_seal(self, now: datetime) -> SealPublic:
        ed25519, ml_dsa_44 = (to_der(each) for each in self.seal_certificates())
        roots, node = self.roots("node-authority"), NodeId(self.config.node.domain)
        return verify_seal_certificates(ed25519, ml_dsa_44, roots, node, now)


def _party(document: PairingDocument) -> Party:
    return Party(
        document.jurisdiction,
        document.domain,
        document.display_name,
        document.addresses,
        document.seal,
        (to_der(document.seal_ed25519), to_der(document.seal_ml_dsa_44)),
        document.fingerprint(),
    )
