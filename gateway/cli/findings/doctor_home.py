"""What ``gateway doctor`` looks at in the home itself."""

import os
import shlex
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from gateway.cli.findings.channels import earlier_seal
from gateway.cli.findings.findings import TOO_EARLY, WARN_DAYS, Finding, Level, Remedy, Subject, sh, validity
from gateway.errors import ConfigError, GatewayError, Unavailable, Untrusted, VerificationError
from gateway.home.home import KEYS, Home
from gateway.home.lifetimes import lifetimes_of
from gateway.home.pairing import ended_peers
from gateway.identity.certificates.keyfiles import read_certificate, read_key
from gateway.identity.certificates.revocation import Crl, key_of, load_crls
from gateway.identity.certificates.tls_trust import Purpose, TlsTrust
from gateway.identity.certificates.x509 import Window, fingerprint, load_certificate
from gateway.identity.names import NodeId
from gateway.identity.pairing.document import PairingDocument
from gateway.identity.seals.files import NAMES
from gateway.identity.seals.sealers import domain_named, may_speak_for
from gateway.identity.seals.signers import URI_SUFFIX, reach

_NAMED = 3  # files of others
CRL_NOTICE = timedelta(days=1)  # before a list must be renewed

_NEWER_LIST = Remedy(
    "sign a newer one on the machine of that authority, and copy it here: trust/ or peers/",
    "gateway certs crl AUTHORITIES --authority client",
)


def _renewal(subject: Subject, profile: str) -> Remedy:
    node = NodeId(subject.home.config.node.domain)
    put = "gateway certs install" if profile == "node" else "gateway certs prepare-seal"
    todo = f"issue a new one on the machine of the node authority, then put it in with {put} (docs/certificates.md)"
    return Remedy(todo, f"gateway certs issue AUTHORITIES --profile {profile} --id {node} --out new-{profile}")


def _replacement(subject: Subject) -> Remedy:
    """A seal that has ended signs no rotation either."""
    todo = "issue a new one as for a seal that is lost, stop the node, and replace it (docs/certificates.md)"
    return Remedy(todo, f"gateway certs replace-seal {sh(subject.home.path)} new-seal")


def _admission(subject: Subject) -> Remedy:
    node = subject.home.config.node
    client = f"spiffe://{node.domain}/{node.authorities[0]}/SYSTEM"
    command = (
        f"gateway client add {sh(subject.home.path)} --certs AUTHORITIES --id {client} --role operator --out SYSTEM"
    )
    return Remedy("admit the back-office systems, and a client for the operators", command)


def permissions(subject: Subject) -> Iterator[Finding]:
    """Whether others can read what notices say, or change who is trusted."""
    yield from _owners(subject)
    home = subject.home
    changed = [each for each in (home.path, *_deciding(home)) if each.exists() and each.stat().st_mode & 0o022]
    for path in changed:
        remedy = Remedy(
            "close it: who changes it decides who is trusted, and what keys are used", f"chmod go-w {sh(path)}"
        )
        yield Finding(Level.FAIL, "home", f"{path} can be changed by others", remedy)
    if home.path.stat().st_mode & 0o077:
        remedy = Remedy("close it: the database holds all that notices say", f"chmod 700 {sh(home.path)}")
        yield Finding(Level.WARN, "home", f"{home.path} is open to others", remedy)
    elif not changed:
        yield Finding(Level.OK, "home", f"{home.path} is its owner's alone")


def _owners(subject: Subject) -> Iterator[Finding]:
    """Files that somebody else left in the home, root say: whose the home is runs the node, and it must use them."""
    home = subject.home.path
    whose = home.stat()
    kept_out = [path for path, writes in _used(home) if path.exists() and not _may(path.stat(), whose, writes=writes)]
    if kept_out:
        names = ", ".join(str(path.relative_to(home)) for path in kept_out[:_NAMED])
        rest = f", and {len(kept_out) - _NAMED} more" if len(kept_out) > _NAMED else ""
        remedy = Remedy(
            "give them to whom the home belongs, and run gateway as that user: what another one writes here is its own",
            f"chown -R --reference={sh(home)} {sh(home)}",
        )
        said = f"{home} is of user {whose.st_uid}, who may not use what others own in it: {names}{rest}"
        yield Finding(Level.FAIL, "home", said, remedy)


def _used(home: Path) -> Iterator[tuple[Path, bool]]:
    """What a node reads, and whether it writes it, too."""
    written = (*home.glob("node.db*"), home / "lock", home / "high-water.json")
    yield from ((path, True) for path in written)
    yield from ((home / name, False) for name in ("config.toml", "access.toml"))
    for folder in ("keys", "trust", "peers"):
        yield home / folder, False
        yield from ((path, False) for path in sorted((home / folder).rglob("*")))


def _may(found: os.stat_result, whose: os.stat_result, *, writes: bool) -> bool:
    """Whether the owner of a home may use a file, or a folder, as its mode says; root itself may use all."""
    shift = 6 if found.st_uid == whose.st_uid else 3 if found.st_gid == whose.st_gid else 0
    wanted = (
        stat.S_IROTH | (stat.S_IWOTH if writes else 0) | (stat.S_IXOTH if stat.S_ISDIR(found.st_mode) else 0)
    ) << shift
    return whose.st_uid == 0 or found.st_mode & wanted == wanted


def _deciding(home: Home) -> Iterator[Path]:
    yield from (home.config_file, home.access_file, home.path / "keys")
    for folder in (home.path / "trust", home.peers):
        yield folder
        yield from sorted(folder.glob("*"))


def access(subject: Subject) -> Iterator[Finding]:
    """The file of the clients."""
    home = subject.home
    home.access()
    count = home.access_file.read_text("utf-8").count("[[clients]]")
    if count:
        yield Finding(Level.OK, "access", f"clients that are admitted: {count}")
    else:
        yield Finding(Level.WARN, "access", "no client is admitted", _admission(subject))


def officers(subject: Subject) -> Iterator[Finding]:
    """The keys of each issuer of officers' tokens: read, or fetched as the node does."""
    for source in subject.home.officers().sources:
        try:
            source.look()
        except GatewayError as error:
            remedy = Remedy("correct [officers], or ask who runs the issuer", f"$EDITOR {sh(subject.home.config_file)}")
            yield Finding(Level.FAIL, "officers", f"{source.name}: {error.message}", remedy)
        else:
            yield Finding(Level.OK, "officers", f"the keys of {source.name} can be used")


def _unreadable(key: Path, subject: Subject) -> Remedy:
    if key.exists():
        return Remedy("make it readable to the node alone; if it is damaged, restore it", f"chmod 600 {sh(key)}")
    todo = "put it back from where the node's keys are kept; where it is lost, docs/certificates.md tells what to do"
    return Remedy(todo, f"gateway certs show {sh(subject.home.path)}")


def keys(subject: Subject) -> Iterator[Finding]:
    """Each private key: its file belongs to its owner alone, and it is that of its certificate."""
    restore = Remedy("restore both from the same backup of the keys", f"gateway certs show {sh(subject.home.path)}")
    yield from _token(subject)
    for name in KEYS:
        key, certificate = subject.home.key(name), subject.home.certificate(name)
        if not key.exists() and key.with_suffix(URI_SUFFIX).exists():
            continue
        try:
            own = read_key(key).public_key()
        except ConfigError as error:
            yield Finding(Level.FAIL, "keys", error.message, _unreadable(key, subject))
            continue
        try:
            fits = own == read_certificate(certificate).public_key()
        except ConfigError as error:
            remedy = Remedy(
                "make it readable to the node; if it is gone, restore it", f"ls -l {sh(certificate.parent)}"
            )
            yield Finding(Level.FAIL, "keys", error.message, remedy)
            continue
        if fits:
            yield Finding(Level.OK, "keys", f"{key.name} is its owner's alone, and fits {certificate.name}")
        else:
            yield Finding(Level.FAIL, "keys", f"{key.name} is not the key of {certificate.name}", restore)
    folder = subject.home.path / "keys"
    if folder.stat().st_mode & 0o077:
        remedy = Remedy("close it: who reads the keys can sign as this jurisdiction", f"chmod 700 {sh(folder)}")
        yield Finding(Level.WARN, "keys", f"{folder} is open to others", remedy)


def _token(subject: Subject) -> Iterator[Finding]:
    """The token that holds the Ed25519 key of the seal, if one does: it is asked to sign, as the node asks it."""
    home = subject.home
    uri = home.seals.in_force.uri()
    if uri is None:
        return
    try:
        reach(home.seals.in_force.keys())
    except ConfigError as error:
        remedy = Remedy("correct [pkcs11], the PIN or the key: docs/operations.md", f"$EDITOR {sh(home.config_file)}")
        yield Finding(Level.FAIL, "keys", error.message, remedy)
    except Unavailable as error:
        command = f"pkcs11-tool --module {shlex.quote(home.config.pkcs11.module)} --list-token-slots"
        remedy = Remedy("look whether the token is there, and what its own tools say", command)
        yield Finding(Level.FAIL, "keys", error.message, remedy)
    else:
        said = f"the Ed25519 sealing key is in the token {uri.token_told()}, which signs; no backup of this home has it"
        yield Finding(Level.OK, "keys", f"{said}. The ML-DSA-44 key is a file: {NAMES[1]}.key")


def certificates(subject: Subject) -> Iterator[Finding]:
    """The two roots, the node's TLS certificate, and all others: whose, by whom, how long, whether revoked."""
    home, now, renewal = subject.home, subject.now, _renewal(subject, "node")
    todo = "make a new authority, and trust both for a while: docs/certificates.md"
    successor = Remedy(todo, f"gateway certs trust {sh(home.path)} ROOT FILE")
    for name in ("node-authority", "client-authority"):
        for root in home.roots(name):
            yield validity("certificates", name, Window.of(root), now, successor)
            yield from _foreign(home, name, root)
    certificate = read_certificate(home.certificate("node"))
    yield validity("certificates", "node.crt", Window.of(certificate), now, renewal)
    yield from dict.fromkeys(_of_another(home, renewal))
    for each in lifetimes_of(home, now, ended=ended_peers(home)):
        if each.revoked:
            remedy = Remedy(
                "if that is right, replace it; if nobody knows why, treat its key as stolen (docs/certificates.md)",
                f"gateway certs status {sh(home.path)}",
            )
            yield Finding(Level.FAIL, "certificates", f"{each.purpose} ({each.subject}) is revoked", remedy)


def _of_another(home: Home, renewal: Remedy) -> Iterator[Finding]:
    """Whom the TLS certificate speaks for, at each end of a connection; its dates, and its root's, are told apart."""
    for purpose in Purpose:
        try:
            found = TlsTrust(home.roots("node-authority"), purpose).named(home.certificate("node").read_bytes())
        except Untrusted as error:
            todo = "put the right certificate in its place: docs/certificates.md"
            remedy = Remedy(todo, f"gateway certs show {sh(home.path)}")
            yield Finding(Level.FAIL, "certificates", f"node.crt: {error.message}", remedy)
            continue
        if found != str(NodeId(home.config.node.domain)):
            said = f"node.crt is that of {found}, and config.toml says {home.config.node.domain}"
            yield Finding(Level.FAIL, "certificates", said, renewal)


def _foreign(home: Home, name: str, root: x509.Certificate) -> Iterator[Finding]:
    """A root of another domain, which gateway certs trust refuses: whoever copied it here may not know what it does."""
    if may_speak_for(root, home.config.node.domain):
        return
    digest = fingerprint(root)
    said = f"the {name} {digest[:16]} is of {domain_named(root)}, by its subject, and trusted here"
    command = f"gateway certs distrust {sh(home.path)} {name} {digest}"
    yield Finding(Level.WARN, "certificates", said, Remedy("find out who put it there, and remove it", command))


def revocation(subject: Subject) -> Iterator[Finding]:
    """What is refused here, and the lists of what authorities revoked: a node starts with none that it cannot read."""
    home, now = subject.home, subject.now
    home.denied()
    yield from _unread_lists(home)
    lists = [(home.client_crls(), home.roots("client-authority"))]
    lists += [(home.peer_crls(each.jurisdiction), each.node_authorities) for each in home.peer_documents()]
    found: list[Crl] = []
    for files, roots in lists:
        crls = load_crls(files, roots, now)
        home.crl_numbers.require_no_older(map(key_of, roots), crls)
        found += crls.values()
    first = min((crl.next_update for crl in found), default=None)
    if first and now > first:
        level = Level.FAIL if home.config.revocation.stale_crl == "refuse" else Level.WARN
        said = f"a list of revoked certificates should have been renewed by {first:%Y-%m-%d %H:%M} UTC"
        yield Finding(level, "revocation", said, _NEWER_LIST)
    elif first and now > first - CRL_NOTICE:
        said = f"a list of revoked certificates must be renewed by {first:%Y-%m-%d %H:%M} UTC"
        yield Finding(Level.WARN, "revocation", said, _NEWER_LIST)
    else:
        yield Finding(Level.OK, "revocation", f"denied.txt, and lists of authorities: {len(found)}, can be read")


def _unread_lists(home: Home) -> Iterator[Finding]:
    """Lists that somebody put where no name leads to them: what they revoke is not refused."""
    documents = home.peer_documents()
    read = {*home.client_crls(), *(path for each in documents for path in home.peer_crls(each.jurisdiction))}
    names = " or ".join(f"peers/{each.jurisdiction.lower()}.crl" for each in documents)
    remedy = Remedy(
        f"rename it: trust/client-authority.crl for own clients{names and f', {names} for a peer'}",
        f"ls {sh(home.path)}/trust {sh(home.path)}/peers",
    )
    for folder in ("trust", "peers"):
        for path in sorted((home.path / folder).glob("*.crl")):
            if path not in read:
                said = f"{folder}/{path.name} is not read: no authority's list has that name"
                yield Finding(Level.WARN, "revocation", said, remedy)


def seal(subject: Subject) -> Iterator[Finding]:
    """The sealing certificates: by the own root, for this node, valid now; and those kept for channels left behind."""
    home, now = subject.home, subject.now
    in_force, *earlier = (each.certified().certificates for each in home.seals.signing())
    for name, certificate in zip(KEYS[1:], map(load_certificate, in_force), strict=True):
        window = Window.of(certificate)
        remedy = _renewal(subject, "seal") if now <= window.not_after else _replacement(subject)
        yield validity("seal", f"{name}.crt", window, now, remedy)
    for certificate in map(load_certificate, (each for pair in earlier for each in pair)):
        if (days := Window.of(certificate).days_left(now)) < WARN_DAYS:
            yield earlier_seal(fingerprint(certificate), days, sh(home.path))
    home.parties(now, ())
    yield Finding(Level.OK, "seal", "both sealing certificates come from the own node authority, for this node")


def pairings(subject: Subject) -> Iterator[Finding]:
    """Each peer's document: whether it still holds."""
    documents = subject.home.peer_documents()
    if not documents:
        todo = "exchange pairing documents with the peer's operator, then gateway pair import"
        exchange = Remedy(todo, f"gateway pair export {sh(subject.home.path)} --out own.json")
        yield Finding(Level.WARN, "pairings", "the node has no peer", exchange)
    ended = ended_peers(subject.home)
    for document in documents:
        if end := ended.get(document.jurisdiction):
            said = f"{document.jurisdiction} ({document.domain}): ended at {end.when} by {end.by}: {end.reason}"
            yield Finding(Level.OK, "pairings", said)
        else:
            yield _pairing(document, subject)
    subject.home.parties(subject.now, documents)


def _pairing(document: PairingDocument, subject: Subject) -> Finding:
    todo = f"ask the operator of {document.domain} for a new pairing document, and compare its fingerprint"
    remedy = Remedy(todo, f"gateway pair import {sh(subject.home.path)} {document.jurisdiction.lower()}.json")
    window = Window.of(document.seal_ed25519) & Window.of(document.seal_ml_dsa_44) & Window.of(document.node_authority)
    try:
        document.seal_at(subject.now)
    except VerificationError as error:
        remedy = TOO_EARLY if subject.now < window.not_before else remedy
        return Finding(Level.FAIL, "pairings", f"{document.jurisdiction}: {error.message}", remedy)
    return validity("pairings", f"the seal of {document.jurisdiction} ({document.domain})", window, subject.now, remedy)
