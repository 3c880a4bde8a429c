"""``gateway certs prepare-seal, rotate-seal, replace-seal``: the node's seal changes."""

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.given import used
from gateway.cli.given_home import opened_home
from gateway.cli.options import HomeFolder, ProfileFile, connect, now
from gateway.cli.output import say
from gateway.identity.seal_files import SealFolder
from gateway.rolling import replace_seal as replace_lost_seal

SEAL = "give the folder that gateway certs issue --profile seal wrote"
SealFolderPath = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Folder of the new seal, made by gateway certs issue --profile seal.")
]


def add_to(group: typer.Typer) -> None:
    """Adds the commands."""
    group.command("prepare-seal")(prepare_seal)
    group.command("rotate-seal")(rotate_seal)
    group.command("replace-seal")(replace_seal)


def prepare_seal(home: HomeFolder, folder: SealFolderPath) -> None:
    """Takes new sealing keys into the home, to be rotated to.

    They are checked first. The node goes on with those that it has until gateway certs rotate-seal.
    """
    node = opened_home(home)
    with used("FOLDER", SEAL):
        seal = node.prepare_seal(SealFolder(folder), now())
    digest = sha256(seal.certificates[0]).hexdigest()
    say(f"prepared. To put it in force: gateway certs rotate-seal {digest}")


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


def replace_seal(home: HomeFolder, folder: SealFolderPath) -> None:
    """Puts new sealing keys in the place of lost ones, while the node is stopped.

    Only where the keys in force are lost: nothing tells the peers. Each must then import a new pairing document of this
    node with gateway pair import --replace-seal, after both operators have compared its fingerprint.
    """
    node = opened_home(home)
    with used("FOLDER", SEAL):
        replace_lost_seal(node, SealFolder(folder), now())
    say("replaced. Export a new pairing document: no peer takes anything from this node before it has imported that.")
