"""Names of nodes and of back-office systems: SPIFFE IDs (the SPIFFE-ID standard, section 2).

There are two shapes, and no other URI names anybody here::

    spiffe://<domain>/node                     a node
    spiffe://<domain>/<authority>/<system>     a back-office system of an authority

A name is compared character by character. Nothing is folded or decoded: what could be read in two ways is refused.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pycountry
from pydantic import AfterValidator

from gateway.errors import Malformed

SCHEME = "spiffe://"
MAX_ID_BYTES = 2048  # SPIFFE-ID, section 2.3
MAX_DOMAIN_CHARS = 120  # two of them and "/to/" make an origin line of at most 255 bytes
MAX_SEGMENT_CHARS = 64

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)*(?=[0-9-]*[a-z]){_LABEL}")  # the last label is no number: no IPv4 address
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9]{1,15}")  # as the contract has it (envelope.proto, Author)
_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]+")  # SPIFFE-ID, section 2.2; never "." or ".."


def checked(fault_of: Callable[[Any], str | None]) -> AfterValidator:
    """Makes a validator of a check that says what is wrong, as those here do."""

    def check(value: Any) -> Any:
        if fault := fault_of(value):
            raise ValueError(fault)
        return value

    return AfterValidator(check)


def domain_fault(text: str) -> str | None:
    """Says what is wrong with a node's domain, or None.

    A domain is a trust domain, a DNS name in certificates, and a part of key names and origin lines: so it is a DNS
    name in lower case, which all of them allow.
    """
    if len(text) > MAX_DOMAIN_CHARS or not _DOMAIN.fullmatch(text):
        return f"must be a DNS name in lower case such as node.hk.example, of at most {MAX_DOMAIN_CHARS} characters"
    return None


def jurisdiction_fault(text: str) -> str | None:
    """Says what is wrong with a jurisdiction, or None (ISO 3166-1, as ``pycountry`` has it)."""
    if text not in _countries():
        return "must be an ISO 3166-1 alpha-2 code, such as HK"
    return None


def authority_fault(text: str) -> str | None:
    """Says what is wrong with an authority's code (``HKMA``), or None."""
    if not _AUTHORITY.fullmatch(text):
        return "must be a letter, then 1 to 15 letters or digits, such as HKMA"
    return None


def system_fault(text: str) -> str | None:
    """Says what is wrong with the name of a back-office system (``case-desk``), or None."""
    if len(text) > MAX_SEGMENT_CHARS or not _SEGMENT.fullmatch(text):
        return f"must be 1 to {MAX_SEGMENT_CHARS} of A-Z, a-z, 0-9, '.', '_' and '-', such as case-desk"
    return None


@dataclass(frozen=True, slots=True)
class NodeId:
    """The name of a node; valid by construction, or ``Malformed``."""

    domain: str

    def __post_init__(self) -> None:
        _require("domain", domain_fault(self.domain))

    def __str__(self) -> str:
        return f"{SCHEME}{self.domain}/node"

    @classmethod
    def parse(cls, text: str) -> "NodeId":
        """Reads the exact URI.

        Raises:
            Malformed: it is not the ID of a node.
        """
        match _segments(text):
            case [domain, "node"]:
                return cls(domain)
        raise Malformed(f"{text[:80]!a} is not the ID of a node, spiffe://<domain>/node")


@dataclass(frozen=True, slots=True)
class ClientId:
    """The name of a back-office system; valid by construction, or ``Malformed``."""

    domain: str
    authority: str
    system: str

    def __post_init__(self) -> None:
        _require("domain", domain_fault(self.domain))
        _require("authority", authority_fault(self.authority))
        _require("system", system_fault(self.system))

    def __str__(self) -> str:
        return f"{SCHEME}{self.domain}/{self.authority}/{self.system}"

    @classmethod
    def parse(cls, text: str) -> "ClientId":
        """Reads the exact URI.

        Raises:
            Malformed: it is not the ID of a client.
        """
        match _segments(text):
            case [domain, authority, system]:
                return cls(domain, authority, system)
        raise Malformed(f"{text[:80]!a} is not the ID of a client, spiffe://<domain>/<authority>/<system>")


Identity = NodeId | ClientId


def client_fault(text: str) -> str | None:
    """Says what is wrong with the ID of a client, or None."""
    try:
        ClientId.parse(text)
    except Malformed as error:
        return error.message
    return None


def parse_identity(text: str) -> Identity:
    """Reads the ID of a node or of a client: their number of segments tells them apart.

    Raises:
        Malformed: it is neither.
    """
    return NodeId.parse(text) if len(_segments(text)) == 2 else ClientId.parse(text)


def _segments(text: str) -> list[str]:
    if len(text) > MAX_ID_BYTES or not text.startswith(SCHEME):
        raise Malformed(f"a SPIFFE ID begins with {SCHEME} and has at most {MAX_ID_BYTES} bytes")
    return text.removeprefix(SCHEME).split("/")


def _require(part: str, fault: str | None) -> None:
    if fault:
        raise Malformed(f"the {part} of a SPIFFE ID {fault}")


@cache
def _countries() -> frozenset[str]:
    return frozenset(country.alpha_2 for country in pycountry.countries)
