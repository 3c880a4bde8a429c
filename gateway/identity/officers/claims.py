"""What the verified token of an officer claims, and whether it does for this call. Touches no clock: time is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.errors import Unauthenticated
from gateway.identity.access.access import Role
from gateway.identity.officers.rules import IssuerRules, OfficerRules

MAX_SUBJECT_CHARACTERS = 255
LATEST_TIME = 1e12  # seconds since 1970; no number, or one without end, is below it


class Fault(StrEnum):
    """Why a token is not accepted: ``metadata["token"]`` of ``Unauthenticated``."""

    MALFORMED = "MALFORMED"
    ISSUER = "ISSUER"
    ALGORITHM = "ALGORITHM"
    KEY = "KEY"
    SIGNATURE = "SIGNATURE"
    AUDIENCE = "AUDIENCE"
    EXPIRED = "EXPIRED"
    TOO_EARLY = "TOO_EARLY"
    SYSTEM = "SYSTEM"
    SUBJECT = "SUBJECT"


_WORDS: Mapping[Fault, str] = {
    Fault.MALFORMED: "it is not a signed JSON Web Token",
    Fault.ISSUER: "its issuer is not one that is taken here",
    Fault.ALGORITHM: "its algorithm is not one that its issuer uses",
    Fault.KEY: "its key is not one of its issuer's",
    Fault.SIGNATURE: "its signature does not verify",
    Fault.AUDIENCE: "it is for somebody else",
    Fault.EXPIRED: "it has expired",
    Fault.TOO_EARLY: "it is not valid yet",
    Fault.SYSTEM: "it is not for the system that calls",
    Fault.SUBJECT: "it names no officer",
}


def refused(fault: Fault) -> Unauthenticated:
    """The error that tells of a fault; it holds nothing of the token."""
    return Unauthenticated(f"the officer's token is not accepted: {_WORDS[fault]}", token=fault)


@dataclass(frozen=True, slots=True)
class Officer:
    """A person for whom a system acts.

    Attributes:
        name: ``issuer#subject``
        roles: what the officer may do, if the system may
        until: seconds since 1970; from then on the token is not accepted
    """

    name: str
    roles: frozenset[Role]
    until: float


@dataclass(frozen=True, slots=True)
class Presenter:
    """The system that presents a token: its SPIFFE ID, and the SHA-256 of its certificate as RFC 8705 writes it."""

    client: str
    thumbprint: str


def read_claims(
    claims: Mapping[str, Any], issuer: IssuerRules, rules: OfficerRules, presenter: Presenter, now: float
) -> Officer:
    """Gives the officer that a token of an issuer names (OpenID Connect Core 1.0, section 3.1.3.7; RFC 7519, 4.1).

    Args:
        claims: of a token whose signature was verified with a key of the issuer
        issuer: what was agreed with it
        rules: of all issuers
        presenter: the system that calls
        now: seconds since 1970

    Raises:
        Unauthenticated: it is not for here, not for now, not for this system, or names nobody.
    """
    if claims.get("iss") != issuer.issuer:
        raise refused(Fault.ISSUER)
    if not _is_for(claims.get("aud"), issuer.audience):
        raise refused(Fault.AUDIENCE)
    until = _valid_until(claims, rules, now)
    if not _is_bound_to(claims, issuer, presenter):
        raise refused(Fault.SYSTEM)
    subject = claims.get(issuer.subject_claim)
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_CHARACTERS or not subject.isprintable():
        raise refused(Fault.SUBJECT)
    return Officer(f"{issuer.issuer}#{subject}", _roles(claims, issuer), until)


def _is_for(audiences: Any, audience: str) -> bool:
    return audience in audiences if isinstance(audiences, list) else audiences == audience


def _valid_until(claims: Mapping[str, Any], rules: OfficerRules, now: float) -> float:
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    begins = _time(claims, "nbf") if "nbf" in claims else issued
    if max(issued, begins) > now + rules.leeway_seconds:
        raise refused(Fault.TOO_EARLY)
    until = min(expires, issued + rules.max_age_seconds) + rules.leeway_seconds
    if until <= now:
        raise refused(Fault.EXPIRED)
    return until


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < LATEST_TIME:
        raise refused(Fault.MALFORMED)
    return float(value)


def _is_bound_to(claims: Mapping[str, Any], issuer: IssuerRules, presenter: Presenter) -> bool:
    """By the claim that was agreed on, and by the certificate if the token names one (RFC 8705, section 3.1)."""
    if issuer.system_claim:
        named = claims.get(issuer.system_claim)
        if not isinstance(named, str):
            return False
        if (issuer.systems.get(named) if issuer.systems else named) != presenter.client:
            return False
    if "cnf" in claims:
        return bool(claims["cnf"] == {"x5t#S256": presenter.thumbprint})
    return True


def _roles(claims: Mapping[str, Any], issuer: IssuerRules) -> frozenset[Role]:
    found = _at(claims, issuer.roles_claim)
    if isinstance(found, str):  # several, with spaces between, as OAuth writes scopes
        found = found.split(" ")
    names = issuer.role_names or {str(role): role for role in Role}
    words = found if isinstance(found, list) else []
    return frozenset(names[each] for each in words if isinstance(each, str) and each in names)


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """The value of a claim, whose name may hold dots, or of one within objects."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
