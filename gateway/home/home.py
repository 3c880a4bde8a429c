"""A node's home: the folder with its configuration, keys, certificates, peers and, for SQLite, its database.

config.toml         the configuration
access.toml         the clients: their roles, clearance, sectors
keys/               node.key node.crt, seal-ed25519.key .crt, seal-ml-dsa-44.key .crt; where a token
                    has the first key of the seal, seal-ed25519.uri names it; pin-refused.json: a PIN that it refused
keys/next/          the seal that comes next, until the node has rotated to it
keys/leaving/       the files of that folder once they are taken over, for a moment
keys/earlier/       certificates of the seals before, each pair in a folder of its own
trust/              node-authority.crt (the own root, which peers pin), client-authority.crt: each one root, or more
                    while one follows another; client-authority*.crl: lists that it signed; denied.txt;
                    crl-numbers.txt: the numbers of the lists that were taken
peers/              kr.json: the pairing document of each peer; kr*.crl: lists that its node authority signed
peers/earlier/      pairing documents that others took the place of
peers/ended/        kr.json: that an operator ended the pairing with a peer, whose document stays
forks/              what was given up of channels that had forked
node.db             the database
high-water.json     how far the node saw the database: it tells that one was put back
move.json           while gateway migrate moves the node to another database: how it is taken back
filling.json        while gateway migrate or restore fills a database: which one it is
lock                held by the one process that uses the home
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from cryptography import x509

from gateway.errors import BadInput, ConfigError, GatewayError, Unavailable, Untrusted, VerificationError, WrongState
from gateway.home.config import EVERYWHERE, Config
from gateway.identity.access.access import Access
from gateway.identity.access.clients import read_access
from gateway.identity.access.file import MAX_FILE_BYTES
from gateway.identity.access.toml_text import text_of
from gateway.identity.certificates.chains import require_authority
from gateway.identity.certificates.crl_numbers import CrlNumbers
from gateway.identity.certificates.denied import MAX_DENIED_BYTES, Denied
from gateway.identity.certificates.keyfiles import read_certificates, read_private, read_public
from gateway.identity.certificates.tls_pair import TlsPair
from gateway.identity.certificates.x509 import Cause, load_certificate
from gateway.identity.names import NodeId
from gateway.identity.officers.key_sources import key_source_of
from gateway.identity.officers.officers import Issuer, Officers
from gateway.identity.pairing.document import MAX_DOCUMENT_BYTES, PairingDocument
from gateway.identity.pairing.end import EndMarks
from gateway.identity.pairing.parties import Parties, Party
from gateway.identity.seals.certificates import verify_seal_certificates
from gateway.identity.seals.folders import SealFolders
from gateway.identity.seals.pins import MEMORY, Pin
from gateway.identity.seals.pkcs11_access import NO_TOKENS, TokenAccess
from gateway.identity.seals.signers import reach
from gateway.identity.watched_file import WatchedFile
from gateway.ledger.checkpoint import Signer
from gateway.ledger.seals import CertifiedSeal

KEYS = ("node", "seal-ed25519", "seal-ml-dsa-44")  # by the names of their files


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

    @property
    def crl_numbers(self) -> CrlNumbers:
        """The numbers of the newest lists of revoked certificates that were taken."""
        return CrlNumbers(self.path / "trust" / "crl-numbers.txt")

    @property
    def high_water(self) -> Path:
        """How far the node saw its database."""
        return self.path / "high-water.json"

    @property
    def move_file(self) -> Path:
        """A move to another database that was begun."""
        return self.path / "move.json"

    @property
    def filling_file(self) -> Path:
        """Which database is being filled."""
        return self.path / "filling.json"

    @property
    def endings(self) -> EndMarks:
        """The marks of pairings that were ended."""
        return EndMarks(self.peers / "ended")

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
        return Officers(rules, [Issuer(each, key_source_of(each, rules, self.path)) for each in rules.issuers])

    @cached_property
    def tokens(self) -> TokenAccess:
        """How the token is reached that may hold a sealing key."""
        said = self.config.pkcs11
        pin = Pin(self.path / said.pin_file, self.path / "keys" / MEMORY)
        return TokenAccess(Path(said.module), pin, said.sign_seconds) if said.module else NO_TOKENS

    @property
    def seals(self) -> SealFolders:
        """Its seals: that in force, the next one, those before."""
        return SealFolders(self.path / "keys", self.tokens)

    def prepared_seal(self, clock: Callable[[], datetime]) -> tuple[CertifiedSeal, Signer]:
        """Reads the seal that comes next, if it may, and what signs with it.

        Raises:
            WrongState: none is prepared.
            ConfigError, Untrusted: it does not fit, or is not this node's by its own root now.
            Unavailable: the token that holds a key of it does not sign.
        """
        if not self.seals.coming.holds_one():
            raise WrongState("no seal is prepared in the home: gateway certs prepare-seal")
        seal, signer = self.seals.coming.dated(clock)
        self.require_certified(seal, clock())
        reach(signer)
        return seal, signer

    def require_certified(self, seal: CertifiedSeal, now: datetime) -> None:
        """Passes if a seal is this node's, by its own root, now.

        Raises:
            Untrusted: it is not.
        """
        roots, node = self.roots("node-authority"), NodeId(self.config.node.domain)
        verify_seal_certificates(*seal.certificates, roots, node, now)

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
            ConfigError: it cannot be read; or naming the line that is wrong.
        """
        text = self.denied_text()
        try:
            return Denied.parse(text)
        except ConfigError as error:
            raise ConfigError(f"{self.denied_file}: {error.message}") from error

    def denied_text(self) -> str:
        """Reads the operator's own list as it is written, comments too; empty if it is not there.

        Raises:
            ConfigError: it cannot be read, is too large, or is not UTF-8.
        """
        if not self.denied_file.exists():
            return ""
        try:
            return read_public(self.denied_file, MAX_DENIED_BYTES).decode()
        except UnicodeDecodeError as error:
            raise ConfigError(f"{self.denied_file} is not UTF-8") from error

    def tls_pair(self, now: datetime) -> TlsPair:
        """Reads the node's TLS key and certificate.

        Raises:
            ConfigError: they cannot serve now.
            Unavailable: they can later: the clock, which may not have been set yet as a machine starts, is before them.
        """
        key, certificate = read_private(self.key("node")), read_public(self.certificate("node"))
        roots, node = self.roots("node-authority"), NodeId(self.config.node.domain)
        try:
            return TlsPair.checked(key, certificate, roots, node, now)
        except VerificationError as error:
            said = f"{self.certificate('node')}: {error.message}"
            if error.metadata.get("reason") == Cause.NOT_YET_VALID:
                raise Unavailable(f"{said}, and the clock of this machine says {now:%Y-%m-%d %H:%M} UTC") from error
            raise ConfigError(said) from error

    def pairing_document(self, now: datetime, seal: str = "") -> PairingDocument:
        """Makes this node's pairing document, as of now; raises as ``parties``, and where nobody could dial it.

        Args:
            now: with a time zone
            seal: SHA-256 of an earlier seal, which it is to name; empty: that in force

        Raises:
            BadInput: there is no such earlier seal.
            Untrusted: the roots that are here do not certify it.
        """
        node, peer = self.config.node, self.config.peer
        named = self._earlier_seal(seal) if seal else self._own_seal(now)
        if seal:  # as of when its certificates were valid last
            now = datetime.fromtimestamp(min(now.timestamp(), named.not_after), UTC)
        ed25519, ml_dsa_44 = map(load_certificate, named.certificates)
        root, *more = self.roots("node-authority")
        return PairingDocument(
            schema="pairing/1",
            jurisdiction=node.jurisdiction,
            domain=node.domain,
            display_name=node.display_name,
            authorities=node.authorities,
            addresses=_to_dial(peer.advertise or (peer.listen,)),
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
        return [_read_document(path) for path in sorted(self.peers.glob("*.json"))]

    def earlier_documents(self) -> list[PairingDocument]:
        """Reads the pairing documents that others took the place of.

        Raises:
            ConfigError: naming the file that is wrong.
        """
        return [_read_document(path) for path in sorted((self.peers / "earlier").glob("*.json"))]

    def parties(self, now: datetime, documents: Sequence[PairingDocument] | None = None) -> Parties:
        """Gives who exchanges, by the pairing documents that are here or are given; the own root must certify the seal.

        One whose certificates are not valid now signs nothing (``Keyring.require_able``), and keeps nobody from reading
        what is here: it is looked at as of when they were last, or will be.

        Raises:
            ConfigError: it does not; or a document is wrong, or two peers have one jurisdiction or domain, or one of
                them is this node.
        """
        seal = self.seals.in_force.certified()
        at = min(max(now.timestamp(), seal.not_before), seal.not_after)
        own = self._own_party(datetime.fromtimestamp(at, UTC))
        earlier = self.earlier_documents()
        documents = self.peer_documents() if documents is None else documents
        peers = {document.jurisdiction: _party(document, earlier) for document in documents}
        domains = {own.domain, *(peer.domain for peer in peers.values())}
        if len(peers) < len(documents) or own.jurisdiction in peers or len(domains) <= len(peers):
            raise ConfigError(f"{self.peers}: each peer has a jurisdiction and a domain of its own")
        return Parties(own, peers)

    def _own_party(self, now: datetime) -> Party:
        node, peer = self.config.node, self.config.peer
        seal = self._own_seal(now)
        return Party(
            node.jurisdiction,
            node.domain,
            node.display_name,
            peer.advertise or (peer.listen,),
            seal,
            fingerprint="",
            earlier_seals=self.seals.earlier(),
            seal_in_token=self.seals.in_force.uri() is not None,
            authorities=frozenset(node.authorities),
        )

    def _earlier_seal(self, fingerprint: str) -> CertifiedSeal:
        found = {each.fingerprint: each for each in self.seals.earlier()}
        if fingerprint.lower() not in found:
            raise BadInput.of(
                "--seal", f"must be that of a seal in keys/earlier: {', '.join(found) or 'there is none'}"
            )
        return found[fingerprint.lower()]

    def _own_seal(self, now: datetime) -> CertifiedSeal:
        """Reads the seal in force; raises ``ConfigError`` if it is not this node's, by its own root, now."""
        seal = self.seals.in_force.certified()
        try:
            self.require_certified(seal, now)
        except VerificationError as error:
            raise ConfigError(f"the seal in {self.seals.in_force.path} cannot be used: {error.message}") from error
        return seal


def _to_dial(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Refuses what one may listen on, and nobody dial: whoever dials it reaches its own machine."""
    for each in addresses:
        if each.rpartition(":")[0] in EVERYWHERE:
            raise ConfigError(
                f"peer.advertise in config.toml must say where peers dial this node: {each} is every address"
            )
    return addresses


def _party(document: PairingDocument, all_earlier: Iterable[PairingDocument]) -> Party:
    earlier = [each for each in all_earlier if each.domain == document.domain]
    return Party(
        document.jurisdiction,
        document.domain,
        document.display_name,
        document.addresses,
        document.certified_seal,
        document.fingerprint(),
        tuple(each.certified_seal for each in earlier),
        authorities=frozenset(code for each in (document, *earlier) for code in each.authorities),
    )


def _read_document(path: Path) -> PairingDocument:
    data = read_public(path, MAX_DOCUMENT_BYTES)
    try:
        return PairingDocument.parse(data)
    except GatewayError as error:
        raise ConfigError(f"{path}: {error.message}") from error
