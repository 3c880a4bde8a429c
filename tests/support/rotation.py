"""What operators do when keys, certificates and roots of their sites are replaced, as docs/certificates.md tells it."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from gateway.home.certificates import install_tls
from gateway.home.pairing import import_pairing
from gateway.home.provisioning import issue_client, issue_node, issue_seal
from gateway.identity.certificates.issuing import Authority
from gateway.identity.certificates.keyfiles import read_certificate, write_file
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import to_der, to_pem
from gateway.identity.names import ClientId, NodeId
from gateway.identity.seals.files import SealFolder
from tests.cli.transcripts import run
from tests.rpc.calls import client_files
from tests.rpc.raw import tls, tls_context
from tests.support.nodes import AUTHORITIES, Site, eventually


def now() -> datetime:
    return datetime.now(UTC)


def new_authority(site: Site, kind: AuthorityKind) -> Authority:
    return Authority.create(kind, site.jurisdiction, site.domain, now())


def shown(site: Site) -> bytes:
    """The certificate that a node shows to a new connection, DER."""
    context = tls_context(site, client_files(site, AUTHORITIES[site.jurisdiction][0]))
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with tls(site, site.back_office_port, context) as wire:
        certificate = wire.getpeercert(binary_form=True)
        assert certificate is not None
        return certificate


def renew_tls(site: Site, authority: Authority, folder: Path) -> None:
    """Installs a new TLS key and certificate, and waits until the node shows it."""
    issue_node(folder, NodeId(site.domain), authority, now())
    install_tls(site.home, folder, now())
    eventually(lambda: shown(site) == to_der(read_certificate(folder / "node.crt")))


def tell_peer(site: Site, peer: Site) -> None:
    """Exports the pairing document and imports it at the peer."""
    document = site.home.pairing_document(now())
    import_pairing(peer.home, document.encode(), document.fingerprint(), now())


def client_roots(site: Site, *roots: x509.Certificate) -> None:
    """What the clients of a site trust their node by, from their next connection on."""
    bundle = b"".join(map(to_pem, roots))
    for folder in (site.path / "clients").iterdir():
        write_file(folder / "node-authority.crt", bundle, mode=0o644, replace=True)


def renew_clients(site: Site, authority: Authority, folder: Path) -> None:
    """Gives every client a new key and certificate of another authority; both files change place at once or not."""
    for path in (site.path / "clients").iterdir():
        name, _, system = path.name.partition("-")
        issue_client(folder / path.name, ClientId(site.domain, name, system), authority, now())
        moved = path.with_suffix(".new")
        moved.mkdir()
        for file in path.iterdir():
            source = folder / path.name / file.name
            (moved / file.name).write_bytes((source if source.exists() else file).read_bytes())
        path.rename(folder / f"{path.name}.old")
        moved.rename(path)


def prepared(site: Site, folder: Path) -> str:
    """Issues and prepares a new seal; gives what names it."""
    issue_seal(folder, NodeId(site.domain), site.authority(AuthorityKind.NODE), now())
    ran = run("certs", "prepare-seal", site.home.path, folder)
    assert ran.code == 0, ran.err
    return ran.out.split()[-1]


def rotated(site: Site, folder: Path) -> None:
    before = site.home.seals.in_force.certified()
    digest = prepared(site, folder)
    with site.client() as client:
        keys = client.rotate_seal(digest).verifier_keys
        assert client.server_info().verifier_keys == keys
        assert client.rotate_seal(digest).verifier_keys == keys, "asked for again, it does nothing more"
    assert site.home.seals.in_force.certified() == SealFolder(folder).certified() != before
    assert before in site.home.seals.earlier()
    assert not site.home.seals.coming.path.exists()
