"""``gateway init``: makes a node's home. ``gateway client add``: issues and admits a back-office system."""

from pathlib import Path
from typing import Annotated

import typer
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.cli.given_files import new_folder
from gateway.cli.given_home import given_authority, opened_home
from gateway.cli.groups import Commands
from gateway.cli.options import AuthorityFolder, HomeFolder, choice, client_id, key_uri, now
from gateway.cli.output import say
from gateway.errors import AlreadyExists, BadInput, Violation
from gateway.home.config import Config
from gateway.home.home import Home
from gateway.home.provisioning import (
    NAMED_IN_FULL,
    NewNode,
    admit_client,
    is_named_in_full,
    issue_client,
    make_home,
    require_new,
    whole_or_nothing,
    write_profile,
)
from gateway.identity.access.access import Role
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.names import ClientId
from gateway.identity.seals.key_uris import KeyUri

# By which option each value of config.toml is given.
OPTIONS = {
    "node.jurisdiction": "--jurisdiction",
    "node.domain": "--domain",
    "node.display_name": "--name",
    "node.authorities": "--authority",
    "back_office.listen": "--back-office",
    "peer.listen": "--peer",
    "database.url": "--database-url",
    "pkcs11": "--seal",
}


def add_to(app: typer.Typer) -> None:
    """Adds the command and the group."""
    app.command("init")(init)
    group = Commands(no_args_is_help=True, help="Admit the back-office systems that call the node.")
    group.command("add")(add)
    app.add_typer(group, name="client")


def _seal(given: str) -> KeyUri:
    """Reads the URI of a key that is to be made in a token."""
    uri = key_uri(given)
    if not is_named_in_full(uri):
        raise typer.BadParameter(NAMED_IN_FULL)
    return uri


def init(  # noqa: PLR0913 - an option a line of the configuration
    home: Annotated[Path, typer.Argument(metavar="HOME", help="Folder to make.")],
    *,
    jurisdiction: Annotated[str, typer.Option(help="ISO 3166-1 alpha-2 code, such as HK.")],
    domain: Annotated[str, typer.Option(help="Domain that names the node, such as gateway.hk.example.")],
    name: Annotated[str, typer.Option(help="Name of the node, for people.")],
    authority: Annotated[list[str], typer.Option(metavar="CODE", help="An authority that it serves; repeat it.")],
    back_office: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where it listens for its back offices.")],
    peer: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where it listens for its peers.")],
    certs: AuthorityFolder,
    database_url: Annotated[
        str, typer.Option(metavar="URL", help="sqlite:///FILE in the home, or postgresql://...")
    ] = "sqlite:///node.db",
    seal: Annotated[
        KeyUri | None,
        typer.Option(
            parser=_seal,
            metavar="URI",
            help="Token in which the Ed25519 key of the seal is made, "
            "pkcs11:token=LABEL?module-path=...&pin-source=... (RFC 7512); else it is a file.",
        ),
    ] = None,
) -> None:
    """Makes a node's home.

    It holds the configuration, keys that only their owner can read, certificates, and the database. With --seal, a
    token (PKCS#11) holds the Ed25519 key of the seal, which never leaves it; its ML-DSA-44 key stays a file.
    """
    new = NewNode(
        jurisdiction=jurisdiction,
        domain=domain,
        display_name=name,
        authorities=authority,
        back_office=back_office,
        peer=peer,
        database_url=database_url,
        seal=seal,
    )
    _require_valid(new)
    client_root = given_authority(certs, AuthorityKind.CLIENT).certificate
    node_authority = given_authority(certs, AuthorityKind.NODE)
    make_home(Home(new_folder(home, "HOME")), new, node_authority, client_root, now())
    say(f"{home} is the home of the node {domain}.")
    if seal:
        say(f"Its Ed25519 sealing key is in the token {seal.token_told()}, and in no backup of this home.")
    say("Next: gateway client add, gateway pair export and import, then gateway serve.")


def _require_valid(new: NewNode) -> None:
    """Tells what is wrong with the options by their names."""
    faults = Config.faults(new.config_text())
    if faults:
        raise BadInput(Violation(_option(each.field), each.description) for each in faults)


def _option(key: str) -> str:
    return next((option for name, option in OPTIONS.items() if key.startswith(name)), key)


def add(  # noqa: PLR0913 - an option a line of the access file
    home: HomeFolder,
    *,
    certs: AuthorityFolder,
    identity: Annotated[
        ClientId,
        typer.Option("--id", parser=client_id, metavar="SPIFFE_ID", help="Its name: spiffe://DOMAIN/AUTHORITY/SYSTEM."),
    ],
    role: Annotated[list[Role], typer.Option(help="What it may do; repeat it.")],
    out: Annotated[Path, typer.Option(help="Folder for its key, its certificate and its profile.")],
    clearance: Annotated[int, choice(Handling.Tlp, "TLP", said="The highest TLP label that it may see.")] = "amber",  # type: ignore[assignment] # the parser reads it
    sector: Annotated[
        list[int] | None,
        choice(Sector, "SECTOR", prefix="SECTOR_", said="A sector that it takes part in; repeat it. Else all."),
    ] = None,
    address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where it reaches the node; else where the node listens.")
    ] = None,
) -> None:
    """Admits a back-office system.

    Issues its certificate, adds it to access.toml, and writes the profile by which it finds the node.
    """
    node = opened_home(home)
    reached = address or node.config.back_office.listen
    if (out / "client.key").exists():
        raise AlreadyExists(f"{out} holds a client's key already: give another folder with --out")
    issuer = given_authority(certs, AuthorityKind.CLIENT)
    root = given_authority(certs, AuthorityKind.NODE).certificate
    require_new(node, identity)
    new_folder(out, "--out")
    sectors = list(map(Sector.ValueType, sector or ()))
    with whole_or_nothing(out):  # who is admitted and has no certificate could not be added again
        issue_client(out, identity, issuer, now())
        profile = write_profile(out, reached, node.config.node.domain, root)
        admit_client(node, identity, role, Handling.Tlp.ValueType(clearance), sectors)
    say(f"{identity} is admitted; a node that runs knows it within a second.")
    say(f"Its profile is {profile}.")
