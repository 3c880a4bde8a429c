"""Changes the certificates, roots and revocations in a node's home; a node that runs takes each change by itself."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from gateway.errors import BadInput, Untrusted
from gateway.home import Home
from gateway.identity.certificates import to_pem
from gateway.identity.chains import require_authority
from gateway.identity.issuing import Authority
from gateway.identity.keyfiles import PRIVATE_MODE, PUBLIC_MODE, read_private, read_public, write_file
from gateway.identity.names import NodeId
from gateway.identity.pairing import PairingDocument
from gateway.identity.revocation import MAX_CRL_BYTES, Denied, fault_in, read_crls
from gateway.identity.seal_files import SealFolder
from gateway.identity.sealers import fingerprint
from gateway.identity.tls_pair import TlsPair
from gateway.moments import micros_at
from gateway.store.database import snapshot, stopped
from gateway.store.rebuild import rebuild
from gateway.store.replacing import knows_seal, replace_own_seal, replace_peer_seal

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


def replace_seal(home: Home, folder: SealFolder, now: datetime) -> None:
    """Puts new sealing keys in the place of lost ones; the node must be stopped.

    Raises:
        ConfigError, Untrusted: they do not fit, or are not this node's by its own root now.
        StoreError: a node runs, or the database did not take it.
    """
    seal = home.prepare_seal(folder, now)
    with stopped(home.config.database.url, home.path) as database:
        replace_own_seal(database, seal, folder.keys(), micros_at(now))
        rebuild(database, micros_at(now))
        home.seals.adopt(seal)


def import_pairing(
    home: Home, data: bytes, fingerprint: str, now: datetime, *, replace_seal: bool = False
) -> PairingDocument:
    """Takes a peer's pairing document, whose fingerprint the two operators have compared.

    Args:
        home: of the node
        data: of the file
        fingerprint: as it was read aloud
        now: with a time zone
        replace_seal: take another seal than the channels know, since the peer lost the one before; the node must be
            stopped

    Raises:
        BadInput, Malformed: it is not a valid document, or of this node, or of a peer of another jurisdiction.
        Untrusted: the fingerprint is another one, its seal does not come from its root, or is not known here.
        StoreError: the seal is to be replaced, and a node runs.
    """
    document = PairingDocument.parse(data)
    if fingerprint.strip().lower() != document.fingerprint():
        raise Untrusted(f"the fingerprint of this document is {document.fingerprint()}; ask the peer's operator")
    others = [each for each in home.peer_documents() if each.jurisdiction != document.jurisdiction]
    _require_another(home, document, others)
    home.parties([*others, document], now)
    if not _knows_seal(home, document):
        if not replace_seal:
            raise Untrusted(
                f"the document names a seal of {document.domain} that is not known here. A peer that rotates its seal "
                "tells it by its channel first; if its operator says that it was lost, stop the node, and import the "
                "document with --replace-seal"
            )
        with stopped(home.config.database.url, home.path) as database:
            replace_peer_seal(database, document.domain, document.certified_seal, micros_at(now))
            _keep_document(home, document, data)
    else:
        _keep_document(home, document, data)
    return document


def _require_another(home: Home, document: PairingDocument, others: Iterable[PairingDocument]) -> None:
    own = home.config.node
    if document.domain == own.domain or document.jurisdiction == own.jurisdiction:
        raise BadInput.of("document", f"is of {document.domain} ({document.jurisdiction}): this node itself")
    for each in others:
        if each.domain == document.domain:
            said = f"{document.domain} is of {document.jurisdiction}; it is paired here as {each.jurisdiction}"
            raise BadInput.of("document", f"says that {said}: ask its operator which of the two is right")


def _keep_document(home: Home, document: PairingDocument, data: bytes) -> None:
    """Writes it; the one before is kept, since channels may have begun under its seal."""
    path = home.peer_file(document.jurisdiction)
    if path.exists() and (before := path.read_bytes()) != data:
        earlier = home.peers / "earlier" / f"{path.stem}-{sha256(before).hexdigest()[:16]}.json"
        earlier.parent.mkdir(mode=0o700, exist_ok=True)
        write_file(earlier, before, mode=PUBLIC_MODE, replace=True)
    write_file(path, data, mode=PUBLIC_MODE, replace=True)


def _knows_seal(home: Home, document: PairingDocument) -> bool:
    """Whether the seal is one of the peer's; of a node that this home has never met, any is."""
    if not home.peer_file(document.jurisdiction).exists():
        return True
    with snapshot(home.config.database.url, home.path) as connection:
        return knows_seal(connection, document.domain, document.certified_seal)


def trust_root(home: Home, name: str, root: x509.Certificate, *, first: bool = False) -> Sequence[x509.Certificate]:
    """Adds a root of ``node-authority`` or ``client-authority``, or makes one that is there the first.

    Raises:
        Untrusted: it is not the root of an authority.
    """
    require_authority(root)
    others = [each for each in home.roots(name) if each != root]
    return _write_roots(home, name, [root, *others] if first else [*others, root])


def distrust_root(home: Home, name: str, digest: str) -> Sequence[x509.Certificate]:
    """Removes a root, by SHA-256 over its DER.

    Raises:
        BadInput: no such root is there, or it is the only one.
    """
    roots = home.roots(name)
    left = [each for each in roots if fingerprint(each) != digest.lower()]
    if len(left) == len(roots) or not left:
        raise BadInput.of("sha256", f"must be that of one of several roots in {home.root(name)}")
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


def sign_crl(file: Path, authority: Authority, revoked: Sequence[x509.Certificate], now: datetime, days: int) -> int:
    """Writes an authority's next list of revoked certificates: those of the list before, and these; gives its number.

    Args:
        file: the list before, if there is one; the new one takes its place
        authority: that issued the certificates
        revoked: certificates to add
        now: with a time zone
        days: until there is a newer one

    Raises:
        BadInput: another authority issued one of them.
        ConfigError: the list before is not one of this authority.
    """
    for certificate in revoked:
        if not _issued(certificate, authority):
            raise BadInput.of("certificate", f"serial {certificate.serial_number:x} is not of this authority")
    now = now.replace(microsecond=0)
    number, serials = 1, {each.serial_number: now for each in revoked}
    if file.exists():
        data = read_public(file, MAX_CRL_BYTES)
        (before,) = read_crls([(file.name, data)], [authority.certificate], now).values()
        number = before.number + 1
        earlier = {each.serial_number: each.revocation_date_utc for each in x509.load_pem_x509_crl(data)}
        serials |= earlier
    content = authority.sign_crl(serials, number, now - timedelta(seconds=1), days)
    write_file(file, content, mode=PUBLIC_MODE, replace=True)
    return number


def _issued(certificate: x509.Certificate, authority: Authority) -> bool:
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
