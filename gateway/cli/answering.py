"""Who answers what auditors ask: a node, or what is stored of one that is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from regulator.exchange import Client

from gateway.backups.archive import Archive, archive_of
from gateway.cli.options import connect, now

NodeProfile = Annotated[
    Path | None,
    typer.Option("--profile", envvar="GATEWAY_PROFILE", help="Profile that says where the node is and who calls it."),
]
Stored = Annotated[
    Path | None,
    typer.Option(
        "--stored",
        metavar="FOLDER",
        help="Ask no node, but what is stored of one: a backup, or its home. It needs no key, and no profile.",
    ),
]


@contextmanager
def answering(profile: Path | None, stored: Path | None) -> Iterator[Client | Archive]:
    """Opens what is stored, if it is given; else connects to the node.

    Raises:
        ProfileError: the profile, or a file of it, does not fit.
        GatewayError: what is stored cannot be read (``archive_of``).
    """
    if stored:
        with archive_of(stored, now()) as archive:
            yield archive
        return
    if profile is None:
        said = "is required, or --stored (env var: 'GATEWAY_PROFILE')"
        raise typer.BadParameter(said, param_hint="--profile")
    with connect(profile) as client:
        yield client
