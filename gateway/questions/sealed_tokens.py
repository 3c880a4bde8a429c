"""Tokens and cursors that tell their holder nothing.

Events and notices are numbered over all that is committed here, so a number in the clear would tell a client how much
it may not see came between two things that it sees. These tokens are enciphered with AES-SIV (RFC 5297) under a key of
the node; a fresh nonce each time makes two tokens for one position differ, so nothing is learnt by comparing them
either. A token is bound to the request it was given for, and no other than those that the node gave is taken.

Lists whose positions count nothing but what the caller sees use ``paging``.
"""

import base64
import binascii
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from google.protobuf.message import Message

from gateway.errors import BadInput
from gateway.questions.paging import WRONG_TOKEN, filters_of

_NONCE_BYTES = 8
_TAG_BYTES = 16
_NUMBER_BYTES = 8
_CURSOR = b"cursor"


class SealedTokens:
    """Makes and opens tokens.

    Args:
        key: of this node, 32 bytes; tokens are good as long as it is
        random: gives so many random bytes
    """

    def __init__(self, key: bytes, random: Callable[[int], bytes]) -> None:
        self._cipher, self._random = AESSIV(key), random

    def page_token(self, position: int, request: Message, *pins: int) -> str:
        """The token for what comes after a position in the list that a request asks for.

        Args:
            position: of the last item of the page
            request: for the page
            pins: of a list that would change between two pages: the state of which all pages are read
        """
        return self._seal((position, *pins), filters_of(request))

    def page_position(self, token: str, request: Message) -> int | None:
        """The position in a token; None for the first page, which has none.

        Raises:
            BadInput: the token is not one that this node gave for this request's filters.
        """
        return self._open_page(token, request, 1)[0] if token else None

    def pinned_position(self, token: str, request: Message) -> tuple[int, int] | None:
        """The position and the pin in a token that has both; None for the first page. Raises as ``page_position``."""
        if not token:
            return None
        position, pin = self._open_page(token, request, 2)
        return position, pin

    def twice_pinned_position(self, token: str, request: Message) -> tuple[int, int, int] | None:
        """The position and both pins in a token that has two; None for the first page. Raises as ``page_position``."""
        if not token:
            return None
        position, first, second = self._open_page(token, request, 3)
        return position, first, second

    def cursor(self, position: int) -> str:
        """The cursor after an event."""
        return self._seal((position,), _CURSOR)

    def cursor_position(self, cursor: str) -> int:
        """The event after which a cursor stands.

        Raises:
            BadInput: the cursor is not one that this node gave.
        """
        numbers = self._open(cursor, _CURSOR, 1)
        if numbers is None:
            raise BadInput.of("cursor", "must be a cursor that this node gave")
        return numbers[0]

    def _open_page(self, token: str, request: Message, count: int) -> tuple[int, ...]:
        numbers = self._open(token, filters_of(request), count)
        if numbers is None:
            raise BadInput.of("page_token", WRONG_TOKEN)
        return numbers

    def _seal(self, numbers: tuple[int, ...], purpose: bytes) -> str:
        nonce = self._random(_NONCE_BYTES)
        data = b"".join(number.to_bytes(_NUMBER_BYTES) for number in numbers)
        return base64.urlsafe_b64encode(nonce + self._cipher.encrypt(data, [purpose, nonce])).decode()

    def _open(self, token: str, purpose: bytes, count: int) -> tuple[int, ...] | None:
        """The numbers in a token; None: it is none of this purpose."""
        try:
            data = base64.b64decode(token, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(data) != _NONCE_BYTES + _TAG_BYTES + count * _NUMBER_BYTES:
            return None
        nonce, sealed = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
        try:
            opened = self._cipher.decrypt(sealed, [purpose, nonce])
        except InvalidTag:
            return None
        return tuple(int.from_bytes(opened[at : at + _NUMBER_BYTES]) for at in range(0, len(opened), _NUMBER_BYTES))
