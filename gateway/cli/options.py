"""Options and arguments that several commands take, and how their words are read."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Annotated, Any, TypeVar

import typer
from regulator.exchange import Client, Profile
from regulator.exchange.pages import Listing

from gateway.cli.output import say_aside, shown
from gateway.errors import Malformed
from gateway.identity.names import ClientId, parse_identity
from gateway.identity.seals.key_uris import KeyUri
from gateway.words import Enum, words

T = TypeVar("T")

DEFAULT_LIMIT, MAX_LIMIT = 50, 1_000_000_000  # lines of a listing
MAX_PAGE_SIZE = 1000  # of a request for a page, as the contract has it
MAX_INDEX, MAX_VERSION = 2**63 - 1, 2**32 - 1  # of an envelope or an entry; of a framework
LANGUAGE_TEXT = "LANGUAGE=TEXT"
ATTEMPTS = 4  # of a call, in about a second

ProfileFile = Annotated[
    Path,
    typer.Option("--profile", envvar="GATEWAY_PROFILE", help="Profile that says where the node is and who calls it."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
Limit = Annotated[int, typer.Option(min=1, max=MAX_LIMIT, help="At most so many.")]
AsDraft = Annotated[bool, typer.Option("--draft", help="Keep it as a draft, which another identity releases.")]
HomeFolder = Annotated[Path, typer.Argument(metavar="HOME", help="The node's home, made by gateway init.")]
AuthorityFolder = Annotated[
    Path, typer.Option("--certs", metavar="FOLDER", help="Folder of the authorities, made by gateway certs authority.")
]
NoticeName = Annotated[str, typer.Argument(metavar="NAME", help="Id of the notice, such as hk-2026-017.")]
RequestId = Annotated[
    str | None,
    typer.Option(
        "--request-id",
        metavar="UUID",
        help="Repeat with the same UUID, and it is still done once.",
    ),
]


def connect(profile: Path) -> Client:
    """Makes a client of the node that a profile names; it is a context manager.

    Where the profile does not say how often, it asks a few times: who waits is told soon that nobody answers.

    Raises:
        ProfileError: the profile, or a file of it, does not fit.
    """
    loaded = Profile.load(profile)
    return Client(replace(loaded, max_attempts=loaded.max_attempts or ATTEMPTS))


def word_of(enum: Enum[int], number: int, prefix: str = "") -> str:
    """The word for one value; of one that this version does not know, its number."""
    found = (word for word, known in words(enum, prefix).items() if known == number)
    return next(found, f"unknown ({number})" if number else "")


def one_of(enum: Enum[int], prefix: str = "") -> Callable[[str], int]:
    """Makes what reads such a word."""
    known = words(enum, prefix)

    def word(given: str) -> int:
        if given.lower() not in known:
            raise typer.BadParameter(f"{given!r} is not one of {', '.join(known)}")
        return known[given.lower()]

    return word


def choice(enum: Enum[int], metavar: str, *, prefix: str = "", said: str = "One of {}.") -> Any:
    """Makes an option that takes such a word; for ``{}`` in what is said of it stand all of them."""
    return typer.Option(parser=one_of(enum, prefix), metavar=metavar, help=said.format(", ".join(words(enum, prefix))))


def asked(limit: int, given: Mapping[str, object]) -> dict[str, object]:
    """What a listing asks for: the filters that were given, and pages no larger than what is shown."""
    page_size = min(limit, MAX_PAGE_SIZE)
    return {name: value for name, value in given.items() if value is not None} | {"page_size": page_size}


def first_of(listing: Listing[Any, Any, T], limit: int) -> list[T]:
    """The first so many of a listing; who gave no limit of his own is told aside where that may not be all."""
    found = list(islice(listing, limit))
    if limit == DEFAULT_LIMIT == len(found) and (listing.next_page_token or next(listing, None) is not None):
        say_aside(f"these are the first {limit}, and there may be more: give a --limit")
    return found


def texts(given: Sequence[str], option: str) -> dict[str, str]:
    """Reads texts such as ``en=Noted.``: a language tag (BCP 47), and what is said in that language."""
    found: dict[str, str] = {}
    for each in given:
        tag, equals, text = each.partition("=")
        if not tag or not equals or not text or tag in found:
            raise typer.BadParameter(
                "give a text as LANGUAGE=TEXT such as en=Noted., each language once", param_hint=option
            )
        found[tag] = text
    return found


def moment(given: str) -> datetime:
    """Reads a day or a moment of ISO 8601; without a time zone it is in UTC."""
    try:
        found = datetime.fromisoformat(given)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter of years 1 and 9999, where UTC's is another one
        raise typer.BadParameter(f"{given!r} is not a moment such as 2026-05-08 or 2026-05-08T09:00:00Z") from None


def day(given: str) -> date:
    """Reads a day of ISO 8601. A moment is none: which day it is differs with the time zone."""
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise typer.BadParameter(f"{given!r} is not a day such as 2026-05-08") from None


def quoted(etag: str) -> str:
    """An etag as the contract has it; it is shown without its quotes, which a shell would take."""
    return f'"{etag}"' if etag and not etag.startswith('"') else etag


def _read_by(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Makes what reads an argument: one that is not in its form is wrong use of the command."""

    def read(given: str) -> T:
        try:
            return parse(given)
        except Malformed as error:
            raise typer.BadParameter(error.message) from None

    return read


client_id = _read_by(ClientId.parse)  # the SPIFFE ID of a back-office system
any_identity = _read_by(parse_identity)  # the same, or that of a node
key_uri = _read_by(KeyUri.parse)  # a ``pkcs11:`` URI


def read_input(path: Path) -> bytes:
    """Reads a file that a command was given; ``-`` is standard input."""
    if str(path) == "-":
        return _standard_input().read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(shown(f"{path}: {error.strerror}")) from None


@contextmanager
def open_input(path: Path) -> Iterator[IO[bytes]]:
    """Opens a file that a command was given, to be read piece by piece; ``-`` is standard input."""
    if str(path) == "-":
        yield _standard_input()
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise typer.BadParameter(shown(f"{path}: {error.strerror}")) from None
    with file:
        yield file


def require_somebody(option: str) -> None:
    """Passes if there is somebody who can be asked for what an option would say."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise typer.BadParameter("is required where nobody can be asked", param_hint=option)


def _standard_input() -> IO[bytes]:
    if sys.stdin is None:  # who started the command has closed it
        raise typer.BadParameter("standard input is closed: give a file, or a pipe")
    return sys.stdin.buffer


def now() -> datetime:
    """The clock of the command line, in UTC."""
    return datetime.now(UTC)
