"""``gateway certs``: makes authorities, issues certificates, shows what they say."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.cli import certs_changes, certs_seal, certs_status
from gateway.cli.given_files import CERTIFICATE, new_folder, used
from gateway.cli.given_home import given_authority
from gateway.cli.groups import Commands
from gateway.cli.options import AsJson, any_identity, now, read_input
from gateway.cli.output import Pairs, day_and_time, pairs, say, table, write_json
from gateway.errors import BadInput
from gateway.home.home import Home
from gateway.home.provisioning import (
    issue_client,
    issue_node,
    issue_seal,
    load_authority,
    make_authorities,
    require_domain,
)
from gateway.identity.certificates.issuing import Authority
from gateway.identity.certificates.keyfiles import read_certificate, read_certificates, write_certificate
from gateway.identity.certificates.profiles import AuthorityKind, profiles
from gateway.identity.certificates.x509 import Window, extension_of, fingerprint, key_kind, subject_of
from gateway.identity.names import ClientId, Identity, NodeId


def add_to(app: typer.Typer) -> None:
    """Adds the group."""
    group = Commands(no_args_is_help=True, help="Make authorities, issue certificates, show what they say.")
    group.command("authority")(authority)
    group.command("issue")(issue)
    group.command("show")(show)
    certs_status.add_to(group)
    certs_changes.add_to(group)
    certs_seal.add_to(group)
    app.add_typer(group, name="certs")


def authority(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder to make, on another machine than the node's.")
    ],
    *,
    jurisdiction: Annotated[str, typer.Option(help="ISO 3166-1 alpha-2 code, such as HK.")],
    domain: Annotated[str, typer.Option(help="Domain of the jurisdiction's node, such as gateway.hk.example.")],
) -> None:
    """Makes a jurisdiction's two authorities.

    One certifies its node, the other its back-office systems.

    Whoever holds the folder can issue certificates: keep it offline. The .crt files are public; peers verify evidence
    with that of the node authority.
    """
    make_authorities(new_folder(folder, "FOLDER"), jurisdiction, domain, now())
    for kind in AuthorityKind:
        root = load_authority(folder, kind).certificate
        say(f"{folder / f'{kind}-authority.crt'}  {fingerprint(root)}")


class ProfileName(StrEnum):
    """What a certificate is for."""

    CLIENT = "client"
    NODE = "node"
    SEAL = "seal"


def issue(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the authorities.")],
    *,
    identity: Annotated[
        str,
        typer.Option(
            "--id",
            metavar="SPIFFE_ID",
            help="Whom it is for: spiffe://DOMAIN/AUTHORITY/SYSTEM, or spiffe://DOMAIN/node.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the certificates, and the keys if they are made.")],
    profile: Annotated[ProfileName, typer.Option(help="What it is for.")] = ProfileName.CLIENT,
    csr: Annotated[
        Path | None, typer.Option(help="Signing request (PKCS#10, PEM) whose key is certified; no key is made then.")
    ] = None,
) -> None:
    """Issues certificates: of a back-office system, or of a node.

    A client's is client.crt, a node's for TLS node.crt, those of its seal seal-ed25519.crt and seal-ml-dsa-44.crt.
    In a node's home they belong into keys/: gateway certs install puts node.key and node.crt there.
    """
    by = AuthorityKind.CLIENT if profile is ProfileName.CLIENT else AuthorityKind.NODE
    issuer = given_authority(folder, by, "FOLDER")
    named = any_identity(identity)
    require_domain(issuer, named.domain)
    new_folder(out, "--out")
    if csr is None:
        _issue_keys(profile, out, named, issuer)
    else:
        request = read_input(csr)
        with used("--csr", "give a certificate signing request (PKCS#10) in PEM"):
            certificate = issuer.issue_for_csr(request, getattr(profiles(), profile), named, now())
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        kind = key_kind(certificate.public_key())
        write_certificate(out / (f"seal-{kind}.crt" if profile is ProfileName.SEAL else f"{profile}.crt"), certificate)
    for made in sorted(out.glob(f"{profile}*.crt")):
        say(f"{made}  {identity}, valid until {day_and_time(Window.of(read_certificate(made)).not_after)}")


def _issue_keys(profile: ProfileName, out: Path, named: Identity, issuer: Authority) -> None:
    if profile is ProfileName.CLIENT and isinstance(named, ClientId):
        issue_client(out, named, issuer, now())
    elif profile is ProfileName.NODE and isinstance(named, NodeId):
        issue_node(out, named, issuer, now())
    elif profile is ProfileName.SEAL and isinstance(named, NodeId):
        issue_seal(out, named, issuer, now())
    else:
        raise BadInput.of("--id", f"must be the ID of a {'client' if profile is ProfileName.CLIENT else 'node'}")


def show(
    path: Annotated[
        Path, typer.Argument(metavar="FILE|HOME", exists=True, help="A certificate (PEM), or a folder of them.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Shows what a certificate says, or all of a folder.

    Of a folder, such as a node's home, it lists every certificate with the days that it has left.
    """
    at = now()
    found = [_Seen(file, certificate) for file, certificate in _certificates(path)]
    if as_json:
        write_json({"certificates": [each.document(at) for each in found]})
    elif not found:
        say(f"there is no certificate (.crt) in {path}")
    elif path.is_dir():
        headings = ("file", "profile", "identity", "days left", "fingerprint (SHA-256)")
        table(headings, [each.row(path, at) for each in found])
    else:
        pairs(found[0].details(at))


def _certificates(path: Path) -> Iterator[tuple[str, x509.Certificate]]:
    for file in sorted(path.rglob("*.crt")) if path.is_dir() else [path]:
        with used("FILE|HOME", CERTIFICATE):
            certificates = read_certificates(file)
        yield from ((str(file), each) for each in certificates)
    if not path.is_dir():
        return
    for document in Home(path).peer_documents():
        within = f"{path / 'peers' / document.jurisdiction.lower()}.json"
        for root in document.node_authorities:
            yield f"{within}: node-authority", root
        yield f"{within}: seal-ed25519", document.seal_ed25519
        yield f"{within}: seal-ml-dsa-44", document.seal_ml_dsa_44


@dataclass(frozen=True, slots=True)
class _Seen:
    """A certificate and where it was found."""

    file: str
    certificate: x509.Certificate

    def row(self, folder: Path, at: datetime) -> tuple[str, ...]:
        days = str(Window.of(self.certificate).days_left(at))
        file = self.file.removeprefix(f"{folder}/")
        return file, _profile(self.certificate), subject_of(self.certificate), days, fingerprint(self.certificate)

    def details(self, at: datetime) -> Pairs:
        window = Window.of(self.certificate)
        left = window.days_left(at)
        return [
            ("identity", subject_of(self.certificate)),
            ("profile", _profile(self.certificate)),
            ("valid from", day_and_time(window.not_before)),
            ("valid until", f"{day_and_time(window.not_after)}, {f'{left} days left' if left >= 0 else 'expired'}"),
            ("issuer", self.certificate.issuer.rfc4514_string()),
            ("serial", f"{self.certificate.serial_number:x}"),
            ("SHA-256", fingerprint(self.certificate)),
        ]

    def document(self, at: datetime) -> dict[str, Any]:
        window = Window.of(self.certificate)
        return {
            "file": self.file,
            "identity": subject_of(self.certificate),
            "profile": _profile(self.certificate),
            "not_before": window.not_before.isoformat(),
            "not_after": window.not_after.isoformat(),
            "days_left": window.days_left(at),
            "issuer": self.certificate.issuer.rfc4514_string(),
            "sha256": fingerprint(self.certificate),
        }


def _profile(certificate: x509.Certificate) -> str:
    """Which profile a certificate has, by what it may be used for."""
    constraints = extension_of(certificate, x509.BasicConstraints)
    if constraints and constraints.ca:
        return "authority"
    usages: Iterable[x509.ObjectIdentifier] = extension_of(certificate, x509.ExtendedKeyUsage) or ()
    found = set(usages)
    if found & set(profiles().seal.extended_key_usage):
        return "seal"
    if ExtendedKeyUsageOID.SERVER_AUTH in found:
        return "node"
    return "client" if ExtendedKeyUsageOID.CLIENT_AUTH in found else "none of ours"
