"""Page tokens (AIP-158): opaque, bound to the filters they were given for, and of no authority."""

import base64
import binascii
import hashlib

from google.protobuf.message import Message

from gateway.errors import BadInput

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000
MAX_POSITION = 2**63 - 1  # of a list; a database counts no further

_FILTER_BYTES = 8
_POSITION_BYTES = 8


def page_size(asked: int) -> int:
    """So many to a page: what was asked for, within bounds; 0 asks for the default."""
    return min(asked or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def page_token(position: int, request: Message) -> str:
    """The token for what comes after a position in the list that a request asks for."""
    data = position.to_bytes(_POSITION_BYTES) + _filter_hash(request)
    return base64.urlsafe_b64encode(data).decode()


def page_position(token: str, request: Message) -> int | None:
    """The position in a token; None for the first page, which has none.

    Raises:
        BadInput: the token is not one that was given for this request's filters.
    """
    if not token:
        return None
    try:
        data = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    position = int.from_bytes(data[:_POSITION_BYTES])
    if position > MAX_POSITION or page_token(position, request) != token:
        raise BadInput.of("page_token", "must be the next_page_token of the page before, with the same filters")
    return position


def _filter_hash(request: Message) -> bytes:
    filters = type(request)()
    filters.CopyFrom(request)
    filters.ClearField("page_token")
    filters.ClearField("page_size")
    name = request.DESCRIPTOR.full_name.encode()  # so that a token of one list is none of another
    return hashlib.sha256(name + b"\0" + filters.SerializeToString(deterministic=True)).digest()[:_FILTER_BYTES]
