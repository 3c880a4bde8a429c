"""``gateway certs request-seal, prepare-seal, rotate-seal, replace-seal``: the node's seal changes."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.findings.findings import sh
from gateway.cli.given_files import new_folder, used
from gateway.cli.given_home import opened_home
from gateway.cli.options import HomeFolder, ProfileFile, connect, key_uri, now
from gateway.cli.output import say
from gateway.errors import BadInput
from gateway.home import certificates
from gateway.home.pairing import document_of
from gateway.identity.names import NodeId
from gateway.identity.seals.files import SealFolder
from gateway.identity.seals.key_uris import KeyUri
from gateway.store.database import is_made

SEAL = "give the folder of gateway certs issue --profile seal, or of request-seal with the certificates in it"
SealFolderPath = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER", help="Folder of the new seal, by gateway certs issue --profile seal or request-seal."
    ),
]


def add_to(group: typer.Typer) -> None:
    """Adds the commands."""
    group.command("request-seal")(request_seal)
    group.command("prepare-seal")(prepare_seal)
    group.command("rotate-seal")(rotate_seal)
    group.command("replace-seal")(replace_seal)


def request_seal(
    home: HomeFolder,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to make, for the new seal.")],
    *,
    token: Annotated[
        KeyUri | None,
        typer.Option(
            parser=key_uri,
            metavar="URI",
            help="Token that is to hold the new key, pkcs11:token=LABEL (RFC 7512), where none holds the one before.",
        ),
    ] = None,
) -> None:
    """Makes keys for a new seal, and requests for their certificates.

    The Ed25519 key is made in the token that holds the one in force, and never leaves it; the ML-DSA-44 key is a file.
    Nothing of the node changes. The node authority certifies both: gateway certs issue --profile seal --csr. Its
    certificates belong into FOLDER, which gateway certs prepare-seal then takes.
    """
    if token and (token.module_path or token.pin_source or token.id):
        raise BadInput.of("--token", "must name a token alone: [pkcs11] in config.toml says how it is reached")
    node = opened_home(home)
    requests = certificates.request_seal(node, new_folder(folder, "FOLDER"), token)
    say("made. On the machine of the node authority, for each of the two:")
    for each in requests:
        id_ = NodeId(node.config.node.domain)
        say(f"  gateway certs issue AUTHORITIES --profile seal --id {id_} --csr {sh(each)} --out {sh(folder)}")


def prepare_seal(home: HomeFolder, folder: SealFolderPath) -> None:
    """Takes new sealing keys into the home, to be rotated to.

    They are checked first. The node goes on with those that it has until gateway certs rotate-seal.
    """
    node = opened_home(home)
    with used("FOLDER", SEAL):
        seal = certificates.prepare_seal(node, SealFolder(folder), now())
    say(f"prepared. To put it in force: gateway certs rotate-seal {seal.fingerprint}")


def rotate_seal(
    sha256: Annotated[str, typer.Argument(metavar="SHA256", help="As gateway certs prepare-seal told it.")],
    *,
    profile: ProfileFile,
    before_all_is_back: Annotated[
        bool,
        typer.Option(
            "--before-all-is-back",
            help="Also after a restore, while a peer has to send again what it had sent. Receipts of the old keys for "
            "what is not here yet verify no longer then.",
        ),
    ] = False,
) -> None:
    """Puts the prepared sealing keys in force, in a node that runs, as an operator.

    The old keys sign that these follow on them, in each channel; then they are removed.
    """
    with connect(profile) as client:
        answer = client.rotate_seal(sha256.lower(), before_all_is_back=before_all_is_back)
    say("the node seals with")
    for key in answer.verifier_keys:
        name, key_id, _key = key.split("+", 2)  # the key has up to 1,752 characters, of which some are a plus sign
        say(f"  {name}+{key_id}")
    for each in answer.channels_left_behind:
        say(f"{each.removeprefix('channels/')} is left behind: it takes nothing now, and its pairing has ended.")
        say("The seal of before stays in force there until the channel goes on: leave its keys in keys/earlier.")


def replace_seal(
    home: HomeFolder,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="Folder of the new seal; not with --peer.")
    ] = None,
    *,
    peer: Annotated[
        str,
        typer.Option(
            metavar="PEER",
            help="Put the node's seal also in the channels of this peer, which a rotation, or this command, left out.",
        ),
    ] = "",
) -> None:
    """Puts new sealing keys in the place of lost ones, while the node is stopped.

    Only where the keys in force are lost: nothing tells the peers. Each must then import a new pairing document of this
    node with gateway pair import --replace-seal, after both operators have compared its fingerprint. With --peer: where
    a rotation left one peer behind, and the seal of before cannot tell it any more; then that peer alone must. Likewise
    where a channel has to be made whole by its peer first, as after a restore.
    """
    node = opened_home(home)
    if bool(peer) == (folder is not None):
        raise BadInput.of("FOLDER", "must be given, or else --peer")
    if peer:
        certificates.replace_seal_for(node, document_of(node, peer.upper()), now())
        say(f"replaced. {peer.upper()} takes nothing before it has imported a pairing document that names this seal.")
        return
    assert folder is not None, "one of both is given"
    with used("FOLDER", SEAL):
        is_there = is_made(node.config.database.url, node.path)
        waiting = certificates.replace_seal(node, SealFolder(folder), now())
    if not is_there:
        say("there is no database where database.url points: replaced in the files of the home alone.")
        say("Make the database: gateway restore.")
    if waiting:
        say(f"replaced, but for {', '.join(waiting)}: its channel is mended first, under the seal of before.")
        say(
            "Once gateway status shows that the channel is open, stop the node, and say gateway certs replace-seal HOME"
        )
        say("--peer. Receipts bear the new seal at once:")
    else:
        say("replaced.")
    say("Export a new pairing document, and start the node once each peer has imported that: before, no peer takes")
    say("anything from it, and its gateway status shows UNKNOWN_SEAL. Nothing is lost by that.")
