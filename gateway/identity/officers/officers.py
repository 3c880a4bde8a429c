"""Officers: persons for whom a back-office system acts, named by a token that their sign-in signed."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jwt import PyJWKError, PyJWS, PyJWTError

from gateway.errors import PersonRequired
from gateway.identity.access.access import Access, Caller
from gateway.identity.officers.claims import Fault, Officer, Presenter, read_claims, refused
from gateway.identity.officers.issuer_keys import IssuerKeys
from gateway.identity.officers.key_sources import KeySource
from gateway.identity.officers.rules import IssuerRules, OfficerRules

MAX_TOKEN_CHARACTERS = 8192
REMEMBERED = 1024  # tokens whose signature was verified
TYPES = ("", "jwt")  # of a token, in lower case: one of another type (RFC 8725, section 3.11) is for something else


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer of tokens: what was agreed with it, and its keys."""

    rules: IssuerRules
    source: KeySource


@dataclass(frozen=True, slots=True)
class _Verified:
    officer: Officer
    keys: IssuerKeys  # among which was the token's: when the issuer has others, it is verified again
    source: KeySource


class Officers:
    """Decides which officer acts, and what a system may do with and without one.

    A token is accepted if it is signed by a key that its issuer has now, with an algorithm that was agreed on, and
    if what it claims fits (``claims``). It narrows what its system may do and never adds to it. Used on the
    loop's thread alone; it never waits, and it keeps no token, but the hash of those that it verified.
    """

    def __init__(self, rules: OfficerRules, issuers: Sequence[Issuer]) -> None:
        self._rules = rules
        self._person_roles, self._person_methods = rules.person_roles, rules.person_methods
        self._issuers = {each.rules.issuer: each for each in issuers}
        self._verified: OrderedDict[tuple[bytes, Presenter], _Verified] = OrderedDict()
        self._signatures = PyJWS(options={"enforce_minimum_key_length": True})

    @property
    def sources(self) -> Sequence[KeySource]:
        """Gives where the issuers' keys come from: they are to be looked at while the node runs."""
        return [each.source for each in self._issuers.values()]

    def acting(self, system: Caller, officer: Officer | None) -> Caller:
        """Gives who acts: a system for an officer, with the roles that both have, or by itself."""
        if officer:
            return replace(system, roles=system.roles & officer.roles, officer=officer.name)
        if system.roles & self._person_roles:
            return replace(system, roles=system.roles - self._person_roles)
        return system

    def require(self, system: Caller, acting: Caller, method: str) -> None:
        """Asks whether who acts may call a method, by its full path.

        Raises:
            PersonRequired: the system may, but not without an officer.
            NotAllowed: it may not.
        """
        if not acting.officer and self._needs_person(system, acting, method):
            Access.require(system, method)
            raise PersonRequired("this needs an officer: send the token of one with the call")
        Access.require(acting, method)

    def _needs_person(self, system: Caller, acting: Caller, method: str) -> bool:
        if method in self._person_methods:
            return True
        return not Access.allows(acting, method) and Access.allows(system, method)

    def officer(self, token: str, presenter: Presenter, now: float, spend: Callable[[], None]) -> Officer:
        """Gives the officer whom a token names.

        Args:
            token: as it was sent
            presenter: the system that sent it
            now: seconds since 1970
            spend: is called before a token is looked into that was not verified before, which costs the most; may raise

        Raises:
            Unauthenticated: it is not accepted; ``metadata["token"]`` is a ``Fault``.
            Unavailable: the keys of its issuer are not known now.
        """
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise refused(Fault.MALFORMED)
        place = (hashlib.sha256(token.encode()).digest(), presenter)
        known = self._verified.get(place)
        if known is None or known.keys is not known.source.keys():
            spend()
            known = self._verified[place] = self._verify(token, presenter, now)
            if len(self._verified) > REMEMBERED:
                self._verified.popitem(last=False)
        if known.officer.until <= now:
            raise refused(Fault.EXPIRED)
        return known.officer

    def _verify(self, token: str, presenter: Presenter, now: float) -> _Verified:
        header, claims = self._unverified(token)
        issuer = self._issuers.get(claims.get("iss", "")) if isinstance(claims.get("iss"), str) else None
        if issuer is None:
            raise refused(Fault.ISSUER)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in issuer.rules.algorithms:
            raise refused(Fault.ALGORITHM)
        keys = issuer.source.keys()
        key = keys.find(kid, str(algorithm))
        if key is None:
            issuer.source.miss()
            raise refused(Fault.KEY)
        try:
            self._signatures.decode_complete(token, key, [key.algorithm_name])
        except (PyJWTError, PyJWKError) as error:
            raise refused(Fault.SIGNATURE) from error
        return _Verified(read_claims(claims, issuer.rules, self._rules, presenter, now), keys, issuer.source)

    def _unverified(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a token says of itself: enough to find the key that proves or refutes it."""
        try:
            parts = self._signatures.decode_complete(token, options={"verify_signature": False})
            header, claims = parts["header"], json.loads(parts["payload"])
        except (PyJWTError, ValueError, RecursionError) as error:
            raise refused(Fault.MALFORMED) from error
        if not isinstance(claims, dict) or str(header.get("typ", "")).lower() not in TYPES:
            raise refused(Fault.MALFORMED)
        return header, claims
