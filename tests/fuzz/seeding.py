"""Writes the first inputs of each target: `python -m tests.fuzz.seeding` adds what is not there yet."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, Notice

from gateway.identity.certificates.x509 import to_pem
from gateway.ledger.fork_proof import ForkProof, in_order
from gateway.ledger.forks import NO_PREFIX, Prefix
from gateway.ledger.merkle import leaf_hash
from gateway.ledger.settlement import Settlement
from gateway.supervision.destruction import remainder_of
from gateway.supervision.envelopes.envelopes import acknowledged, seal_rotated, withdrawn
from gateway.supervision.envelopes.frameworks import assessed, published
from gateway.supervision.files.frameworks import FrameworkFile, write_framework
from gateway.supervision.files.notices import NoticeFile
from tests.conformance import assistance_cases, journal_cases, materials
from tests.conformance.parties import FOUNDED, HONG_KONG, ROOTS, TIME, tls_key
from tests.fuzz import issuer, streams, tokens
from tests.fuzz.table import CORPUS, TARGETS
from tests.ledger import oracle
from tests.supervision import framework_samples as rules
from tests.supervision import samples
from tests.support.notice_files import write_notices

ROOT = Path(__file__).parents[2]
DATA = ROOT / "gateway/demo/data"

CONFIG = b"""
[node]
jurisdiction = "HK"
domain = "gateway.hk.example"
display_name = "Hong Kong"
authorities = ["HKMA", "SFC"]
[back_office]
listen = "127.0.0.1:7401"
[peer]
listen = "127.0.0.1:7402"
advertise = ["[::1]:7402"]
[limits.clients."spiffe://gateway.hk.example/SFC/desk"]
calls_per_second = 2.5
[officers]
require_person = ["approver", "NoticeService/WithdrawNotice"]
[[officers.issuers]]
issuer = "https://sign-in.sfc.example"
audience = "a"
jwks = "keys.json"
[[four_eyes.rules]]
name = "narrow"
handling = "AMBER_STRICT"
"""
ACCESS = b"""
[[clients]]
id = "spiffe://gateway.hk.example/SFC/desk"
authority = "SFC"
roles = ["author", "reader"]
clearance = "RED"
sectors = ["custody"]
[[clients]]
id = "spiffe://gateway.hk.example/HKMA/desk"
authority = "HKMA"
roles = ["operator"]
"""
MANIFEST = b"""{
  "schema": "backup/1",
  "jurisdiction": "HK",
  "domain": "gateway.hk.example",
  "made_at": "2026-05-08T09:00:00Z",
  "has_keys": false,
  "logs": [{"origin": "gateway.hk.example/to/gateway.kr.example", "size": 0, "root": ""}],
  "files": {}
}
"""
DENIED = b"""# who left
sha256 %s
serial 0a1b
id spiffe://gateway.hk.example/SFC/desk
""" % (b"ab" * 32)


def seeds() -> Iterator[tuple[str, bytes]]:
    """Name of a target, and an input for it."""
    yield from _plain()
    yield from _signed()
    yield from _proofs()
    yield from _streams()
    yield "crl", _crl()
    yield "signing_request", _request()
    for root in ROOTS:
        yield "certificate", to_pem(root)
    for der in HONG_KONG.certificates():
        yield "certificate", der


def _plain() -> Iterator[tuple[str, bytes]]:
    yield "config", CONFIG
    yield "access", ACCESS
    yield "denied", DENIED
    yield "manifest", MANIFEST
    yield "jwks", issuer.jwks()
    for headers, claims in (
        ({}, {}),
        ({"typ": "at+jwt"}, {}),
        ({}, {"roles": "author reader"}),
        ({}, {"exp": TIME - 9}),
    ):
        yield "officer", issuer.token(headers, **claims)
    yield "page", tokens.page_token(7, tokens.PEERS).encode()
    yield "page", tokens.page_token(7, tokens.PEERS, 9).encode()
    yield "sealed_page", tokens.SEALED.page_token(7, tokens.NOTICES).encode()
    yield "sealed_page", tokens.SEALED.page_token(7, tokens.NOTICES, 9).encode()
    yield "cursor", tokens.SEALED.cursor(7).encode()
    yield (
        "request",
        CreateNoticeRequest(
            notice_id="hk-2026-001", notice=Notice(recipient="KR", content=samples.content())
        ).SerializeToString(),
    )


def _signed() -> Iterator[tuple[str, bytes]]:
    leaves, seal = materials.log(5), samples.seal()
    head, receipt = materials.head(leaves).note, materials.receipt(leaves).note
    for target in ("note", "checkpoint", "receipt"):
        yield target, head
        yield target, receipt
    yield "note", b"a text\n\n\xe2\x80\x94 name AAAAAAA=\n"
    yield "evidence", materials.evidence().encode()
    yield from (("fork", each.encode()) for each in _forks())
    settlement = Settlement(receipt, materials.head(materials.log(4, "other")).note)
    yield "settlement", settlement.encode()
    yield "settlement", Settlement(receipt, head).encode()
    yield "pairing", materials.pairing().encode()
    yield "journal", journal_cases.WHOLE
    yield "journal", journal_cases.PART
    yield "envelope", materials.release().SerializeToString()
    for each in (
        acknowledged(seal, "hk-2026-001", samples.content().title, "SFC-2026-9"),
        withdrawn(seal, "hk-2026-001", samples.content().title),
        seal_rotated(seal, HONG_KONG.certificates(), 3),
        published(seal, "hk-stablecoin", 2, 1, rules.version(rules.provision())),
        assessed(seal, "hk-2026", rules.assessment()),
        materials.destroyed(),
        materials.sharing_requested(),
        materials.sharing_decided(),
        materials.content_shared(),
    ):
        yield "envelope", each.SerializeToString()
    yield "remainder", remainder_of(materials.release().SerializeToString())
    for each in (assistance_cases.asked(), *map(assistance_cases.answered, assistance_cases.OUTCOMES)):
        yield "envelope", each.SerializeToString()
        yield "remainder", remainder_of(each.SerializeToString())
        notice = Notice(recipient="KR", content=each.notice_released.content)
        yield "request", CreateNoticeRequest(notice=notice).SerializeToString()
    yield "framework", write_framework(FrameworkFile("hk-stablecoin", rules.version(rules.provision()))).encode()
    yield "notices", write_notices([NoticeFile("hk-2026-001", "HK", "KR", samples.content())]).encode()


def _proofs() -> Iterator[tuple[str, bytes]]:
    leaves = [bytes([place]) for place in range(7)]
    for index in (0, 2, 6):
        path = b"".join(oracle.path(index, leaves))
        yield "inclusion", index.to_bytes(9) + (7).to_bytes(9) + leaf_hash(leaves[index]) + oracle.mth(leaves) + path
    for first in (1, 3, 4, 7):
        roots = oracle.mth(leaves[:first]) + oracle.mth(leaves)
        yield "consistency", first.to_bytes(9) + (7).to_bytes(9) + roots + b"".join(oracle.proof(first, leaves))


def _forks() -> Iterator[ForkProof]:
    """Of one size, of two sizes, and of two that are of one history."""
    leaves, others, seals = materials.log(7), materials.log(7, "other"), (HONG_KONG.certificates(),) * 2
    heads = [materials.head(each).note for each in (leaves[:5], others[:5])]
    yield ForkProof(seals, NO_PREFIX, in_order(*heads))
    prefix = Prefix(oracle.mth(leaves[:5]), oracle.proof(5, leaves))
    for first in heads:
        yield ForkProof(seals, prefix, (first, materials.head(leaves).note))


def _streams() -> Iterator[tuple[str, bytes]]:
    """Every message of the pool after a good greeting, at an end that holds nothing, some or all."""
    for held in (0x00, 0x33, 0x13, 0x66, 0x77):
        hello = streams.frame(1 + (held & 7))
        for number in range(len(streams.requests())):
            yield "receiver", bytes([held]) + hello + streams.frame(number)
        for number in range(len(streams.responses())):
            position = streams.frame(1 + (held >> 4) % 7)
            yield "sender", bytes([held]) + position + streams.frame(number)


def _crl() -> bytes:
    builder = x509.CertificateRevocationListBuilder().issuer_name(HONG_KONG.root.subject)
    builder = builder.last_update(FOUNDED).next_update(FOUNDED + timedelta(days=365))
    builder = builder.add_extension(x509.CRLNumber(1), critical=False)
    revoked = x509.RevokedCertificateBuilder().serial_number(77).revocation_date(datetime(2026, 2, 1, tzinfo=UTC))
    crl = builder.add_revoked_certificate(revoked.build()).sign(HONG_KONG.key, SHA256(), ecdsa_deterministic=True)
    return crl.public_bytes(Encoding.PEM)


def _request() -> bytes:
    name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"spiffe://{HONG_KONG.domain}/node")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(name, critical=True)
    return builder.sign(tls_key("asking"), SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.PEM)


def write(target: str, data: bytes, folder: Path = CORPUS) -> Path:
    """Adds an input under the first digits of its hash."""
    path = folder / target / sha256(data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


if __name__ == "__main__":
    for target, data in seeds():
        assert target in TARGETS, target
        write(target, data)
