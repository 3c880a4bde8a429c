"""Tokens that hold keys, reached through a PKCS#11 module: HSMs, smart cards, SoftHSM.

A module is loaded and initialised once in a process, and called from one thread of its own (``one_thread``): it is told
nothing of threads, and no thread waits for it longer than it means to. A session that fails is given up, and the module
is initialised anew for the next one: some modules see a token that came back only then. This ends the sessions of all
who use the module here; they open others as they sign next.

Only ``pkcs11_seals`` imports this, when a seal is in a token: the library is an extra of this distribution.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, PKCS11Error, Session, Token, TokenFlag

from gateway.errors import ConfigError, GatewayError, Unavailable
from gateway.identity.seals.key_uris import KeyUri
from gateway.identity.seals.one_thread import OneThread
from gateway.identity.seals.pins import Pin
from gateway.logs import Log

T = TypeVar("T")

ED25519_PARAMETERS = bytes.fromhex("06032b6570")  # the object identifier id-Ed25519 (RFC 8410), in DER
ED25519_KEY_BYTES = 32
_POINTS = {34: b"\x04\x20", 35: b"\x03\x21\x00"}  # OCTET STRING, or BIT STRING, around the key, by the length of both

_REFUSED_PIN = (
    pkcs11.exceptions.PinIncorrect,
    pkcs11.exceptions.PinInvalid,
    pkcs11.exceptions.PinLenRange,
    pkcs11.exceptions.PinExpired,
    pkcs11.exceptions.PinLocked,
)

_log = Log(__name__)


class Module:
    """A PKCS#11 module of this process; ``beginnings``: how often it began. All but ``run`` is for its thread."""

    def __init__(self, path: Path) -> None:
        self.path, self.beginnings = path, 0
        self._thread = OneThread()
        self._library: Any = None

    def run(self, work: Callable[[], T], seconds: float) -> T:
        """Makes a call on the module's thread; raises as ``OneThread.run``, and what the call raises."""
        return self._thread.run(work, seconds)

    def token(self, name: KeyUri) -> Token:
        """Finds a token that is there now.

        Raises:
            ConfigError: the module cannot be loaded.
            Unavailable: there is no such token, or more than one.
        """
        found = [each for each in self._tokens() if _is_named(each, name)]
        if len(found) != 1:
            said = f"{len(found)} tokens are named" if found else "there is no token"
            raise Unavailable(f"{said} {name.token_told()}, says the module {self.path}")
        return found[0]

    def _tokens(self) -> Iterator[Token]:
        """Those that are there; a slot that fails hides no other."""
        library = self._initialised()
        try:
            slots = library.get_slots(token_present=True)
        except PKCS11Error as error:
            raise Unavailable(f"the module {self.path} cannot look for tokens: {told(error)}") from error
        for slot in slots:
            with suppress(PKCS11Error):
                yield slot.get_token()

    def begin_anew(self) -> None:
        """Has the module look for tokens from the beginning; no session is one any more."""
        self.beginnings += 1
        if self._library is not None:
            with suppress(PKCS11Error):
                self._library.finalize()

    def _initialised(self) -> Any:
        if self._library is None and not self.path.is_file():
            raise ConfigError(f"{self.path} is not there: pkcs11.module must be the PKCS#11 module of the token")
        try:
            if self._library is None:
                self._library = pkcs11.lib(str(self.path))
            self._library.initialize()  # does nothing where it is
        except PKCS11Error as error:
            if type(error) is PKCS11Error:  # not of the module, which told nothing: it could not be loaded
                raise ConfigError(f"{self.path} cannot be used as a PKCS#11 module: {error}") from error
            raise Unavailable(f"the module {self.path} cannot be initialised: {told(error)}") from error
        return self._library


_modules: dict[Path, Module] = {}
_modules_lock = Lock()  # one thread of a process makes the one module of a path


def module_at(path: Path) -> Module:
    """Gives the module of a path, the same for everybody in this process."""
    with _modules_lock:
        if path not in _modules:
            _modules[path] = Module(path)
        return _modules[path]


def _is_named(token: Token, name: KeyUri) -> bool:
    return name.token in ("", token.label) and name.serial in ("", _serial(token))


def _serial(token: Token) -> str:
    return token.serial.decode("utf-8", "replace")


def told(error: PKCS11Error) -> str:
    """Says what PKCS#11 says: the name of the return value, such as DeviceRemoved, and nothing of what was signed."""
    return type(error).__name__


@dataclass(frozen=True, slots=True)
class KeyName:
    """What names a key within its token: label, identifier, or both."""

    label: str
    id: bytes

    def template(self) -> dict[Attribute, Any]:
        """What its private key has."""
        found: dict[Attribute, Any] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
        if self.label:
            found[Attribute.LABEL] = self.label
        if self.id:
            found[Attribute.ID] = self.id
        return found


class TokenSession:
    """A token, into which this process has logged in; whatever fails, the next call begins with a new session.

    Args:
        name: names the token
        module: through which it is reached
        pin: of its user
    """

    def __init__(self, name: KeyUri, module: Module, pin: Pin) -> None:
        self._name, self._module, self._pin = name, module, pin
        self._session: Session | None = None  # these three on the module's thread alone
        self._beginning = 0  # of the module, at which the session was opened
        self._keys: dict[KeyName, Any] = {}

    def sign(self, key: KeyName, message: bytes, seconds: float) -> bytes:
        """Signs with an Ed25519 key (CKM_EDDSA), and waits at most so many seconds.

        Raises:
            ConfigError: the PIN cannot be used, or the token has no such key; an operator must act.
            Unavailable: the token is not there, fails, or does not answer.
        """

        def signed(session: Session) -> bytes:
            return bytes(self._key(session, key).sign(message, mechanism=Mechanism.EDDSA))

        return self._run(signed, seconds)

    def generate(self, key: KeyName, seconds: float) -> bytes:
        """Makes an Ed25519 key that never leaves the token; gives its public key.

        Raises:
            AlreadyExists, ConfigError, Unavailable: as ``sign``; or the token does not make such keys.
        """
        return self._run(lambda session: _generate(session, key), seconds, writes=True)

    def close(self, seconds: float) -> None:
        """Logs out."""
        with suppress(GatewayError):
            self._module.run(self._give_up, seconds)

    # --- on the module's thread -----------------------------------------------------------------------------------

    def _run(self, work: Callable[[Session], T], seconds: float, *, writes: bool = False) -> T:
        return self._module.run(lambda: self._attempt(work, writes=writes), seconds)

    def _attempt(self, work: Callable[[Session], T], *, writes: bool) -> T:
        """A session that was open before may have ended without anybody's fault: then one more is tried."""
        if self._beginning != self._module.beginnings:
            self._forget()
        if self._session and not (writes and not self._session.rw):
            try:
                return work(self._session)
            except GatewayError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is seen below whether that happens again
                _log.warning("token_session_ended", error=type(error).__name__)
        if self._session:
            self._give_up()
        try:
            self._session = self._opened(writes=writes)
            self._beginning = self._module.beginnings
            return work(self._session)
        except PKCS11Error as error:
            self._give_up()
            raise Unavailable(f"the token {self._name.token_told()} failed: {told(error)}") from error
        except GatewayError:
            self._give_up()
            raise
        except Exception as defect:  # of the library: its callers know PKCS#11's errors, and ours
            _log.defect("token_library_failed", defect)
            self._give_up()
            raise Unavailable(f"the library of the token {self._name.token_told()} failed") from defect

    def _opened(self, *, writes: bool) -> Session:
        token = self._module.token(self._name)
        serial, pin, flags = _serial(token), self._pin.read(), token.flags
        if flags & (TokenFlag.USER_PIN_LOCKED | TokenFlag.USER_PIN_FINAL_TRY):
            state = "is locked" if flags & TokenFlag.USER_PIN_LOCKED else "would be locked by one more wrong try"
            raise ConfigError(
                f"the PIN of the token {self._name.token_told()} {state}, so that it is not tried: log in, or have it "
                "unlocked, with the tools of the token"
            )
        if not flags & TokenFlag.USER_PIN_INITIALIZED:
            raise ConfigError(f"the token {self._name.token_told()} has no PIN of a user yet: set it with its tools")
        now = datetime.now(UTC)
        self._pin.begin(pin, serial, now, is_count_low=bool(flags & TokenFlag.USER_PIN_COUNT_LOW))
        try:
            session = token.open(rw=writes, user_pin=pin)
        except _REFUSED_PIN as error:
            _log.critical("pin_refused", serial=serial, error=told(error))
            raise self._pin.was_refused(pin, serial, now) from error
        except pkcs11.exceptions.UserAlreadyLoggedIn:  # by another seal of this process
            session = token.open(rw=writes)
        self._pin.was_taken()
        return session

    def _key(self, session: Session, name: KeyName) -> Any:
        if name not in self._keys:
            found = list(session.get_objects(name.template()))
            if len(found) != 1:
                said = "has no private key" if not found else f"has {len(found)} private keys"
                called = " ".join([*([name.label] if name.label else []), *([name.id.hex()] if name.id else [])])
                raise ConfigError(f"the token {self._name.token_told()} {said} {called}")
            self._keys[name] = found[0]
        return self._keys[name]

    def _give_up(self) -> None:
        if self._session and self._beginning == self._module.beginnings:
            with suppress(PKCS11Error):
                self._session.close()
        self._forget()
        self._module.begin_anew()

    def _forget(self) -> None:
        self._session = None
        self._keys.clear()


def _generate(session: Session, key: KeyName) -> bytes:
    public, _ = session.generate_keypair(
        KeyType.EC_EDWARDS,
        id=key.id,
        label=key.label,
        store=True,
        mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
        public_template={Attribute.EC_PARAMS: ED25519_PARAMETERS},
        private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
    )
    point = bytes(public[Attribute.EC_POINT])
    raw = point.removeprefix(_POINTS.get(len(point), b""))
    if len(raw) != ED25519_KEY_BYTES:
        raise ConfigError("the token made a key, and gives no Ed25519 public key of it")
    return raw
