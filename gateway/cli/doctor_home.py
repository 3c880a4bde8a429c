"""What ``gateway doctor`` looks at in the home itself."""

from collections.abc import Iterator

import pysqlite3.dbapi2 as sqlite

from gateway.cli.doctor_findings import Finding, Level, Subject, validity
from gateway.errors import ConfigError, GatewayError, VerificationError
from gateway.identity.certificates import Window, load_certificate
from gateway.identity.keyfiles import read_certificate, read_key, read_public
from gateway.identity.names import NodeId
from gateway.identity.pairing import PairingDocument
from gateway.identity.revocation import Crl, key_of, read_crls
from gateway.identity.tls_trust import Purpose, TlsTrust
from gateway.store.database import OLDEST_SQLITE, snapshot
from gateway.store.opening import check_owner

_KEYS = ("node", "seal-ed25519", "seal-ml-dsa-44")
_RENEW = "issue a new certificate by the node authority"


def access(subject: Subject) -> Iterator[Finding]:
    """The file of the clients."""
    home = subject.home
    home.access()
    count = home.access_file.read_text().count("[[clients]]")
    if count:
        yield Finding(Level.OK, "access", f"clients that are admitted: {count}")
    else:
        yield Finding(Level.WARN, "access", "no client is admitted", "gateway client add")


def officers(subject: Subject) -> Iterator[Finding]:
    """The keys of each issuer of officers' tokens: read, or fetched as the node does."""
    for source in subject.home.officers().sources:
        try:
            source.look()
        except GatewayError as error:
            todo = "correct [officers] in config.toml, or ask the issuer"
            yield Finding(Level.FAIL, "officers", f"{source.name}: {error.message}", todo)
        else:
            yield Finding(Level.OK, "officers", f"the keys of {source.name} can be used")


def keys(subject: Subject) -> Iterator[Finding]:
    """Each private key: its file belongs to its owner alone, and it is that of its certificate."""
    for name in _KEYS:
        key, certificate = subject.home.key(name), subject.home.certificate(name)
        try:
            fits = read_key(key).public_key() == read_certificate(certificate).public_key()
        except ConfigError as error:
            yield Finding(Level.FAIL, "keys", error.message)
            continue
        if fits:
            yield Finding(Level.OK, "keys", f"{key.name} is its owner's alone, and fits {certificate.name}")
        else:
            yield Finding(Level.FAIL, "keys", f"{key.name} is not the key of {certificate.name}", "restore both")
    folder = subject.home.path / "keys"
    if folder.stat().st_mode & 0o077:
        yield Finding(Level.WARN, "keys", f"{folder} is open to others", f"chmod 700 {folder}")


def certificates(subject: Subject) -> Iterator[Finding]:
    """The two roots, and the node's TLS certificate: whose it is, who issued it, how long it is valid."""
    home, now = subject.home, subject.now
    for name in ("node-authority", "client-authority"):
        for root in home.roots(name):
            yield validity("certificates", name, Window.of(root), now, "make a new authority: docs/certificates.md")
    roots, certificate = home.roots("node-authority"), read_certificate(home.certificate("node"))
    yield validity("certificates", "node.crt", Window.of(certificate), now, _RENEW)
    for purpose in Purpose:
        found = TlsTrust(roots, purpose).verify(
            home.certificate("node").read_bytes(), Window.of(certificate).not_before
        )
        if found != str(NodeId(home.config.node.domain)):
            said = f"node.crt is that of {found}, and config.toml says {home.config.node.domain}"
            yield Finding(Level.FAIL, "certificates", said, _RENEW)


def revocation(subject: Subject) -> Iterator[Finding]:
    """What is refused here, and the lists of what authorities revoked: a node starts with none that it cannot read."""
    home, now = subject.home, subject.now
    home.denied()
    lists = [(home.client_crls(), home.roots("client-authority"))]
    lists += [(home.peer_crls(each.jurisdiction), each.node_authorities) for each in home.peer_documents()]
    found: list[Crl] = []
    for files, roots in lists:
        crls = read_crls(((path.name, read_public(path)) for path in files), roots, now)
        home.crl_numbers.require_no_older(map(key_of, roots), crls)
        found += crls.values()
    late = [crl.next_update for crl in found if now > crl.next_update]
    if late:
        level = Level.FAIL if home.config.revocation.stale_crl == "refuse" else Level.WARN
        said = f"a list of revoked certificates should have been renewed by {min(late):%Y-%m-%d %H:%M} UTC"
        yield Finding(level, "revocation", said, "gateway certs crl, on the machine of that authority")
    else:
        yield Finding(Level.OK, "revocation", f"denied.txt, and lists of authorities: {len(found)}, can be read")


def seal(subject: Subject) -> Iterator[Finding]:
    """The sealing certificates: by the own root, for this node, valid now."""
    home, now = subject.home, subject.now
    for name, certificate in zip(
        _KEYS[1:], map(load_certificate, home.seal_files.certified().certificates), strict=True
    ):
        yield validity("seal", f"{name}.crt", Window.of(certificate), now, _RENEW)
    home.parties([], now)
    yield Finding(Level.OK, "seal", "both sealing certificates come from the own node authority, for this node")


def pairings(subject: Subject) -> Iterator[Finding]:
    """Each peer's document: whether it still holds."""
    documents = subject.home.peer_documents()
    if not documents:
        yield Finding(Level.WARN, "pairings", "the node has no peer", "gateway pair export, gateway pair import")
    for document in documents:
        yield _pairing(document, subject)
    subject.home.parties(documents, subject.now)


def _pairing(document: PairingDocument, subject: Subject) -> Finding:
    todo = f"ask the operator of {document.domain} for a new pairing document"
    try:
        document.seal_at(subject.now)
    except VerificationError as error:
        return Finding(Level.FAIL, "pairings", f"{document.jurisdiction}: {error.message}", todo)
    window = Window.of(document.seal_ed25519) & Window.of(document.seal_ml_dsa_44) & Window.of(document.node_authority)
    return validity("pairings", f"the seal of {document.jurisdiction} ({document.domain})", window, subject.now, todo)


def clock(subject: Subject) -> Iterator[Finding]:
    """The clock cannot be behind what was signed before now, here or at a peer."""
    made = {
        str(subject.home.certificate(name)): Window.of(read_certificate(subject.home.certificate(name)))
        for name in _KEYS
    }
    latest = {name: window.not_before for name, window in made.items()}
    latest |= {f"the pairing document of {each.domain}": each.created_at for each in subject.home.peer_documents()}
    ahead = [name for name, moment in latest.items() if moment > subject.now]
    if ahead:
        yield Finding(
            Level.FAIL, "clock", f"the clock is behind the time at which {ahead[0]} was made", "set the clock"
        )
    else:
        yield Finding(Level.OK, "clock", f"{subject.now:%Y-%m-%d %H:%M:%S} UTC is later than all that was signed")


def database(subject: Subject) -> Iterator[Finding]:
    """The SQLite library, and the database: there, of this version's form, this node's. The node may use it."""
    config = subject.home.config
    oldest = ".".join(map(str, OLDEST_SQLITE))
    if sqlite.sqlite_version_info < OLDEST_SQLITE:
        yield Finding(Level.FAIL, "database", f"SQLite is {sqlite.sqlite_version}", f"install {oldest} or later")
        return
    yield Finding(Level.OK, "database", f"SQLite is {sqlite.sqlite_version}, {oldest} or later is needed")
    try:
        with snapshot(config.database.url, subject.home.path) as connection:
            check_owner(connection, config.node.jurisdiction, config.node.domain)
    except GatewayError as error:
        yield Finding(Level.FAIL, "database", error.message)
    else:
        yield Finding(Level.OK, "database", "it answers, has this version's form, and is this node's")
