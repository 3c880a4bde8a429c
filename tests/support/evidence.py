"""Evidence files that two made-up jurisdictions would give, with everything real but the nodes."""

from collections.abc import Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from regulator.exchange.v1.envelope_pb2 import Envelope, EvidenceMaterial

from gateway.identity.certificates.issuing import Authority
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import to_der
from gateway.identity.names import NodeId
from gateway.identity.seals.signers import FileSeal
from gateway.ledger.checkpoint import Checkpoint, countersign, sign_checkpoint
from gateway.ledger.evidence import Evidence
from gateway.supervision.envelopes.envelopes import released
from tests.ledger import oracle
from tests.ledger.samples import log_of
from tests.supervision import samples
from tests.support.certificates import authority, issued

HK, KR, ORIGIN = "gateway.hk.example", "gateway.kr.example", "gateway.hk.example/to/gateway.kr.example"
FOUNDED = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)
SEALED = datetime(2026, 1, 1, 9, 0, 0, 250_000, tzinfo=UTC)
SIGNED, RECEIVED = (int(SEALED.timestamp()) + late for late in (1, 61))
INDEX = 2


class Side:
    """A jurisdiction: its root, its node's seal, and the seal's certificates."""

    def __init__(self, jurisdiction: str, domain: str) -> None:
        self.domain = domain
        self.authority = authority(AuthorityKind.NODE, jurisdiction, domain, FOUNDED)
        self.root = self.authority.certificate
        self.seal = FileSeal.generate()
        self.certificates = self.issue(self.authority)

    def issue(self, by: Authority, now: datetime = FOUNDED, domain: str = "") -> list[bytes]:
        node = NodeId(domain or self.domain)
        return [to_der(issued(by, "seal", node, now, PublicKey(key)).certificate) for key in self.seal.public_keys]


class PublicKey:
    """A public key where a private one is expected, of which only the public one is asked for."""

    def __init__(self, public) -> None:
        self.public_key = lambda: public


HONG_KONG, KOREA = Side("HK", HK), Side("KR", KR)
ROOTS = [HONG_KONG.root, KOREA.root]


def envelope(**changes) -> Envelope:
    made = released(samples.seal(ORIGIN), "hk-2026-001", samples.content())
    made.sealed_at.FromDatetime(SEALED)
    for name, value in changes.items():
        field = getattr(made, name)
        if isinstance(field, Timestamp):
            field.CopyFrom(value)
        else:
            setattr(made, name, value)
    return made


def material(leaf: bytes, sender: Sequence[bytes] = (), receiver: Sequence[bytes] = ()) -> EvidenceMaterial:
    return EvidenceMaterial(
        envelope=leaf,
        sender_certificates=sender or HONG_KONG.certificates,
        receiver_certificates=receiver or KOREA.certificates,
    )


def evidence(
    leaf: bytes = b"",
    extra: bytes | None = None,
    *,
    receipted: bool = True,
    signed: int = SIGNED,
    received: int = RECEIVED,
    origin: str = ORIGIN,
) -> Evidence:
    """Evidence of the third of five envelopes."""
    leaf = leaf or envelope().SerializeToString()
    leaves = [*(f"leaf {place}".encode() for place in range(INDEX)), leaf, b"leaf 3", b"leaf 4"]
    head = sign_checkpoint(Checkpoint(origin, 5, log_of(leaves).root()), HONG_KONG.seal, signed)
    note = countersign(head, KR, KOREA.seal, received).note if receipted else head.note
    extra = material(leaf).SerializeToString() if extra is None else extra
    return Evidence(extra, INDEX, oracle.path(INDEX, leaves), note)


RECEIPTED, SENT = evidence(), evidence(receipted=False)
FILE = RECEIPTED.encode()
