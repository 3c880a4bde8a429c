"""The pairing document, schema ``pairing/1``: all that one node must know of another one before they first meet.

Two operators exchange their documents by any means, then read each other's fingerprint aloud. It is over the exact
bytes of the file, so ``sha256sum`` gives the same digits; a file that is not byte for byte what ``encode``
writes is refused.
"""

import json
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import zip_longest
from typing import Annotated, Any, Final, Literal

from cryptography import x509
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from gateway.errors import BadInput, Malformed, Violation
from gateway.identity.certificates.chains import require_authority
from gateway.identity.certificates.x509 import load_certificate, to_der, to_pem
from gateway.identity.names import NodeId, authority_fault, checked, domain_fault, jurisdiction_fault
from gateway.identity.pairing.addresses import address_fault
from gateway.identity.seals.certificates import seal_of, verify_seal_certificates
from gateway.ledger.checkpoint import SealPublic
from gateway.ledger.seals import CertifiedSeal

SCHEMA: Final = "pairing/1"
MAX_DOCUMENT_BYTES = 64 * 1024


def _display_name_fault(text: str) -> str | None:
    if text != text.strip() or not text.isprintable():
        return "must show all of its characters, and not begin or end with a space"
    return None


def _moment_fault(moment: datetime) -> str | None:
    if moment.utcoffset() != timedelta() or moment.microsecond:
        return "must be a moment in UTC, in whole seconds, such as 2026-05-08T09:00:00Z"
    return None


def _distinct(limit: int) -> AfterValidator:
    """Makes a validator of a list. It looks at the list only once each item is right."""

    def fault_of(values: tuple[str, ...]) -> str | None:
        if not 1 <= len(values) <= limit or len(set(values)) < len(values):
            return f"must hold 1 to {limit} values, none of them twice"
        return None

    return checked(fault_of)


def _read_pem(value: Any) -> x509.Certificate:
    if isinstance(value, x509.Certificate):
        return value
    try:
        return load_certificate(str(value).encode())
    except (Malformed, UnicodeEncodeError) as error:
        raise ValueError("must be one certificate in PEM") from error


Pem = Annotated[
    x509.Certificate,
    BeforeValidator(_read_pem),
    PlainSerializer(lambda certificate: to_pem(certificate).decode(), return_type=str),
]


class PairingDocument(BaseModel):
    """One node, as its operator hands it to another one; valid by construction.

    Making one raises ``Untrusted`` if the seal does not verify with the root in it, at ``created_at``; what else is
    wrong with it is pydantic's ``ValidationError``, which ``parse`` turns into ``BadInput``.

    Attributes:
        jurisdiction: ISO 3166-1 alpha-2
        domain: of the node's ID
        display_name: for people
        authorities: codes of the authorities that speak through the node
        addresses: where to dial it, ``host:port``, tried in this order
        node_authority: the root to pin, for TLS and for the seal
        more_node_authorities: further roots to pin, while the node changes from one to another; mostly none, and then
            the file does not name them
        seal_ed25519: certificate of the seal's Ed25519 key
        seal_ml_dsa_44: certificate of the seal's ML-DSA-44 key
        created_at: in UTC, whole seconds
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    schema_name: Literal["pairing/1"] = Field(SCHEMA, alias="schema")
    jurisdiction: Annotated[str, checked(jurisdiction_fault)]
    domain: Annotated[str, checked(domain_fault)]
    display_name: Annotated[str, Field(min_length=1, max_length=100), checked(_display_name_fault)]
    authorities: Annotated[tuple[Annotated[str, checked(authority_fault)], ...], _distinct(32)]
    addresses: Annotated[tuple[Annotated[str, checked(address_fault)], ...], _distinct(8)]
    node_authority: Pem
    seal_ed25519: Pem
    seal_ml_dsa_44: Pem
    created_at: Annotated[AwareDatetime, checked(_moment_fault)]
    more_node_authorities: Annotated[tuple[Pem, ...], Field(max_length=3)] = ()

    @model_validator(mode="after")
    def _seal_verifies(self) -> "PairingDocument":
        self.seal_at(self.created_at)
        for root in self.more_node_authorities:
            require_authority(root)
        if len(set(self.node_authorities)) < len(self.node_authorities):
            raise ValueError("names a node authority twice")
        return self

    @property
    def node_id(self) -> NodeId:
        """The node's SPIFFE ID."""
        return NodeId(self.domain)

    @property
    def node_authorities(self) -> tuple[x509.Certificate, ...]:
        """The roots to pin: that of the seal, and any further ones."""
        return self.node_authority, *self.more_node_authorities

    @property
    def certified_seal(self) -> CertifiedSeal:
        """The node's sealing keys with their certificates."""
        return seal_of((to_der(self.seal_ed25519), to_der(self.seal_ml_dsa_44)))

    def seal_at(self, at: datetime) -> SealPublic:
        """Gives the node's sealing keys for something that was sealed at a moment.

        Raises:
            Untrusted: their certificates, or the root, are not valid then.
        """
        certificates = to_der(self.seal_ed25519), to_der(self.seal_ml_dsa_44)
        return verify_seal_certificates(*certificates, self.node_authorities, self.node_id, at)

    def encode(self) -> bytes:
        """Writes the file: JSON, two spaces, keys in a fixed order, certificates as PEM, in UTF-8."""
        values = self.model_dump(mode="json", by_alias=True)
        if not self.more_node_authorities:
            del values["more_node_authorities"]
        return f"{json.dumps(values, indent=2, ensure_ascii=False)}\n".encode()

    def fingerprint(self) -> str:
        """Gives SHA-256 over the file's bytes, in 16 groups of 4 hexadecimal digits: ``a1b2-c3d4-...``."""
        digits = sha256(self.encode()).hexdigest()
        return "-".join(digits[start : start + 4] for start in range(0, len(digits), 4))

    @classmethod
    def parse(cls, data: bytes) -> "PairingDocument":
        """Reads a file.

        Raises:
            Malformed: it is not JSON, too large, or was changed after ``encode`` wrote it.
            BadInput: naming the fields that break a rule.
            Untrusted: the sealing certificates do not come from the root in it.
        """
        if len(data) > MAX_DOCUMENT_BYTES:
            raise Malformed(f"a pairing document has at most {MAX_DOCUMENT_BYTES} bytes")
        try:
            document = cls.model_validate_json(data)
        except ValidationError as error:
            raise _told(error) from error
        if (form := document.encode()) != data:
            raise Malformed(
                "the pairing document was changed since it was exported, or not written as docs/protocol.md tells: "
                f"line {_first_other_line(data, form)} is not as it would be; ask for the file itself"
            )
        return document


def _first_other_line(data: bytes, form: bytes) -> int:
    """Which line of a document is not as in its one form, by its number."""
    lines = zip_longest(data.split(b"\n"), form.split(b"\n"))
    return next(number for number, (one, other) in enumerate(lines, 1) if one != other)


def _told(error: ValidationError) -> BadInput | Malformed:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    if details[0]["type"] == "json_invalid":
        return Malformed("a pairing document is JSON in UTF-8")
    lacking = sum(each["type"] == "missing" for each in details)
    required = sum(each.is_required() for each in PairingDocument.model_fields.values())
    if lacking == required or details[0]["type"] in {"literal_error", "model_type", "model_attributes_type"}:
        return BadInput.of("schema", f"must be {SCHEMA}: give the file that the peer's gateway pair export wrote")
    return BadInput(Violation(".".join(map(str, each["loc"])) or "document", _words(each)) for each in details)


def _words(detail: ErrorDetails) -> str:
    if detail["type"] == "missing":
        return "is required"
    if detail["type"] == "extra_forbidden":
        return f"is not known in {SCHEMA}"
    return detail["msg"].removeprefix("Value error, ")
