"""A seal of a store with a key in a token, which can be slow, or away."""

import threading

from gateway.errors import SealUnavailable
from gateway.identity.seals.signers import Keyring, Remote
from tests.store.stores import CERTIFIED, SEALS, Opened

LONG = 60.0


class Token:
    """What signs as a token does that can be slow, or away.

    Attributes:
        asked: how often it was asked for a signature
        goes_on: set while it answers at once
    """

    def __init__(self, jurisdiction: str) -> None:
        self._seal = SEALS[jurisdiction]
        self.public = self._seal.public
        self.asked, self.is_there, self.is_known_away = 0, True, False
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self.goes_on.set()

    def sign_ed25519(self, message: bytes) -> bytes:
        self.require_able()
        self.asked += 1
        self.begun.set()
        assert self.goes_on.wait(LONG)
        if not self.is_there:
            self.is_known_away = True
            raise SealUnavailable("the token is away")
        return self._seal.sign_ed25519(message)

    def sign_ml_dsa_44(self, message: bytes) -> bytes:
        return self._seal.sign_ml_dsa_44(message)

    def require_able(self) -> None:
        if self.is_known_away:
            raise SealUnavailable("the token is away")

    def open(self) -> None:
        self.look()

    def look(self) -> None:
        self.is_known_away = not self.is_there

    def close(self) -> None: ...


async def with_token(store: Opened) -> Token:
    token = Token(store.jurisdiction)
    assert isinstance(token, Remote)
    store.keyring = Keyring([(CERTIFIED[store.jurisdiction], token)])
    await store.restart()
    return token
