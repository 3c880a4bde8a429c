"""Issuers of officers' tokens for tests: real keys, real signatures, and a real https server for their keys."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

ISSUER = "https://sign-in.sfc.example"
AUDIENCE = "gateway.hk.example"
LIFE_SECONDS = 300


@dataclass
class Issuer:
    """Signs tokens with ``keys``: an algorithm and a private key by kid."""

    name: str = ISSUER
    keys: dict[str, tuple[str, Any]] = field(
        default_factory=lambda: {"first": ("ES256", ec.generate_private_key(ec.SECP256R1()))}
    )

    def add(self, kid: str, algorithm: str) -> None:
        self.keys[kid] = (algorithm, new_key(algorithm))

    def jwks(self) -> bytes:
        """The public keys."""
        return json.dumps({"keys": [self.jwk(kid) for kid in self.keys]}).encode()

    def jwk(self, kid: str) -> dict[str, Any]:
        algorithm, key = self.keys[kid]
        return {**public_jwk(algorithm, key), "kid": kid, "alg": algorithm, "use": "sig"}

    def claims(self, subject: str = "officer-7", **changes: Any) -> dict[str, Any]:
        """What a good token says; a change to None leaves a claim out."""
        now = int(time.time())
        claims = {
            "iss": self.name,
            "aud": AUDIENCE,
            "sub": subject,
            "iat": now,
            "exp": now + LIFE_SECONDS,
            "roles": ["author", "reader", "approver"],
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, kid: str = "first", headers: dict[str, Any] | None = None, **claims: Any) -> str:
        algorithm, key = self.keys[kid]
        return jwt.encode(self.claims(**claims), key, algorithm, headers={"kid": kid, **(headers or {})})


def new_key(algorithm: str) -> Any:
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm.startswith("ES"):
        curves = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
        return ec.generate_private_key(curves[algorithm]())
    return rsa.generate_private_key(65537, 2048)


def public_jwk(algorithm: str, key: Any) -> dict[str, Any]:
    return dict(get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True))


@dataclass
class KeyServer:
    """An https server. ``answer`` writes the answer of a request."""

    url: str
    ca: Path
    answer: Callable[[BaseHTTPRequestHandler], None]
    asked: int = 0


def gives(body: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer with a body."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


@contextmanager
def serving(key: Path, certificate: Path, ca: Path, body: bytes = b"") -> Iterator[KeyServer]:
    """Serves over https on a port of its own; requests that come while ``answer`` fails are cut off."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked += 1
            served.answer(self)

        def log_message(self, *_: object) -> None:
            """Writes nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Writes nothing: the other side goes away in the middle of things."""

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    served = KeyServer(f"https://localhost:{server.server_address[1]}/keys", ca, gives(body))
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
