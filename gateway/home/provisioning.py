"""Makes what a jurisdiction needs before its node can start: authorities, a node's home, certificates of clients."""

import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.errors import AlreadyExists, BadInput, ConfigError, NotAllowed
from gateway.home.config import Config
from gateway.home.home import Home
from gateway.identity.access.access import Caller, Role
from gateway.identity.access.clients import client_table, read_access
from gateway.identity.access.toml_text import text_of, toml_of
from gateway.identity.certificates.issuing import Authority, generate_tls_key
from gateway.identity.certificates.keyfiles import (
    PUBLIC_MODE,
    PrivateKey,
    read_certificate,
    read_key,
    write_certificate,
    write_file,
    write_key,
)
from gateway.identity.certificates.profiles import AuthorityKind, Profile, profiles
from gateway.identity.names import ClientId, Identity, NodeId
from gateway.identity.seals.files import NAMES
from gateway.identity.seals.key_uris import KeyUri
from gateway.identity.seals.pins import MEMORY, Pin
from gateway.identity.seals.pkcs11_access import TokenAccess
from gateway.identity.seals.sealers import may_speak_for
from gateway.identity.seals.signers import FileSeal, SealKeys
from gateway.store.database import Database
from gateway.store.engines.failing import being_opened
from gateway.store.opening import TOKEN_KEY_BYTES, create

NAMED_IN_FULL = "must say module-path and pin-source, and no id: the key is made anew"

ACCESS_HEADER = """\
# The clients of this node: who may call it, for which authority, in which roles.
# Roles: author, approver, reader, auditor, operator. Clearance is the highest TLP label that it may see (AMBER, if
# it is not said); sectors are those that it takes part in (all, if not said). Whoever is not named here is refused.
"""


@dataclass(frozen=True, slots=True)
class NewNode:
    """What an operator says of a new node; the parts of ``config.toml``."""

    jurisdiction: str
    domain: str
    display_name: str
    authorities: Sequence[str]
    back_office: str  # host:port
    peer: str  # host:port
    database_url: str = "sqlite:///node.db"
    seal: KeyUri | None = None  # names the token that is to hold the sealing key, and how it is reached

    def config_text(self) -> str:
        """Writes ``config.toml``."""
        return f"""\
# docs/configuration.md tells every key.

[node]
jurisdiction = {toml_of(self.jurisdiction)}
domain = {toml_of(self.domain)}
display_name = {toml_of(self.display_name)}
authorities = {toml_of(self.authorities)}

[back_office]
listen = {toml_of(self.back_office)}

[peer]
listen = {toml_of(self.peer)}

[database]
url = {toml_of(self.database_url)}
{self._token_text()}"""

    def _token_text(self) -> str:
        if self.seal is None:
            return ""
        module, pin_file = (toml_of(str(each or "")) for each in (self.seal.module_path, self.seal.pin_source))
        return f"""
[pkcs11]
module = {module}
pin_file = {pin_file}
"""


@contextmanager
def whole_or_nothing(*folders: Path) -> Iterator[None]:
    """Removes the files that are made in folders, if not all of them can be: they would be in the next try's way."""
    before = _within(folders)
    try:
        yield
    except BaseException:
        for made in _within(folders) - before:
            with suppress(OSError):  # what went wrong first is what is told
                if made.is_file():
                    made.unlink()
        raise


def _within(folders: Iterable[Path]) -> set[Path]:
    return {path for folder in folders for path in folder.glob("*")}


# --- authorities --------------------------------------------------------------------------------------------------


def make_authorities(folder: Path, jurisdiction: str, domain: str, now: datetime) -> None:
    """Makes the two authorities of a jurisdiction, in a folder that belongs on another machine than the node.

    Raises:
        BadInput: the jurisdiction or the domain is none.
        AlreadyExists: there is an authority in the folder.
    """
    authorities = [Authority.create(kind, jurisdiction, domain, now) for kind in AuthorityKind]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with whole_or_nothing(folder):
        for authority in authorities:
            write_key(_authority_file(folder, authority.kind, "key"), authority.key)
            write_certificate(_authority_file(folder, authority.kind, "crt"), authority.certificate)


def load_authority(folder: Path, kind: AuthorityKind) -> Authority:
    """Reads an authority.

    Raises:
        ConfigError: there is none, or its key is open to others.
    """
    key = read_key(_authority_file(folder, kind, "key"))
    return Authority(kind, key, read_certificate(_authority_file(folder, kind, "crt")))  # type: ignore[arg-type]


def require_domain(authority: Authority, domain: str) -> None:
    """Passes if an authority may issue for a domain: else no peer would believe what it issues (``sealers``).

    Raises:
        BadInput: its own certificate names another domain.
    """
    if not may_speak_for(authority.certificate, domain):
        own = authority.certificate.subject.rfc4514_string()
        raise BadInput.of("domain", f"must be that of the {authority.kind} authority ({own}), and is {domain}")


def _authority_file(folder: Path, kind: AuthorityKind, suffix: str) -> Path:
    return folder / f"{kind}-authority.{suffix}"


# --- a node's home ------------------------------------------------------------------------------------------------


def is_named_in_full(seal: KeyUri) -> bool:
    """Whether a URI says all that it takes to make a key in a token."""
    return seal.module_path is not None and seal.pin_source is not None and not seal.id


def make_home(
    home: Home, new: NewNode, node_authority: Authority, client_root: x509.Certificate, now: datetime
) -> None:
    """Makes a node's home: configuration, keys, certificates, roots, database.

    Raises:
        ConfigError: a value of the configuration is wrong.
        BadInput: the authority is of another domain, or the seal is not named in full.
        AlreadyExists: there is a node in the folder.
        Unavailable: the token that is to hold the sealing key is not there, or makes no such key.
    """
    text = new.config_text()
    config = Config.parse(text)
    require_domain(node_authority, new.domain)
    if new.seal and not is_named_in_full(new.seal):
        raise BadInput.of("seal", NAMED_IN_FULL)
    if home.config_file.exists():
        raise AlreadyExists(f"{home.path} is the home of a node already")
    for folder in (home.path, home.path / "keys", home.path / "trust", home.peers):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = _seal_keys(home, new.seal)
    _make_database(config, home.path)  # which may be made already
    with whole_or_nothing(home.path, home.path / "keys", home.path / "trust"):
        write_certificate(home.root("node-authority"), node_authority.certificate)
        write_certificate(home.root("client-authority"), client_root)
        issue_node(home.path / "keys", NodeId(new.domain), node_authority, now)
        issue_seal(home.path / "keys", NodeId(new.domain), node_authority, now, keys)
        write_file(home.access_file, ACCESS_HEADER.encode(), mode=PUBLIC_MODE)
        write_file(home.config_file, text.encode(), mode=PUBLIC_MODE)


def _seal_keys(home: Home, uri: KeyUri | None) -> SealKeys:
    """Makes the sealing keys of a home whose configuration is not written yet."""
    if uri is None or uri.module_path is None or uri.pin_source is None:
        return FileSeal.generate()
    return TokenAccess(uri.module_path, Pin(uri.pin_source, home.path / "keys" / MEMORY)).new_keys(uri)


def _make_database(config: Config, home: Path) -> None:
    """Makes the database that the configuration names."""
    database = Database(config.database.url, home)
    try:
        with being_opened(home):
            create(database, config.node.jurisdiction, config.node.domain, secrets.token_bytes(TOKEN_KEY_BYTES))
    finally:
        database.close()


def issue_node(folder: Path, node: NodeId, authority: Authority, now: datetime) -> None:
    """Makes a node's TLS key and certificate: ``node.key``, ``node.crt``."""
    _issue(folder, "node", generate_tls_key(), profiles().node, node, authority, now)


def issue_seal(folder: Path, node: NodeId, authority: Authority, now: datetime, keys: SealKeys | None = None) -> None:
    """Makes a node's sealing keys, if they are not given, and certificates.

    That is ``seal-ed25519.key``, ``seal-ml-dsa-44.key``, and a ``.crt`` of each; ``seal-ed25519.uri`` in the place of
    the first, where it is in a token.
    """
    keys = keys or FileSeal.generate()
    issued = [authority.issue(profiles().seal, each, node, now) for each in keys.public_keys]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with whole_or_nothing(folder):
        keys.save(*(folder / f"{name}.key" for name in NAMES))
        for name, certificate in zip(NAMES, issued, strict=True):
            write_certificate(folder / f"{name}.crt", certificate)


# --- clients ------------------------------------------------------------------------------------------------------


def issue_client(folder: Path, client: ClientId, authority: Authority, now: datetime) -> None:
    """Makes a client's key and certificate: ``client.key``, ``client.crt``."""
    _issue(folder, "client", generate_tls_key(), profiles().client, client, authority, now)


def _issue(
    folder: Path,
    name: str,
    key: PrivateKey,
    profile: Profile,
    identity: Identity,
    authority: Authority,
    now: datetime,
) -> None:
    certificate = authority.issue(profile, key.public_key(), identity, now)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with whole_or_nothing(folder):
        write_key(folder / f"{name}.key", key)
        write_certificate(folder / f"{name}.crt", certificate)


def write_profile(folder: Path, address: str, domain: str, root: x509.Certificate) -> Path:
    """Writes the profile by which a client finds its node, and the root that it trusts; gives its path."""
    write_certificate(folder / "node-authority.crt", root)
    values = {
        "address": address,
        "server_name": domain,
        "ca": "node-authority.crt",
        "certificate": "client.crt",
        "key": "client.key",
    }
    text = "".join(f"{key} = {toml_of(value)}\n" for key, value in values.items())
    write_file(folder / "profile.toml", text.encode(), mode=PUBLIC_MODE)
    return folder / "profile.toml"


def admit_client(
    home: Home,
    client: ClientId,
    roles: Collection[Role],
    clearance: Handling.Tlp.ValueType,
    sectors: Collection[Sector.ValueType] = (),
) -> None:
    """Adds a client to ``access.toml``, which a node that runs reads again by itself.

    Raises:
        BadInput: it is no client of this node.
        AlreadyExists: it is admitted already.
        ConfigError: the file would not be valid with it.
    """
    before = require_new(home, client)
    caller = Caller(str(client), client.authority, frozenset(roles), clearance, frozenset(sectors))
    text = f"{before}\n{client_table(caller)}"
    read_access(text, home.config.node.domain, home.config.node.authorities)
    write_file(home.access_file, text.encode(), mode=PUBLIC_MODE, replace=True)


def require_new(home: Home, client: ClientId) -> str:
    """Passes if a client can be admitted; gives ``access.toml`` as it is. Raises as ``admit_client``."""
    node = home.config.node
    if client.domain != node.domain:
        raise BadInput.of("id", f"must be of this node's domain: spiffe://{node.domain}/AUTHORITY/SYSTEM")
    if client.authority not in node.authorities:
        raise BadInput.of("id", f"must name an authority of this node: {', '.join(sorted(node.authorities))}")
    try:
        access = text_of(home.access_file.read_bytes())
        read_access(access, node.domain, node.authorities).caller(str(client))
    except NotAllowed:
        return access
    except ConfigError as error:
        raise ConfigError(f"{home.access_file}: {error.message}") from error
    raise AlreadyExists(f"{client} is admitted already: change its lines in {home.access_file}, or give another --id")
