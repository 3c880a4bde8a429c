"""The keys of an issuer of tokens: a JWK set (RFC 7517), reduced to what may verify a token here."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from jwt import PyJWK, PyJWTError

from gateway.errors import Malformed
from gateway.identity.officers.rules import Algorithm

MAX_KEYS_BYTES = 256 * 1024
MAX_KEYS = 100

_RSA = tuple(each for each in Algorithm if each[0] in "RP")
_FITTING: Mapping[tuple[str, str], tuple[Algorithm, ...]] = {
    ("RSA", ""): _RSA,
    ("EC", "P-256"): (Algorithm.ES256,),
    ("EC", "P-384"): (Algorithm.ES384,),
    ("EC", "P-521"): (Algorithm.ES512,),
    ("OKP", "Ed25519"): (Algorithm.EDDSA,),
}
_SAME = {"Ed25519": Algorithm.EDDSA}  # RFC 9864's name
_PRIVATE = ("d", "p", "q", "k")


@dataclass(frozen=True, slots=True)
class IssuerKeys:
    """The public keys of one issuer, each bound to the algorithms that it is for; equal if they were read alike.

    Attributes:
        digest: SHA-256 of the set as it was read
        keys: each with its kid
    """

    digest: bytes
    keys: tuple[tuple[str, Algorithm, PyJWK], ...] = field(compare=False)

    @classmethod
    def parse(cls, data: bytes, allowed: Collection[Algorithm]) -> "IssuerKeys":
        """Reads a JWK set; keys that are for something else are left out.

        Raises:
            Malformed: it is none, it holds a secret key, or no key that may verify a token.
        """
        found = [each for jwk in _members(data) for each in _usable(jwk, allowed)]
        if not found:
            raise Malformed("the JWK set holds no key for an algorithm that is allowed")
        return cls(sha256(data).digest(), tuple(found))

    def find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """Finds the key that a token names; a token that names none is taken only if there is one key alone for it."""
        found = [key for known, bound, key in self.keys if bound == algorithm and kid in (known, None)]
        return found[0] if len(found) == 1 else None


def _members(data: bytes) -> Iterator[dict[str, Any]]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Malformed("the JWK set is not JSON") from error
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise Malformed(f"a JWK set is an object with the key 'keys', a list of at most {MAX_KEYS}")
    return (each for each in keys if isinstance(each, dict))


def _usable(jwk: dict[str, Any], allowed: Collection[Algorithm]) -> Iterator[tuple[str, Algorithm, PyJWK]]:
    if any(name in jwk for name in _PRIVATE):
        raise Malformed("the JWK set holds a secret key: whoever can read it can sign tokens")
    kind, curve, kid, meant = (jwk.get(name, "") for name in ("kty", "crv", "kid", "alg"))
    if not all(isinstance(each, str) for each in (kind, curve, kid, meant)) or jwk.get("use", "sig") != "sig":
        return
    for algorithm in _FITTING.get((kind, curve), ()):
        if algorithm in allowed and _SAME.get(meant, meant) in ("", algorithm):
            try:
                yield kid, algorithm, PyJWK(jwk, algorithm)
            except PyJWTError as error:
                raise Malformed(f"the key {kid[:100]!r} of the JWK set is not valid") from error
