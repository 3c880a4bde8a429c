"""Files and folders that a command was given: what is wrong with one is told as wrong use of the command."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from errno import EDQUOT, EIO, ENOSPC
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509

from gateway.cli.options import now
from gateway.cli.output import shown
from gateway.errors import ConfigError, GatewayError, Malformed, VerificationError
from gateway.identity.certificates.chains import require_authority
from gateway.identity.certificates.keyfiles import PUBLIC_MODE, read_certificate, write_file
from gateway.identity.certificates.revocation import Revocation, load_crls

ROOT = "give the certificate of a node authority, such as node-authority.crt"
CERTIFICATE = "give a certificate in PEM"
CrlFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--crl",
        metavar="FILE",
        help="List of what one of the roots revoked (CRL): what a seal signed from then on proves nothing.",
    ),
]
NO_ROOM = frozenset({ENOSPC, EDQUOT, EIO})  # what no other name of a file would change


@contextmanager
def used(option: str, advice: str = "") -> Iterator[None]:
    """What is wrong with what an option or argument named is wrong use, and no fault of the node's home."""
    try:
        yield
    except (ConfigError, VerificationError) as error:
        if getattr(error.__cause__, "errno", None) in NO_ROOM:
            raise
        raise _unfit(error, option, advice) from error


@contextmanager
def writing(option: str) -> Iterator[None]:
    """The same of a file that an option says to write, and that is replaced where it is there."""
    try:
        yield
    except OSError as error:
        if error.filename is None or error.errno in NO_ROOM:
            raise
        raise typer.BadParameter(
            shown(f"{error.filename} cannot be written: {error.strerror}"), param_hint=option
        ) from error


def _unfit(error: GatewayError, option: str, advice: str) -> typer.BadParameter:
    return typer.BadParameter(shown(f"{error.message}{advice and f'; {advice}'}"), param_hint=option)


def given_certificate(path: Path) -> x509.Certificate:
    """Reads a certificate."""
    with used("--certificate", CERTIFICATE):
        return read_certificate(path)


def given_root(path: Path, option: str = "--root") -> x509.Certificate:
    """Reads the root of an authority; another certificate proves nothing, whatever it says."""
    with used(option, ROOT):
        root = read_certificate(path)
        try:
            require_authority(root)
        except VerificationError as error:
            raise Malformed(f"{path}: {error.message}") from error
    return root


def given_crls(paths: Sequence[Path] | None, roots: Sequence[x509.Certificate]) -> Revocation:
    """Reads lists of revoked certificates, each signed by one of the roots; of one root the newest counts."""
    with used("--crl"):
        return Revocation(crls=load_crls(paths or (), roots, now()))


def new_folder(path: Path, option: str) -> Path:
    """A folder that is there, or can be made."""
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not there.is_dir():
        raise typer.BadParameter(
            shown(f"{there} is a file; give a folder, or the name of a new one"), param_hint=option
        )
    return path


def write_given(path: Path, content: bytes) -> None:
    """Writes a file that everybody can read, where ``--out`` says; it is never overwritten.

    Raises:
        AlreadyExists: something is there.
    """
    with used("--out"):
        write_file(path, content, mode=PUBLIC_MODE)
