"""How long certificates last, and when that is to be told: at 30, 7 and 1 days left, and once they have ended."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509

from gateway.errors import Untrusted
from gateway.identity.certificates.chains import require_leaf
from gateway.identity.certificates.revocation import NOTHING_REVOKED, Revocation, key_of
from gateway.identity.certificates.x509 import Cause, Window, fingerprint, key_kind, subject_of

WARNING_DAYS = (30, 7, 1)


class State(StrEnum):
    """Whether a certificate can be relied on."""

    VALID = "valid"
    EXPIRING = "expiring"
    ENDED = "ended"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """A certificate that a node depends on.

    Attributes:
        purpose: what it is for, for people: ``TLS of this node``
        subject: whose it is: a SPIFFE ID; of an authority its name
        sha256: over its DER
        window: in which it is valid
        revoked: its authority's list, or the operator's own, names it
        crl_next_update: of an authority: by when there is a newer list than the one kept here; None: there is none
    """

    purpose: str
    subject: str
    sha256: str
    window: Window
    revoked: bool = False
    crl_next_update: datetime | None = None

    def days_left(self, now: datetime) -> int:
        """Whole days; negative once it has ended."""
        return self.window.days_left(now)

    def state(self, now: datetime) -> State:
        """Whether it can be relied on."""
        left = self.window.not_after - now
        if self.revoked:
            return State.REVOKED
        if left <= timedelta():
            return State.ENDED
        return State.EXPIRING if left <= timedelta(days=max(WARNING_DAYS)) else State.VALID


@dataclass(frozen=True, slots=True)
class Branch:
    """An authority, and what a node depends on that it issued.

    Attributes:
        purpose: of its roots, for people
        roots: the certificates of the authority
        issued: each with its purpose
        revocation: what is known of revoked certificates of this authority
    """

    purpose: str
    roots: Sequence[x509.Certificate]
    issued: Sequence[tuple[str, x509.Certificate]] = ()
    revocation: Revocation = NOTHING_REVOKED

    def lifetimes(self) -> Iterator[Lifetime]:
        """Gives each certificate of it."""
        for purpose, certificate in (*self.issued, *((self.purpose, root) for root in self.roots)):
            subject = subject_of(certificate)
            crl = self.revocation.crls.get(key_of(certificate))
            yield Lifetime(
                purpose,
                subject,
                fingerprint(certificate),
                Window.of(certificate),
                self._revoked(certificate, subject),
                crl.next_update if crl else None,
            )

    def _revoked(self, certificate: x509.Certificate, subject: str) -> bool:
        if self.revocation.denied.refuses(certificate, subject):
            return True
        kind = key_kind(certificate.public_key())
        if kind is None:
            return False
        try:
            root = require_leaf(certificate, self.roots, kind)
            self.revocation.require_good(certificate, subject, root)
        except Untrusted as error:
            return error.metadata.get("reason") == Cause.REVOKED
        return False


def by_end(branches: Iterable[Branch]) -> list[Lifetime]:
    """Gives all certificates, the one that ends first first."""
    found = [each for branch in branches for each in branch.lifetimes()]
    return sorted(found, key=lambda each: (each.window.not_after, each.purpose, each.sha256))


def warnings(lifetimes: Iterable[Lifetime], now: datetime) -> Iterator[str]:
    """Says of each certificate near its end which mark it passed last, in the same words until the next one."""
    for each in lifetimes:
        not_after = each.window.not_after
        left = not_after - now
        end = f"{each.purpose} (SHA-256 {each.sha256[:16]}), valid until {not_after:%Y-%m-%d %H:%M} UTC"
        if left <= timedelta():
            yield f"{end}: it has ended"
        elif passed := [days for days in WARNING_DAYS if left <= timedelta(days=days)]:
            yield f"{end}: at most {min(passed)} days left"
