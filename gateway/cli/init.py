"""``gateway init``: makes a node's home. ``gateway client add``: issues and admits a back-office system."""

from pathlib import Path
from typing import Annotated

import typer
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.cli.options import AuthorityFolder, HomeFolder, client_id, now, one_of
from gateway.cli.output import say
from gateway.errors import AlreadyExists
from gateway.founding import NewNode, admit_client, found_home, issue_client, load_authority, write_profile
from gateway.home import Home
from gateway.identity.access import Role
from gateway.identity.names import ClientId
from gateway.identity.profiles import AuthorityKind


def add_to(app: typer.Typer) -> None:
    """Adds the command and the group."""
    app.command("init")(init)
    group = typer.Typer(no_args_is_help=True, help="Admit the back-office systems that call the node.")
    group.command("add")(add)
    app.add_typer(group, name="client")


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
) -> None:
    """Makes a node's home.

    It holds the configuration, keys that only their owner can read, certificates, and the database.
    """
    new = NewNode(
        jurisdiction=jurisdiction,
        domain=domain,
        display_name=name,
        authorities=authority,
        back_office=back_office,
        peer=peer,
        database_url=database_url,
    )
    client_root = load_authority(certs, AuthorityKind.CLIENT).certificate
    found_home(Home(home), new, load_authority(certs, AuthorityKind.NODE), client_root, now())
    say(f"{home} is the home of the node {domain}.")
    say("Next: gateway client add, gateway pair export and import, then gateway serve.")


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
    clearance: Annotated[
        int, typer.Option(parser=one_of(Handling.Tlp), metavar="TLP", help="The highest TLP label that it may see.")
    ] = "amber",  # type: ignore[assignment] # the parser reads it
    sector: Annotated[
        list[int] | None,
        typer.Option(
            parser=one_of(Sector, "SECTOR_"),
            metavar="SECTOR",
            help="A sector that it takes part in; repeat it. Else all.",
        ),
    ] = None,
    address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where it reaches the node; else where the node listens.")
    ] = None,
) -> None:
    """Admits a back-office system.

    Issues its certificate, adds it to access.toml, and writes the profile by which it finds the node.
    """
    node = Home(home)
    reached = address or node.config.back_office.listen
    if (out / "client.key").exists():
        raise AlreadyExists(f"{out} holds a client's key already: give another folder with --out")
    issuer = load_authority(certs, AuthorityKind.CLIENT)
    root = load_authority(certs, AuthorityKind.NODE).certificate
    sectors = map(Sector.ValueType, sector or ())
    admit_client(node, identity, role, Handling.Tlp.ValueType(clearance), list(sectors))
    issue_client(out, identity, issuer, now())
    profile = write_profile(out, reached, node.config.node.domain, root)
    say(f"{identity} is admitted; a node that runs knows it within a second.")
    say(f"Its profile is {profile}.")
