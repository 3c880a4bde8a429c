"""The operator's own list of certificates that are refused: ``trust/denied.txt``."""

from dataclasses import dataclass

from cryptography import x509

from gateway.errors import ConfigError, Malformed
from gateway.identity.certificates.x509 import fingerprint
from gateway.identity.names import parse_identity

MAX_DENIED = 10_000  # lines that name a certificate
MAX_DENIED_BYTES = 4 * 1024 * 1024  # so many lines, and their comments

_WORDS = 2  # of a line: what is named, and its value
_DIGEST_CHARACTERS, _SERIAL_CHARACTERS = 64, 40
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Denied:
    """The operator's own list.

    Attributes:
        fingerprints: SHA-256 over the DER of a certificate, in hexadecimal digits
        serials: serial numbers, whoever issued them
        identities: SPIFFE IDs, whatever certificate they show
    """

    fingerprints: frozenset[str] = frozenset()
    serials: frozenset[int] = frozenset()
    identities: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> "Denied":
        """Reads a list: a line each, ``sha256 <hex>``, ``serial <hex>`` or ``id <SPIFFE ID>``; ``#`` begins a comment.

        Raises:
            ConfigError: naming the line.
        """
        found: dict[str, set[str]] = {"sha256": set(), "serial": set(), "id": set()}
        for number, line in enumerate(text.splitlines(), 1):
            if not (words := line.partition("#")[0].split()):
                continue
            word, value = words if len(words) == _WORDS else ("", "")
            if fault := fault_in(word, value):
                raise ConfigError(f"line {number}: {fault}")
            found[word].add(value)
        if sum(map(len, found.values())) > MAX_DENIED:
            raise ConfigError(f"names more than {MAX_DENIED} certificates")
        serials = frozenset(int(each, 16) for each in found["serial"])
        return cls(frozenset(found["sha256"]), serials, frozenset(found["id"]))

    def refuses(self, certificate: x509.Certificate, identity: str) -> bool:
        """Whether the list names a certificate, or whom it is for."""
        return (
            identity in self.identities
            or certificate.serial_number in self.serials
            or (bool(self.fingerprints) and fingerprint(certificate) in self.fingerprints)
        )


def fault_in(word: str, value: str) -> str:
    """What is wrong with a line of the list, given as its two words; empty if nothing is."""
    if word == "sha256" and (len(value) != _DIGEST_CHARACTERS or not _HEX.issuperset(value)):
        return "sha256 takes 64 hexadecimal digits in lower case"
    if word == "serial" and (len(value) > _SERIAL_CHARACTERS or not _HEX.issuperset(value)):
        return "serial takes up to 40 hexadecimal digits in lower case"
    if word == "id":
        try:
            parse_identity(value)
        except Malformed as error:
            return error.message
    return "" if word in ("sha256", "serial", "id") else "write sha256, serial or id, and its value"
