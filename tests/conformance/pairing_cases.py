"""Pairing documents: the file's exact bytes are what two operators read each other the fingerprint of."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from gateway.identity.certificates.x509 import load_certificate, to_der, to_pem
from tests.conformance.cases import Subject, encoded
from tests.conformance.materials import pairing
from tests.conformance.parties import HONG_KONG, KOREA, NAMELESS, SINGAPORE, STRANGER

GOOD = pairing().encode()
VALUES = json.loads(GOOD)


def written(values: Mapping[str, Any]) -> bytes:
    return f"{json.dumps(values, indent=2, ensure_ascii=False)}\n".encode()


def changed(**changes: Any) -> bytes:
    """The file with some values changed; None leaves one out."""
    return written({key: value for key, value in {**VALUES, **changes}.items() if value is not None})


def pairings() -> Subject:
    subject = Subject(
        "pairing",
        "Read a pairing document; its sealing certificates must come from the root in it. The fingerprint is SHA-256 "
        "over the bytes of the file.",
    )
    two = changed(more_node_authorities=[to_pem(STRANGER.root).decode()])
    for name, differs, data, domain in (
        ("good", "of Hong Kong", GOOD, HONG_KONG.domain),
        ("korea", "of Korea", pairing(KOREA).encode(), KOREA.domain),
        ("two-roots", "the node is changing its root, and names a second one", two, HONG_KONG.domain),
        (
            "one-authority",
            "one authority, one address",
            changed(authorities=["SFC"], addresses=["127.0.0.1:1"]),
            HONG_KONG.domain,
        ),
    ):
        subject.accept(name, differs, {"file": encoded(data)}, sha256=sha256(data).hexdigest(), domain=domain)
    for name, differs, reason, data in (*_of_form(), *_of_values(), *_of_certificates()):
        subject.refuse(name, "good", differs, reason, {"file": encoded(data)})
    return subject


def _of_form() -> list[tuple[str, str, str, bytes]]:
    m, bad = "MALFORMED", "BAD_INPUT"
    first = dict(sorted(VALUES.items()))
    twice = GOOD.replace(b'  "jurisdiction": "HK",\n', b'  "jurisdiction": "HK",\n  "jurisdiction": "HK",\n')
    change: Callable[[bytes, bytes], bytes] = GOOD.replace
    return [
        ("no-last-line-break", "the last line break is missing", m, GOOD[:-1]),
        ("trailing-space", "a space follows", m, GOOD + b" "),
        ("trailing-document", "a second document follows", m, GOOD + GOOD),
        ("byte-order-mark", "a byte order mark comes first", m, b"\xef\xbb\xbf" + GOOD),
        ("carriage-returns", "lines end with CR LF", m, change(b"\n", b"\r\n")),
        ("other-indent", "it is indented by four", m, f"{json.dumps(VALUES, indent=4, ensure_ascii=False)}\n".encode()),
        ("escaped-text", "the name is written with escapes", m, f"{json.dumps(VALUES, indent=2)}\n".encode()),
        ("keys-in-other-order", "the keys are sorted", m, written(first)),
        ("key-twice", "a key stands twice", m, twice),
        ("not-utf-8", "the name is not UTF-8", m, change("香港".encode(), b"\xff")),
        ("cut-short", "the file ends in the middle", m, GOOD[: len(GOOD) // 2]),
        ("too-large", "it has more than 65,536 bytes", m, GOOD + b" " * 65_536),
        ("unknown-key", "there is a key that is not known", bad, changed(comment="")),
        ("no-domain", "a key is missing", bad, changed(domain=None)),
        ("a-list", "it is a list", bad, b"[]\n"),
        ("other-schema", "it is of another schema", bad, changed(schema="pairing/2")),
        ("no-second-roots", "the list of further roots is there, and empty", m, changed(more_node_authorities=[])),
    ]


def _of_values() -> list[tuple[str, str, str, bytes]]:
    rows = (
        ("jurisdiction-in-small", "the jurisdiction is in small letters", {"jurisdiction": "hk"}),
        ("jurisdiction-that-is-none", "the jurisdiction is none of ISO 3166", {"jurisdiction": "ZZ"}),
        ("authority-with-space", "an authority's code holds a space", {"authorities": ["S FC"]}),
        ("no-authorities", "there are no authorities", {"authorities": []}),
        ("authority-twice", "an authority stands there twice", {"authorities": ["SFC", "SFC"]}),
        (
            "thirty-three-authorities",
            "there are more than 32 authorities",
            {"authorities": [f"A{number}" for number in range(33)]},
        ),
        ("address-without-port", "an address has no port", {"addresses": ["gateway.hk.example"]}),
        ("port-0", "an address has port 0", {"addresses": ["gateway.hk.example:0"]}),
        ("port-65536", "an address has port 65536", {"addresses": ["gateway.hk.example:65536"]}),
        ("address-of-a-half-ip", "an address is an IPv4 address of three numbers", {"addresses": ["127.0.1:7443"]}),
        ("address-with-scheme", "an address is a URL", {"addresses": ["https://gateway.hk.example:7443"]}),
        ("no-name", "the name is empty", {"display_name": ""}),
        ("name-with-space-at-its-end", "the name ends with a space", {"display_name": "Hong Kong "}),
        ("name-that-turns-around", "the name holds a right-to-left override", {"display_name": "Hong\u202eKong"}),
        ("time-of-another-zone", "the time is that of Hong Kong", {"created_at": "2026-05-08T17:00:00+08:00"}),
        ("time-with-fraction", "the time has a fraction", {"created_at": "2026-05-08T09:00:00.5Z"}),
        ("time-without-zone", "the time has no zone", {"created_at": "2026-05-08T09:00:00"}),
        ("certificate-that-is-none", "the root is no certificate", {"node_authority": "-----BEGIN CERTIFICATE-----\n"}),
        ("root-twice", "the root is a further root too", {"more_node_authorities": [VALUES["node_authority"]]}),
    )
    return [(name, differs, "BAD_INPUT", changed(**changes)) for name, differs, changes in rows]


def _of_certificates() -> list[tuple[str, str, str, bytes]]:
    ed25519, ml_dsa_44 = VALUES["seal_ed25519"], VALUES["seal_ml_dsa_44"]
    korea = json.loads(pairing(KOREA).encode())
    early = datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC)
    rows = (
        (
            "other-root",
            "UNKNOWN_ISSUER",
            "the root is that of another jurisdiction",
            {"node_authority": korea["node_authority"]},
        ),
        (
            "impostors-root",
            "UNKNOWN_ISSUER",
            "the root bears the same name, with another key",
            {"node_authority": to_pem(STRANGER.root).decode()},
        ),
        ("leaf-as-root", "NOT_AN_AUTHORITY", "the root is no authority", {"node_authority": ed25519}),
        (
            "leaf-as-further-root",
            "NOT_AN_AUTHORITY",
            "the further root is no authority",
            {"more_node_authorities": [ed25519]},
        ),
        (
            "seals-swapped",
            "WRONG_KEY_TYPE",
            "the sealing certificates have changed places",
            {"seal_ed25519": ml_dsa_44, "seal_ml_dsa_44": ed25519},
        ),
        (
            "seal-of-another-node",
            "UNKNOWN_ISSUER",
            "a sealing certificate is another node's",
            {"seal_ed25519": korea["seal_ed25519"]},
        ),
        ("other-domain", "UNKNOWN_ISSUER", "the root names another domain", {"domain": "gateway.sg.example"}),
        (
            "root-of-another-domain",
            "UNKNOWN_ISSUER",
            "a root issued the certificates whose subject names another domain",
            {"node_authority": _pem(to_der(SINGAPORE.root)), **_sealed(HONG_KONG.certificates(by=SINGAPORE))},
        ),
        (
            "certificates-of-another-domain",
            "OTHER_IDENTITY",
            "the certificates name another domain",
            _sealed(HONG_KONG.certificates(identity="spiffe://gateway.sg.example/node")),
        ),
        (
            "seals-of-two-roots",
            "UNKNOWN_ISSUER",
            "each sealing certificate comes from another of the two roots: none vouches for both",
            {
                "more_node_authorities": [_pem(to_der(NAMELESS.root))],
                "seal_ed25519": _pem(HONG_KONG.certificates(by=NAMELESS)[0]),
            },
        ),
        (
            "before-its-certificates",
            "NOT_YET_VALID",
            "it was made before the certificates were valid",
            {"created_at": f"{early:%Y-%m-%dT%H:%M:%SZ}"},
        ),
    )
    return [(name, differs, f"UNTRUSTED {cause}", changed(**changes)) for name, cause, differs, changes in rows]


def _sealed(certificates: tuple[bytes, bytes]) -> dict[str, str]:
    return dict(zip(("seal_ed25519", "seal_ml_dsa_44"), map(_pem, certificates), strict=True))


def _pem(certificate: bytes) -> str:
    return to_pem(load_certificate(certificate)).decode()
