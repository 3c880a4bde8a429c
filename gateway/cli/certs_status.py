"""``gateway certs status``: how long the certificates last that a node depends on, from its files or from itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from regulator.exchange.v1.admin_service_pb2 import Certificate

from gateway.cli.given_home import opened_home
from gateway.cli.options import AsJson, connect, now, word_of
from gateway.cli.output import json_moment, moment_of, table, write_json
from gateway.errors import BadInput
from gateway.home.lifetimes import lifetimes_of
from gateway.home.pairing import ended_peers
from gateway.questions.certificates import certificate_messages


def add_to(group: typer.Typer) -> None:
    """Adds the command."""
    group.command("status")(status)


def status(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Argument(metavar="HOME", help="The node's home: its files are read, and no node is asked.")
    ] = None,
    *,
    profile: Annotated[
        Path | None,
        typer.Option("--profile", envvar="GATEWAY_PROFILE", help="Else: the profile of a client, whose node is asked."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Shows every certificate that a node depends on, with the days that it has left.

    The files know of each peer the seal that its pairing document names; a node that runs knows the one in force. It
    tells the same as events: 30, 7 and 1 days before the end, and after it.
    """
    source = context.get_parameter_source("profile")
    if home and source and source.name == "COMMANDLINE":
        raise BadInput.of("HOME", "give the node's home, or --profile, not both")
    found = _found(home, profile)
    if as_json:
        write_json({"certificates": [_document(each) for each in found]})
        return
    headings = ("certificate", "subject", "state", "days left", "valid until", "CRL until", "SHA-256")
    table(headings, [_row(each) for each in found])


def _found(home: Path | None, profile: Path | None) -> Sequence[Certificate]:
    """Of the home, where one is named, though GATEWAY_PROFILE names a profile for all commands."""
    if home:
        at = now()
        node = opened_home(home)
        return certificate_messages(lifetimes_of(node, at, ended=ended_peers(node)), at)
    if not profile:
        raise BadInput.of("HOME", "give the node's home, or --profile")
    with connect(profile) as client:
        return list(client.list_certificates())


def _state(certificate: Certificate) -> str:
    return word_of(Certificate.State, certificate.state)


def _row(certificate: Certificate) -> tuple[str, ...]:
    return (
        certificate.purpose,
        certificate.subject,
        _state(certificate),
        str(certificate.days_left),
        moment_of(certificate.not_after),
        moment_of(certificate.crl_next_update) if certificate.HasField("crl_next_update") else "",
        certificate.sha256[:16],
    )


def _document(certificate: Certificate) -> dict[str, str | int | None]:
    return {
        "purpose": certificate.purpose,
        "subject": certificate.subject,
        "state": _state(certificate),
        "days_left": certificate.days_left,
        "not_before": json_moment(certificate.not_before),
        "not_after": json_moment(certificate.not_after),
        "crl_next_update": json_moment(certificate.crl_next_update)
        if certificate.HasField("crl_next_update")
        else None,
        "sha256": certificate.sha256,
    }
