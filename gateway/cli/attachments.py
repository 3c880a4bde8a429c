"""``gateway attachment``: sends files that notices name, tells how they stand, fetches and drops them."""

from pathlib import Path
from typing import Annotated, Any

import typer
from regulator.exchange import Client, attachment_of
from regulator.exchange.attachment_requests import attachment_name
from regulator.exchange.transfers import MAX_BYTES
from regulator.exchange.v1.attachment_service_pb2 import StoredAttachment
from regulator.exchange.v1.values_pb2 import Attachment

from gateway.cli.given_files import writing
from gateway.cli.groups import Commands
from gateway.cli.options import AsJson, ProfileFile, RequestId, connect
from gateway.cli.output import json_moment, moment_of, pairs, say, shown, write_json
from gateway.words import so_many


def sendable(paths: list[Path] | None) -> list[Path] | None:
    """Passes files that can be sent: neither empty nor too large."""
    for path in paths or ():
        if not 0 < (size := path.stat().st_size) <= MAX_BYTES:
            raise typer.BadParameter(shown(f"{path} has {size} bytes; a file has at least 1, and at most 4 GiB"))
    return paths


Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE", exists=True, dir_okay=False, readable=True, callback=sendable, help="What is to be sent."
    ),
]
Attach = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        callback=sendable,
        help="Send a file, and name it in the notice; repeat it.",
    ),
]
Place = Annotated[
    Path, typer.Option(metavar="FILE", dir_okay=False, help="Where it is to be; what is there is replaced.")
]
OwnName = Annotated[
    str, typer.Argument(metavar="NAME", help="attachments/ID, or the ID alone, as gateway attachment upload told it.")
]
AttachmentName = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Such as hk-2026-017/attachments/1, the first of a notice; drafts/ID/attachments/1; or attachments/ID.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Adds the group."""
    group = Commands(no_args_is_help=True, help="Send and fetch files that belong to notices.")
    group.command("upload")(upload)
    group.command("show")(show)
    group.command("download")(download)
    group.command("delete")(delete)
    app.add_typer(group, name="attachment")


def upload(files: Files, *, profile: ProfileFile, as_json: AsJson = False) -> None:
    """Sends files to the own node, so that a notice can name them.

    A break is waited for, and what is durable at the node is not sent again, also by another call. A file that no
    notice or draft names within a day is dropped. gateway notice create --attach does this and the rest.
    """
    with connect(profile) as client:
        stored = [client.upload_attachment(each) for each in files]
    if as_json:
        write_json({"attachments": list(map(_document, stored))})
        return
    for file, each in zip(files, stored, strict=True):
        say(f"{file} is {each.name}, SHA-256 {each.sha256.hex()}, {so_many(each.size_bytes, 'byte')}")


def show(name: AttachmentName, *, profile: ProfileFile, as_json: AsJson = False) -> None:
    """Shows how much of a file is durable at the own node, and which notices name it."""
    with connect(profile) as client:
        stored = client.get_attachment(name)
    if as_json:
        write_json(_document(stored))
        return
    facts = [
        ("name", stored.name),
        ("SHA-256", stored.sha256.hex()),
        ("size", so_many(stored.size_bytes, "byte")),
        ("durable", "all of it, verified" if stored.complete else so_many(stored.durable_bytes, "byte")),
        ("notices", ", ".join(each.removeprefix("notices/") for each in stored.notices) or "none"),
    ]
    if stored.HasField("expire_time"):
        facts.append(("dropped", f"{moment_of(stored.expire_time)}, unless a notice names it"))
    pairs(facts)


def download(
    name: AttachmentName,
    *,
    profile: ProfileFile,
    out: Place,
) -> None:
    """Fetches a file from the own node, and verifies its digest.

    A break is waited for. Until it is whole it is beside its place, as FILE.part, from where another call goes on.
    """
    with writing("--out"), connect(profile) as client:
        stored = client.download_attachment(name, out)
    say(f"{out} is written: {so_many(stored.size_bytes, 'byte')}, SHA-256 {stored.sha256.hex()}")


def delete(
    name: OwnName,
    *,
    profile: ProfileFile,
    allow_missing: Annotated[bool, typer.Option("--allow-missing", help="No such file is no error.")] = False,
    request_id: RequestId = None,
) -> None:
    """Drops a file of the own authority that no notice and no draft names, whole or not, before its day.

    Its room is free at once, and its bytes are overwritten soon after.
    """
    with connect(profile) as client:
        client.delete_attachment(name, request_id=request_id, allow_missing=allow_missing)
    say(f"{attachment_name(name)} is not at the node any more")


def attach(client: Client, files: list[Path]) -> list[Attachment]:
    """Sends files, and gives what a notice says of them."""
    return [attachment_of(each, client.upload_attachment(each)) for each in files]


def _document(stored: StoredAttachment) -> dict[str, Any]:
    return {
        "name": stored.name,
        "sha256": stored.sha256.hex(),
        "size_bytes": stored.size_bytes,
        "durable_bytes": stored.durable_bytes,
        "complete": stored.complete,
        "notices": [each.removeprefix("notices/") for each in stored.notices],
        "expire_time": json_moment(stored.expire_time) if stored.HasField("expire_time") else None,
    }
