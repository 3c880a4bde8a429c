"""The number of the newest list of revoked certificates that was taken from each authority, kept in a file.

A list that goes back would take back what was revoked; so none may, also not while the node is stopped.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from gateway.errors import ConfigError
from gateway.identity.certificates.keyfiles import PUBLIC_MODE, read_public, write_file
from gateway.identity.certificates.revocation import Crl

_HEADER = """\
# The newest list of revoked certificates (CRL) that was taken of each authority: SHA-256 of its public key, number.
# The node writes this. Delete a line only where that authority has no list any more, or counts anew.
"""


class CrlNumbers:
    """Remembers them.

    Args:
        path: of the file; it need not be there yet
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def require_no_older(self, authorities: Iterable[bytes], lists: Mapping[bytes, Crl]) -> None:
        """Passes if no authority's list is older than one that was taken before, or gone.

        Args:
            authorities: public keys, DER, of those that are trusted now
            lists: of theirs that are there now, by their keys

        Raises:
            ConfigError: one is; or the file cannot be read.
        """
        known = self._read()
        for key in authorities:
            before, found = known.get(_name_of(key)), lists.get(key)
            if before is None or (found and found.number >= before):
                continue
            said = (
                f"has the number {found.number}, after {before}" if found else f"is not there any more, after {before}"
            )
            raise ConfigError(
                f"a list of revoked certificates {said}: fetch the newest one, "
                f"or delete the line of its authority in {self._path}"
            )

    def keep(self, lists: Mapping[bytes, Crl]) -> None:
        """Remembers lists that were taken.

        Raises:
            ConfigError: the file cannot be written.
        """
        known = self._read()
        numbers = known | {_name_of(key): crl.number for key, crl in lists.items()}
        if numbers != known:
            lines = "".join(f"{name} {number}\n" for name, number in sorted(numbers.items()))
            write_file(self._path, f"{_HEADER}{lines}".encode(), mode=PUBLIC_MODE, replace=True)

    def _read(self) -> dict[str, int]:
        if not self._path.exists():
            return {}
        try:
            lines = read_public(self._path).decode("ascii").splitlines()
            found = [line.split() for line in lines if line.strip() and not line.startswith("#")]
            return {name: int(number) for name, number in found}
        except ValueError as error:
            raise ConfigError(f"{self._path}: each line is the SHA-256 of an authority's key, and a number") from error


def _name_of(key: bytes) -> str:
    return sha256(key).hexdigest()
