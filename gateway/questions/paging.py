"""Page tokens (AIP-158): opaque, bound to the filters they were given for, and of no authority.

They are for lists whose positions tell nothing; ``sealed_tokens`` for the others.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from typing import TypeVar

from google.protobuf.message import Message
from regulator.exchange.v1.admin_service_pb2 import ListCertificatesRequest, ListChannelsRequest, ListPeersRequest

from gateway.errors import BadInput
from gateway.store.page_bounds import fitting

M = TypeVar("M", bound=Message)
PageRequest = ListPeersRequest | ListChannelsRequest | ListCertificatesRequest

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000
MAX_PAGE_BYTES = 4 << 20  # but for one item at least: gRPC's own bound of an answer, at a client that sets none
MAX_POSITION = 2**63 - 1  # of a list; a database counts no further

MAX_ITEMS_BYTES = MAX_PAGE_BYTES - 1024  # of them in such an answer, beside a token, some names and numbers
_FRAME_BYTES = 6  # of an item: what says that it comes, and how long it is
_FILTER_BYTES = 8
_POSITION_BYTES = 8
WRONG_TOKEN = "must be the next_page_token of the page before, with the same filters"  # noqa: S105 - no secret


def page_size(asked: int) -> int:
    """So many to a page: what was asked for, within bounds; 0 asks for the default."""
    return min(asked or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def answerable(items: Iterable[M], limit: int = MAX_PAGE_SIZE, used_bytes: int = 0) -> tuple[list[M], bool]:
    """As many of these items as an answer holds that every client takes, and whether some are left.

    What a list reads is bounded by what is stored of it (``store.page_bounds``); this is by what is told, to the byte.

    Args:
        items: of the answer, in order
        limit: at most so many
        used_bytes: by what the answer tells beside them, where that may be large
    """
    return fitting(items, limit, MAX_ITEMS_BYTES, item_bytes, used_bytes)


def item_bytes(item: Message) -> int:
    """The bytes that an item takes in an answer."""
    return item.ByteSize() + _FRAME_BYTES


def page_token(position: int, request: Message, pin: int | None = None) -> str:
    """The token for what comes after a position in the list that a request asks for.

    Args:
        position: of the last item of the page
        request: for the page
        pin: of a list that would change between two pages: the state of which all pages are read
    """
    numbers = [position] if pin is None else [position, pin]
    data = b"".join(number.to_bytes(_POSITION_BYTES) for number in numbers) + filters_of(request)[:_FILTER_BYTES]
    return base64.urlsafe_b64encode(data).decode()


def page_position(token: str, request: Message) -> int | None:
    """The position in a token; None for the first page, which has none.

    Raises:
        BadInput: the token is not one that was given for this request's filters.
    """
    if not token:
        return None
    position = _number(token, 0)
    if page_token(position, request) != token:
        raise BadInput.of("page_token", WRONG_TOKEN)
    return position


def pinned_position(token: str, request: Message) -> tuple[int, int] | None:
    """The position and the pin in a token that has both; None for the first page. Raises as ``page_position``."""
    if not token:
        return None
    position, pin = _number(token, 0), _number(token, 1)
    if page_token(position, request, pin) != token:
        raise BadInput.of("page_token", WRONG_TOKEN)
    return position, pin


def _number(token: str, place: int) -> int:
    """A number in a token as far as it can be one; whether the token is right is told by making it again."""
    try:
        data = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    number = int.from_bytes(data[place * _POSITION_BYTES :][:_POSITION_BYTES])
    return number if number <= MAX_POSITION else 0


def page_of(ordered: Sequence[M], request: PageRequest) -> tuple[Sequence[M], str]:
    """The page of a list at hand that a request asks for, and the token of the next one; empty after the last.

    Raises:
        BadInput: the token is not one that was given for this list.
    """
    first, size = page_position(request.page_token, request) or 0, page_size(request.page_size)
    page, more = answerable(ordered[first:], size)
    return page, page_token(first + len(page), request) if more else ""


def filters_of(request: Message) -> bytes:
    """What tells a list and its filters from all others: SHA-256 of the request without its page, 32 bytes."""
    filters = type(request)()
    filters.CopyFrom(request)
    for of_page in ("page_token", "page_size"):
        if of_page in request.DESCRIPTOR.fields_by_name:
            filters.ClearField(of_page)
    name = request.DESCRIPTOR.full_name.encode()  # so that a token of one list is none of another
    return hashlib.sha256(name + b"\0" + filters.SerializeToString(deterministic=True)).digest()
