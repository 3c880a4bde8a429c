"""How long certificates last, and when that is to be told: at 30, 7 and 1 days left, and once they have ended."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from gateway.identity.certificates import Window
from gateway.identity.sealers import fingerprint

WARNING_DAYS = (30, 7, 1)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """A certificate that a node depends on.

    Attributes:
        purpose: what it is for, for people: ``TLS of this node``
        sha256: over its DER
        not_after: its end
    """

    purpose: str
    sha256: str
    not_after: datetime

    @classmethod
    def of(cls, purpose: str, certificate: x509.Certificate) -> "Lifetime":
        """Reads it from a certificate."""
        return cls(purpose, fingerprint(certificate), Window.of(certificate).not_after)

    def days_left(self, now: datetime) -> int:
        """Whole days; negative once it has ended."""
        return (self.not_after - now).days


def warnings(lifetimes: Iterable[Lifetime], now: datetime) -> Iterator[str]:
    """Says of each certificate near its end which mark it passed last, in the same words until the next one."""
    for each in lifetimes:
        left = each.not_after - now
        end = f"{each.purpose} (SHA-256 {each.sha256[:16]}), valid until {each.not_after:%Y-%m-%d %H:%M} UTC"
        if left <= timedelta():
            yield f"{end}: it has ended"
        elif passed := [days for days in WARNING_DAYS if left <= timedelta(days=days)]:
            yield f"{end}: at most {min(passed)} days left"
