"""The evidence that all wrong evidence is made from."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from gateway.ledger.evidence import Evidence
from tests.conformance.cases import encoded
from tests.conformance.materials import (
    evidence,
    evidence_leaves,
    release,
)

LEAF = release(7).SerializeToString()
LEAVES = evidence_leaves(LEAF)
GOOD = evidence()
FILE = GOOD.encode()
EXTRA = GOOD.extra
HASH = sha256(b"\0" + LEAF).digest()
ROOTS = ["hk", "kr"]
Row = tuple[str, str, str, str, bytes]


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def given(data: bytes, roots: list[str] = ROOTS) -> dict[str, Any]:
    return {"file": encoded(data), "roots": roots}


def with_extra(data: bytes, extra: bytes) -> bytes:
    return Evidence(extra, data_of(data).index, data_of(data).proof, data_of(data).note).encode()


def data_of(data: bytes) -> Evidence:
    return Evidence.parse(data)
