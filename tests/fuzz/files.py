"""Parsers of files that an operator, a back office or an issuer of tokens wrote."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.backups.manifest import MANIFEST, Manifest
from gateway.home.config import Config
from gateway.identity.access.clients import client_table, read_access
from gateway.identity.access.toml_text import text_of
from gateway.identity.certificates.denied import Denied
from gateway.identity.certificates.revocation import read_crls
from gateway.identity.officers.issuer_keys import IssuerKeys
from gateway.identity.officers.rules import Algorithm
from gateway.identity.pairing.document import PairingDocument
from gateway.supervision.files.frameworks import read_framework, write_framework
from gateway.supervision.files.notices import read_notices
from tests.conformance.parties import HK, ROOTS
from tests.support.notice_files import write_notices

_FOLDER = TemporaryDirectory()
BACKUP = Path(_FOLDER.name)
NOW = datetime(2026, 5, 8, 9, tzinfo=UTC)
AUTHORITIES = ("HKMA", "SFC")


def pairing(data: bytes) -> None:
    document = PairingDocument.parse(data)
    assert document.encode() == data, "its fingerprint is over the bytes of the file"
    assert document.certified_seal.public == document.seal_at(document.created_at)


def config(data: bytes) -> None:
    parsed = Config.parse(text_of(data))
    parsed.four_eyes.approval_rules()
    parsed.limits.quota("spiffe://gateway.hk.example/SFC/desk", parsed.back_office.max_concurrent_calls)


def access(data: bytes) -> None:
    found = read_access(text_of(data), HK, AUTHORITIES)
    again = "".join(client_table(caller) for caller in found._callers.values())
    assert read_access(again, HK, AUTHORITIES)._callers == found._callers


def denied(data: bytes) -> None:
    Denied.parse(text_of(data))


def crl(data: bytes) -> None:
    read_crls([("a.crl", data)], ROOTS, NOW)


def jwks(data: bytes) -> None:
    IssuerKeys.parse(data, tuple(Algorithm))


def manifest(data: bytes) -> None:
    """Of a backup, in a folder where nothing else is."""
    (BACKUP / MANIFEST).write_bytes(data)
    found = Manifest.read(BACKUP)
    assert Manifest.model_validate_json(found.encode()) == found


def framework(data: bytes) -> None:
    found = read_framework(data)
    assert read_framework(write_framework(found)) == found, "what is written is read again"


def notices(data: bytes) -> None:
    found = read_notices(data)
    assert read_notices(write_notices(found)) == found
