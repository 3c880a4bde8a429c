"""Evidence that is refused, at which step."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.errors import VerificationError
from gateway.identity.evidence.evidence import verify_evidence
from gateway.ledger.evidence import Evidence
from tests.support.evidence import RECEIPTED, ROOTS, envelope, material

ALL_STEPS = [
    "file",
    "envelope",
    "sender certificates",
    "sender signatures",
    "inclusion",
    "receiver certificates",
    "receiver cosignatures",
]


def refused(data: Evidence | bytes, kind: type[VerificationError], step: str, roots=ROOTS) -> VerificationError:
    with pytest.raises(kind) as caught:
        verify_evidence(data.encode() if isinstance(data, Evidence) else data, roots)
    assert caught.value.metadata["step"] == step
    return caught.value


def with_certificates(sender: Sequence[bytes] = (), receiver: Sequence[bytes] = ()) -> Evidence:
    extra = material(envelope().SerializeToString(), sender, receiver).SerializeToString()
    return replace(RECEIPTED, extra=extra)
