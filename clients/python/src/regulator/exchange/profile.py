"""Where a node is, and who calls it: one small TOML file a system.

::

    address = "127.0.0.1:7443"
    server_name = "gateway.hk.example"   # the node's domain
    ca = "hk-ca.pem"                     # paths count from this file
    certificate = "hkma-office.pem"
    key = "hkma-office.key"
    deadline_seconds = 10                # optional
    max_attempts = 4                     # optional; else as many as fit into the deadline
    token = "officer.jwt"                # optional
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Self

from regulator.exchange.errors import ProfileError

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}", re.ASCII)
_NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*", re.ASCII)
_FILES = ("ca", "certificate", "key")


@dataclass(frozen=True, slots=True)
class Profile:
    """How one system calls its node; raises ``ProfileError`` if a value does not fit."""

    address: str  # host:port of the node's back-office listener
    server_name: str  # the node's domain: what its certificate must say
    ca: Path  # PEM: the root that the node's certificate comes from
    certificate: Path  # PEM: the client's certificate, then what lies between it and its root
    key: Path  # PEM: the certificate's private key, not encrypted
    deadline_seconds: float = 10.0  # of a whole call, retries included; more than 0, at most 3600
    max_attempts: int | None = None  # of a call, the first one included; 1 to 10; None: what fits into the deadline
    token: Path | None = None  # the token of the officer for whom the system acts, read before each call

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            if fault := check(getattr(self, name)):
                raise ProfileError(name, fault)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads a profile file.

        Raises:
            ProfileError: the file cannot be read, a key is missing, unknown or unfit, or a named file is not there.
        """
        file = Path(path)
        try:
            return cls(**_values(_table(file), file.absolute().parent))
        except ProfileError as error:
            raise error.within(file) from error.__cause__


def _table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProfileError("", f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not TOML, or not UTF-8
        raise ProfileError("", f"is not a TOML file: {error}") from error


def _values(table: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The profile's fields from the file's table, with whole paths."""
    known = fields(Profile)
    for name in table.keys() - {each.name for each in known}:
        raise ProfileError(name, f"is not a setting; there are {', '.join(each.name for each in known)}")
    for each in known:
        if each.default is MISSING and each.name not in table:
            raise ProfileError(each.name, "is missing")
    return {name: _value(name, value, folder) for name, value in table.items()}


def _value(name: str, value: Any, folder: Path) -> Any:
    if name == "token" and isinstance(value, str) and value:  # it need not be there yet
        return folder / value
    return _path(name, value, folder) if name in _FILES else value


def _path(name: str, value: Any, folder: Path) -> Path:
    if not isinstance(value, str) or not value:
        raise ProfileError(name, "must be the path of a PEM file, in quotes")
    path = folder / value
    if not path.is_file():
        raise ProfileError(name, f"must be the path of a PEM file; there is none at {path}")
    return path


def _address_fault(value: Any) -> str | None:
    if isinstance(value, str) and _ADDRESS.fullmatch(value) and 1 <= int(value.rpartition(":")[2]) <= 65535:
        return None
    return "must be host:port such as 127.0.0.1:7443"


def _name_fault(value: Any) -> str | None:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return None
    return "must be the node's domain in lower case, such as gateway.hk.example"


def _deadline_fault(value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 3600:
        return None
    return "must be a number of seconds, more than 0 and at most 3600"


def _attempts_fault(value: Any) -> str | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10):
        return None
    return "must be a whole number from 1 to 10"


def _token_fault(value: Any) -> str | None:
    return None if value is None or isinstance(value, Path) else "must be the path of a file, in quotes"


_CHECKS: Mapping[str, Callable[[Any], str | None]] = {
    "address": _address_fault,
    "server_name": _name_fault,
    "deadline_seconds": _deadline_fault,
    "max_attempts": _attempts_fault,
    "token": _token_fault,
}
