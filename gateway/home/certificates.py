"""Changes the certificates, roots and revocations in a node's home; a node that runs takes each change by itself."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from gateway.errors import BadInput, ConfigError
from gateway.home.home import Home
from gateway.identity.certificates.chains import require_authority
from gateway.identity.certificates.denied import Denied, fault_in
from gateway.identity.certificates.issuing import Authority
from gateway.identity.certificates.keyfiles import (
    PRIVATE_MODE,
    PUBLIC_MODE,
    read_certificate,
    read_private,
    read_public,
    write_file,
)
from gateway.identity.certificates.requests import request_for
from gateway.identity.certificates.revocation import MAX_CRL_BYTES, invalid_since, read_crls
from gateway.identity.certificates.tls_pair import TlsPair
from gateway.identity.certificates.x509 import fingerprint, to_pem
from gateway.identity.names import NodeId
from gateway.identity.pairing.document import PairingDocument
from gateway.identity.seals.files import NAMES, SealFolder
from gateway.identity.seals.key_uris import KeyUri
from gateway.identity.seals.sealers import domain_named, may_speak_for, share_a_root
from gateway.identity.seals.signers import FileSeal, Keyring, SealKeys, reach
from gateway.ledger.seals import CertifiedSeal
from gateway.moments import micros_at
from gateway.store.clocks import Clock
from gateway.store.database import is_made, stopped
from gateway.store.own_seal import read_own_seal
from gateway.store.recovery.continuity import Continuity
from gateway.store.recovery.rebuild import rebuild
from gateway.store.recovery.replacing import replace_own_seal

_RENEWALS = (("node", "gateway certs install"), *((each, "gateway certs rotate-seal") for each in NAMES))
DENIED_HEADER = """\
# Certificates that this node refuses, whatever their authority says; docs/certificates.md tells the form.
"""


def install_tls(home: Home, folder: Path, now: datetime) -> TlsPair:
    """Puts a new TLS key and certificate of the node, ``node.key`` and ``node.crt``, in the place of the old ones.

    Raises:
        ConfigError, Untrusted, Malformed: with them the node could not serve; nothing is changed.
    """
    key, certificate = read_private(folder / "node.key"), read_public(folder / "node.crt")
    pair = TlsPair.checked(key, certificate, home.roots("node-authority"), NodeId(home.config.node.domain), now)
    write_file(home.key("node"), key, mode=PRIVATE_MODE, replace=True)
    write_file(home.certificate("node"), certificate, mode=PUBLIC_MODE, replace=True)
    return pair


def request_seal(home: Home, folder: Path, token: KeyUri | None) -> list[Path]:
    """Makes the keys of a next seal, and requests for their certificates; gives the files of these.

    The Ed25519 key is made in a token: in the one named, or where that of the seal in force is. Else all are files.

    Raises:
        AlreadyExists: there is a seal, or a part of one, in the folder.
        ConfigError, Unavailable: the token is not there, or makes no such key.
    """
    wanted = token or home.seals.in_force.uri()
    keys: SealKeys = FileSeal.generate()
    if wanted:
        keys = home.tokens.new_keys(wanted if token else replace(wanted, object=""))
    identity = NodeId(home.config.node.domain)
    requests = [request_for(each, identity) for each in keys.request_keys()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys.save(*(folder / f"{name}.key" for name in NAMES))
    files = [folder / f"{name}.csr" for name in NAMES]
    for file, request in zip(files, requests, strict=True):
        write_file(file, request, mode=PUBLIC_MODE)
    return files


def prepare_seal(home: Home, folder: SealFolder, now: datetime) -> CertifiedSeal:
    """Takes a new seal's keys and certificates, to be rotated to.

    Raises:
        ConfigError, Untrusted: they do not fit each other, or are not this node's by its own root now.
        Unavailable: the token that holds one does not sign.
    """
    seal, keys = folder.certified(), replace(folder, tokens=home.tokens).keys()
    home.require_certified(seal, now)
    _require_new(home, seal)
    reach(keys)
    home.seals.coming.write(seal, keys)
    return seal


def _require_new(home: Home, seal: CertifiedSeal) -> None:
    """Passes if no seal before has a key of this one: each key signs up to where the next one came, and no more.

    One that is prepared already was asked then; half of it may be in its place since, where that was cut short.
    """
    with suppress(ConfigError):  # what is prepared is written anew, also where it is damaged
        if home.seals.coming.holds_one() and home.seals.coming.certified() == seal:
            return
    known = list(home.seals.earlier())
    with suppress(ConfigError):  # where it is lost, its certificates may be, too
        known.append(home.seals.in_force.certified())
    if any(each.shares_a_key(seal) and each.certificates != seal.certificates for each in known):
        raise ConfigError(
            "a key of this seal is one of a seal before; a key is not certified anew, but followed by another: "
            "gateway certs request-seal, or gateway certs issue --profile seal, makes new ones"
        )


def replace_seal(home: Home, folder: SealFolder, now: datetime) -> Sequence[str]:
    """Puts new sealing keys in the place of lost ones; the node must be stopped.

    Where there is no database any more, in its files alone: it is restored afterwards.

    Returns:
        The jurisdictions of peers in whose channels they are not in force yet, since these are mended first: what the
        peer hands back bears the seal of before.

    Raises:
        ConfigError, Untrusted: they do not fit, or are not this node's by its own root now.
        StoreError: a node runs, or the database did not take it.
    """
    seal, url = prepare_seal(home, folder, now), home.config.database.url
    signer = home.seals.coming.keys()
    if not is_made(url, home.path):
        _put_in_place(home, seal, is_whole=False)
        return [each.jurisdiction for each in home.peer_documents()]
    with stopped(url, home.path) as database:
        parties, clock = home.parties(now), Clock(lambda: micros_at(now))
        Continuity(home.high_water, database, clock).require(parties, Keyring([(seal, signer)]), trusts_clock=True)
        waiting = replace_own_seal(database, seal, signer, micros_at(now))
        rebuild(database, micros_at(now))
        _put_in_place(home, seal, is_whole=not waiting)
    return waiting


def _put_in_place(home: Home, seal: CertifiedSeal, *, is_whole: bool) -> None:
    """Of the seal before the certificates stay; its keys sign nothing more, also where it is in force still."""
    if not is_whole:
        home.seals.in_force.remove_keys()
    home.seals.adopt(seal, is_told=is_whole)


def replace_seal_for(home: Home, peer: PairingDocument, now: datetime) -> None:
    """Puts the seal of the home also in the channels of one peer, which do not have it; the node must be stopped.

    Raises:
        WrongState: its channel has it, or has halted.
        StoreError: a node runs, or the database did not take it.
    """
    seal, signer = home.seals.in_force.certified(), home.seals.in_force.keys()
    reach(signer)
    with stopped(home.config.database.url, home.path) as database:
        replace_own_seal(database, seal, signer, micros_at(now), only=peer.domain)
        rebuild(database, micros_at(now))
        with database.readers.connect() as connection:
            in_force, is_told = read_own_seal(connection)
        home.seals.adopt(in_force, is_told=is_told)


def trust_root(home: Home, name: str, root: x509.Certificate, *, first: bool = False) -> Sequence[x509.Certificate]:
    """Adds a root of ``node-authority`` or ``client-authority``, or makes one that is there the first.

    Raises:
        Untrusted: it is not the root of an authority.
        BadInput: its subject names another domain; or a peer has it too, or the other listener.
    """
    require_authority(root)
    for peer in home.peer_documents() if name == "node-authority" else ():
        if share_a_root([root], peer.node_authorities):
            said = f"must be of this node alone: it is a root of {peer.jurisdiction}, and one root makes no evidence"
            raise BadInput.of("root", said)
    if not may_speak_for(root, home.config.node.domain):
        said = f"must be of {home.config.node.domain}, whose home this is: its subject names {domain_named(root)}"
        raise BadInput.of("root", said)
    (other,) = {"node-authority", "client-authority"} - {name}
    if share_a_root([root], home.roots(other)):
        raise BadInput.of(
            "root", f"must be of another key: it is a {other}, and the two listeners have no root in common"
        )
    others = [each for each in home.roots(name) if each != root]
    return _write_roots(home, name, [root, *others] if first else [*others, root])


def distrust_root(home: Home, name: str, digest: str) -> Sequence[x509.Certificate]:
    """Removes a root, by SHA-256 over its DER.

    Raises:
        BadInput: no such root is there, or it is the only one; or what the node itself uses comes from it.
    """
    roots = home.roots(name)
    left = [each for each in roots if fingerprint(each) != digest.lower()]
    if len(left) == len(roots) or not left:
        raise BadInput.of("sha256", f"must be that of one of several roots in {home.root(name)}")
    if name == "node-authority":
        for file, remedy in _RENEWALS:
            certificate = read_certificate(home.certificate(file))
            if not any(_is_issued_by(certificate, each) for each in left):
                said = f"must not be that of the root that issued {file}.crt, or no node would start: {remedy} first"
                raise BadInput.of("sha256", said)
    return _write_roots(home, name, left)


def _write_roots(home: Home, name: str, roots: Sequence[x509.Certificate]) -> Sequence[x509.Certificate]:
    write_file(home.root(name), b"".join(map(to_pem, roots)), mode=PUBLIC_MODE, replace=True)
    return roots


def deny(home: Home, line: str, reason: str) -> bool:
    """Adds a line to the operator's own list of certificates that are refused; False: it stands there already.

    Raises:
        BadInput: the line names nothing.
        ConfigError: the list cannot be read.
    """
    word, _, value = line.partition(" ")
    if fault := fault_in(word, value):
        raise BadInput.of(word, fault)
    text = home.denied_text() or DENIED_HEADER
    if line in (each.partition("#")[0].strip() for each in text.splitlines()):
        return False
    comment = " ".join(reason.split())
    text = f"{text.rstrip()}\n{line}{f'  # {comment}' if comment else ''}\n"
    Denied.parse(text)
    write_file(home.denied_file, text.encode(), mode=PUBLIC_MODE, replace=True)
    return True


def sign_crl(
    file: Path,
    authority: Authority,
    revoked: Sequence[x509.Certificate],
    now: datetime,
    days: int,
    since: datetime | None = None,
) -> int:
    """Writes an authority's next list of revoked certificates: those of the list before, and these; gives its number.

    Args:
        file: the list before, if there is one; the new one takes its place
        authority: that issued the certificates
        revoked: certificates to add
        now: with a time zone
        days: until there is a newer one
        since: when the keys of these were in other hands already, with a time zone; also of one that is on the list

    Raises:
        BadInput: another authority issued one of them; or ``since`` is in the future.
        ConfigError: the list before is not one of this authority.
    """
    for certificate in revoked:
        if not _is_issued_by(certificate, authority.certificate):
            raise BadInput.of("certificate", f"serial {certificate.serial_number:x} is not of this authority")
    if since and since > now:
        raise BadInput.of("since", f"must not be in the future: it is {now:%Y-%m-%d %H:%M:%S} UTC")
    now = now.replace(microsecond=0)
    number, serials = 1, {each.serial_number: now for each in revoked}
    invalid = dict.fromkeys(serials, since.replace(microsecond=0)) if since else {}
    if file.exists():
        data = read_public(file, MAX_CRL_BYTES)
        (before,) = read_crls([(file.name, data)], [authority.certificate], now).values()
        number = before.number + 1
        for each in x509.load_pem_x509_crl(data):
            serials[each.serial_number] = each.revocation_date_utc
            if (known := invalid_since(each)) and each.serial_number not in invalid:
                invalid[each.serial_number] = known
    content = authority.sign_crl(serials, number, now - timedelta(seconds=1), days, invalid)
    write_file(file, content, mode=PUBLIC_MODE, replace=True)
    return number


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    with suppress(ValueError, TypeError, InvalidSignature):
        certificate.verify_directly_issued_by(issuer)
        return True
    return False
