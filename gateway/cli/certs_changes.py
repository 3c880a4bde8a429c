"""``gateway certs install, trust, distrust, revoke, crl``: what an operator changes while the node runs."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509

from gateway.cli.given_files import given_certificate, given_root, used
from gateway.cli.given_home import given_authority, opened_home
from gateway.cli.options import HomeFolder, moment, now
from gateway.cli.output import day_and_time, say, say_aside
from gateway.errors import BadInput, NotAllowed, Unauthenticated
from gateway.home.certificates import deny, distrust_root, install_tls, sign_crl, trust_root
from gateway.home.home import Home
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import Window, fingerprint, load_certificate
from gateway.identity.names import NodeId

TAKEN = "A node that runs takes it by itself within seconds."


class RootName(StrEnum):
    """The two files of roots in a home."""

    NODE = "node-authority"
    CLIENT = "client-authority"


Root = Annotated[RootName, typer.Argument(metavar="ROOT", help="node-authority or client-authority.")]


def add_to(group: typer.Typer) -> None:
    """Adds the commands."""
    for command in (install, trust, distrust, revoke, crl):
        group.command(command.__name__)(command)


def install(
    home: HomeFolder,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder with node.key and node.crt.")],
) -> None:
    """Puts a new TLS key and certificate into a node's home.

    They are checked first: key, names, authority, dates. A node that runs takes them by itself; no call fails.
    """
    node = opened_home(home)
    with used("FOLDER", "give the folder that gateway certs issue --profile node wrote"):
        pair = install_tls(node, folder, now())
    window = Window.of(load_certificate(pair.certificate))
    say(f"installed, valid until {day_and_time(window.not_after)}. {TAKEN}")


def trust(
    home: HomeFolder,
    name: Root,
    certificate: Annotated[Path, typer.Argument(metavar="FILE", help="The root to add (PEM).")],
    *,
    first: Annotated[
        bool, typer.Option("--first", help="Make it the one that the node's own seal comes from.")
    ] = False,
) -> None:
    """Adds a root beside those that are trusted, before anything is issued under it."""
    node, root = opened_home(home), given_root(certificate, "FILE")
    _say_roots(name, trust_root(node, name, root, first=first))


def distrust(
    home: HomeFolder,
    name: Root,
    sha256: Annotated[str, typer.Argument(metavar="SHA256", help="Fingerprint of the root to remove.")],
) -> None:
    """Removes a root, once nothing under it is in use."""
    _say_roots(name, distrust_root(opened_home(home), name, sha256))


def _say_roots(name: RootName, roots: Sequence[x509.Certificate]) -> None:
    for root in roots:
        say(f"{name}  {fingerprint(root)}")
    say(TAKEN)


def revoke(
    home: HomeFolder,
    *,
    certificate: Annotated[Path | None, typer.Option(help="The certificate itself (PEM).")] = None,
    sha256: Annotated[str, typer.Option(help="Its SHA-256 fingerprint.")] = "",
    serial: Annotated[str, typer.Option(help="Its serial number, hexadecimal, whoever issued it.")] = "",
    identity: Annotated[str, typer.Option("--id", help="Every certificate of this SPIFFE ID.")] = "",
    reason: Annotated[str, typer.Option(help="Why, for whoever reads the list.")] = "",
) -> None:
    """Refuses a certificate at this node, at once and for good.

    It is added to trust/denied.txt. Its calls, and its open streams, are refused within a second or two. To tell other
    nodes, sign a list with gateway certs crl.
    """
    given = {"sha256": sha256.lower(), "serial": serial.lower(), "id": identity}
    if certificate:
        given["sha256"] = fingerprint(given_certificate(certificate))
    lines = [f"{word} {value}" for word, value in given.items() if value]
    if len(lines) != 1:
        raise BadInput.of("revoke", "takes exactly one of --certificate, --sha256, --serial and --id")
    node = opened_home(home)
    if deny(node, lines[0], f"{now():%Y-%m-%d %H:%M} UTC {reason}"):
        say(f"refused: {lines[0]}. {TAKEN}")
    else:
        say(f"{lines[0]} is refused already, by a line in {node.denied_file}")
    if identity and not _is_known(node, identity):
        say_aside(f"{identity} is neither a client in access.toml nor the node of a peer: is it the right one?")


def _is_known(home: Home, identity: str) -> bool:
    if any(identity == str(NodeId(each.domain)) for each in home.peer_documents()):
        return True
    try:
        home.access().current.caller(identity)
    except (NotAllowed, Unauthenticated):
        return False
    return True


def crl(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the authorities.")],
    *,
    authority: Annotated[AuthorityKind, typer.Option(help="Which of them signs.")] = AuthorityKind.CLIENT,
    certificate: Annotated[
        list[Path] | None, typer.Option(help="A certificate to revoke (PEM); repeat it. None: only a newer list.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=moment,
            metavar="TIME",
            help="Since when their keys may have been in other hands, if before now, such as 2026-05-08: what a seal "
            "signed from then on proves nothing.",
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="After so many days there is a newer list.")] = 30,
) -> None:
    """Signs an authority's list of revoked certificates (CRL).

    It is FOLDER/client-authority.crl or FOLDER/node-authority.crl, and holds all that the one before held. Copy the
    client authority's into the home's trust/; send the node authority's to peers, who keep it as peers/hk.crl, the
    jurisdiction's code in small letters. A seal has two certificates: name both.

    --since may be said later, too, of what is on the list, once more is known; the last time it was said counts.
    """
    if since and not certificate:
        raise typer.BadParameter("is for what --certificate names", param_hint="--since")
    file = folder / f"{authority}-authority.crl"
    signer = given_authority(folder, authority, "FOLDER")
    revoked = [given_certificate(each) for each in certificate or ()]
    with used("FOLDER"):
        number = sign_crl(file, signer, revoked, now(), days, since)
    say(f"{file}  number {number}, to be renewed within {days} days")
    if since:
        say(f"what a seal of these signed at {day_and_time(since)} or later proves nothing")
