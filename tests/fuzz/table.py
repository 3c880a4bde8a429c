"""Every parser of foreign bytes, in one table: what it is, and the errors that may come out of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import (
    BadInput,
    BadSignature,
    ConfigError,
    GatewayError,
    Malformed,
    Unauthenticated,
    VerificationError,
)
from tests.fuzz import files, messages, signed, streams, tokens

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        take: parses bytes; gives nothing
        refusals: what it raises for bytes that are not right; anything else is a defect
    """

    take: Callable[[bytes], None]
    refusals: tuple[type[GatewayError], ...]

    def __call__(self, data: bytes) -> None:
        try:
            self.take(data)
        except self.refusals:
            return


TARGETS: Mapping[str, Target] = {
    "access": Target(files.access, (ConfigError,)),
    "certificate": Target(signed.certificate, (Malformed,)),
    "checkpoint": Target(signed.checkpoint, (VerificationError,)),
    "config": Target(files.config, (ConfigError,)),
    "consistency": Target(signed.consistency, (VerificationError,)),
    "crl": Target(files.crl, (ConfigError,)),
    "cursor": Target(tokens.cursor, (BadInput,)),
    "denied": Target(files.denied, (ConfigError,)),
    "envelope": Target(messages.envelope, ()),
    "evidence": Target(signed.evidence, (VerificationError,)),
    "fork": Target(signed.fork, (VerificationError,)),
    "framework": Target(files.framework, (BadInput,)),
    "inclusion": Target(signed.inclusion, (VerificationError,)),
    "journal": Target(signed.journal, (VerificationError,)),
    "jwks": Target(files.jwks, (Malformed,)),
    "manifest": Target(files.manifest, (Malformed, VerificationError)),
    "note": Target(signed.note, (Malformed,)),
    "notices": Target(files.notices, (BadInput,)),
    "officer": Target(tokens.officer, (Unauthenticated,)),
    "page": Target(tokens.page, (BadInput,)),
    "pairing": Target(files.pairing, (BadInput, VerificationError)),
    "receipt": Target(signed.receipt, (VerificationError,)),
    "receiver": Target(streams.receiver, ()),
    "remainder": Target(messages.left, (Malformed,)),
    "request": Target(messages.request, (BadInput,)),
    "sealed_page": Target(tokens.sealed_page, (BadInput,)),
    "sender": Target(streams.sender, ()),
    "settlement": Target(signed.settlement, (VerificationError,)),
    "signing_request": Target(signed.signing_request, (BadInput, Malformed, BadSignature)),
}
