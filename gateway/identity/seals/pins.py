"""The PIN of a token: read from a file, and never tried again once the token refused it.

A token locks itself after a few wrong PINs, and then the key is out of reach for good. So what a refused PIN was is
remembered beside the keys, and outlives the process: however often a node is started, it tries that PIN once. It is
tried again when the file holds another one, or when an operator has removed what was remembered.
"""

import json
import secrets
import shlex
from dataclasses import dataclass
from datetime import datetime
from hashlib import scrypt
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError
from gateway.identity.certificates.keyfiles import PRIVATE_MODE, read_private, write_file

MEMORY = "pin-refused.json"  # name of the file that remembers what was refused
MIN_CHARACTERS, MAX_CHARACTERS = 1, 255
_REFUSED, _UNKNOWN = "refused", "unknown"
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Pin:
    """The PIN of one token.

    Attributes:
        file: that holds it, for its owner alone
        memory: file that remembers what was refused
    """

    file: Path
    memory: Path

    def read(self) -> str:
        """Reads the PIN: the file's one line.

        Raises:
            ConfigError: the file is not there, open to others, or holds something else.
        """
        try:
            pin = read_private(self.file).decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{self.file} is not UTF-8") from error
        if not MIN_CHARACTERS <= len(pin) <= MAX_CHARACTERS or not pin.isprintable():
            raise ConfigError(f"{self.file} must hold the token's PIN, in one line of at most {MAX_CHARACTERS}")
        return pin

    def begin(self, pin: str, serial: str, now: datetime, *, is_count_low: bool) -> None:
        """Passes if a PIN may be tried; remembers that it is, in case that nobody sees how it ends.

        Args:
            pin: as it was read
            serial: of the token
            now: with a time zone
            is_count_low: the token says that a wrong PIN was tried since the last right one

        Raises:
            ConfigError: the token refused it before; or it cannot be remembered.
        """
        known = self._remembered(pin, serial)
        if known == _REFUSED or (known == _UNKNOWN and is_count_low):
            raise ConfigError(self._told())
        self._remember(pin, serial, _UNKNOWN, now)

    def was_refused(self, pin: str, serial: str, now: datetime) -> ConfigError:
        """Remembers that the token refused a PIN; gives the error that says so."""
        self._remember(pin, serial, _REFUSED, now)
        return ConfigError(self._told())

    def was_taken(self) -> None:
        """Forgets: the token took the PIN."""
        self.memory.unlink(missing_ok=True)

    def _told(self) -> str:
        return (
            f"the token refused the PIN in {self.file}, which is not tried again: a token locks itself after a few "
            f"wrong ones. Correct the file; if the PIN is right after all, run: rm {shlex.quote(str(self.memory))}"
        )

    def _remember(self, pin: str, serial: str, outcome: str, now: datetime) -> None:
        salt = secrets.token_bytes(_SALT_BYTES)
        said = {
            "serial": serial,
            "outcome": outcome,
            "salt": salt.hex(),
            "digest": _digest(pin, salt).hex(),
            "at": now.isoformat(timespec="seconds"),
        }
        write_file(self.memory, json.dumps(said, indent=1).encode(), mode=PRIVATE_MODE, replace=True)

    def _remembered(self, pin: str, serial: str) -> str:
        """How it ended when this PIN was tried last; empty: it was not."""
        if not self.memory.exists():
            return ""
        try:
            said: dict[str, Any] = json.loads(read_private(self.memory))
            salt, digest, outcome = bytes.fromhex(said["salt"]), bytes.fromhex(said["digest"]), str(said["outcome"])
            is_of_this_token = said["serial"] == serial
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{self.memory} is damaged: it tells which PIN the token refused. Look that the PIN in {self.file} is "
                f"right, then remove it"
            ) from error
        is_same = is_of_this_token and secrets.compare_digest(_digest(pin, salt), digest)
        return outcome if is_same else ""


def _digest(pin: str, salt: bytes) -> bytes:
    """Slow to search: a wrong PIN may be right elsewhere."""
    return scrypt(pin.encode(), salt=salt, n=2**14, r=8, p=1)
