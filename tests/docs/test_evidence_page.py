"""What docs/evidence.md says becomes of evidence over the years, tried with the command line and nothing but files."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from gateway.cli import given_files
from gateway.identity.certificates.x509 import to_pem
from tests.cli.transcripts import Ran, run
from tests.identity.evidence.test_evidence import without_content
from tests.identity.evidence.test_forks import OF_TWO_SIZES
from tests.support.evidence import FILE, FOUNDED, HK, HONG_KONG, KOREA, SENT, SIGNED, Side, evidence
from tests.support.journal import export

YEARS = timedelta(days=4000)  # by then no certificate is valid that is issued here
FILES = {"evidence": FILE, "sent": SENT.encode(), "fork": OF_TWO_SIZES.encode(), "journal": export()}
Verify = Callable[..., Ran]


@pytest.fixture
def verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verify:
    """Verifies a file long after all of it, with roots, and lists of what they revoked."""
    monkeypatch.setattr(given_files, "now", lambda: datetime.now(UTC) + YEARS)

    def verified(file: bytes, *roots: Side, crls: tuple[bytes, ...] = (), group: str = "evidence") -> Ran:
        named = [("--root", to_pem(side.root)) for side in roots] + [("--crl", crl) for crl in crls]
        options = []
        for place, (option, content) in enumerate(named):
            (tmp_path / str(place)).write_bytes(content)
            options += [option, tmp_path / str(place)]
        (tmp_path / "file").write_bytes(file)
        return run(group, "verify", tmp_path / "file", *options)

    return verified


def crl(side: Side, since: int) -> bytes:
    """The list of an authority that revoked the seal of its node at a time."""
    serial = x509.load_der_x509_certificate(side.certificates[0]).serial_number
    return side.authority.sign_crl({serial: datetime.fromtimestamp(since, UTC)}, 1, FOUNDED, 30)


@pytest.mark.parametrize("name", FILES)
def test_certificates_that_ended_take_nothing_from_what_was_signed_before(verify: Verify, name: str):
    ran = verify(FILES[name], HONG_KONG, KOREA, group="audit" if name == "journal" else "evidence")
    assert (ran.code, "PROVEN: " in ran.out) == (0, True), ran.out


def test_outside_of_its_certificates_a_seal_signs_no_evidence(verify: Verify):
    ended = int((FOUNDED + timedelta(days=1900)).timestamp())
    assert verify(evidence(signed=ended, received=ended).encode(), HONG_KONG, KOREA).code == 1


def test_a_root_that_was_replaced_verifies_the_evidence_of_its_time(verify: Verify):
    renewed = Side("HK", HK)
    assert verify(FILE, renewed, KOREA).code == 1
    assert verify(FILE, renewed, HONG_KONG, KOREA).code == 0


@pytest.mark.parametrize("name", FILES)
def test_of_a_revoked_seal_what_it_signed_before_holds_and_no_more(verify: Verify, name: str):
    group, later = "audit" if name == "journal" else "evidence", crl(HONG_KONG, SIGNED + 3600)
    assert verify(FILES[name], HONG_KONG, KOREA, crls=(later, crl(KOREA, SIGNED + 3600)), group=group).code == 0
    ran = verify(FILES[name], HONG_KONG, KOREA, crls=(crl(HONG_KONG, SIGNED),), group=group)
    assert (ran.code, "revoked" in ran.out) == (1, True)


def test_content_that_was_destroyed_leaves_its_hash_and_who_certified_that(verify: Verify):
    ran = verify(without_content().encode(), HONG_KONG, KOREA)
    assert (ran.code, "CONTENT DESTROYED" in ran.out) == (0, True)
    assert "PROVEN: HK" in verify(FILE, HONG_KONG, KOREA).out


def test_without_a_receipt_the_sending_alone_is_proven(verify: Verify):
    assert "The sending alone is proven" in verify(SENT.encode(), HONG_KONG, KOREA).out
