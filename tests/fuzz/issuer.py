"""An issuer of officers' tokens with fixed keys, so that kept tokens verify in every run."""

import json

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

ISSUER, AUDIENCE = "https://sign-in.sfc.example", "gateway.hk.example"
PRESENTER = "spiffe://gateway.hk.example/SFC/desk", "a" * 43  # the system, and the thumbprint of its certificate
NOW = 1_778_230_800.0
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def jwks() -> bytes:
    public = OKPAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    return json.dumps({"keys": [{**public, "kid": "first", "alg": "EdDSA", "use": "sig"}]}).encode()


def token(headers: dict[str, object] | None = None, **claims: object) -> bytes:
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "officer-7", "azp": PRESENTER[0], "roles": ["author"]}
    times = {"iat": NOW, "exp": NOW + 300}
    return jwt.encode({**good, **times, **claims}, KEY, "EdDSA", headers={"kid": "first", **(headers or {})}).encode()
