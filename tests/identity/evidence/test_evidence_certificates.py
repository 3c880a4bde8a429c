"""Whose certificates prove something in an evidence file, when, and in which form."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

from gateway.errors import Malformed, Untrusted, VerificationError
from gateway.identity.certificates.x509 import to_der, to_pem
from gateway.identity.evidence.evidence import verify_evidence
from gateway.identity.names import NodeId
from gateway.identity.seals.signers import FileSeal
from gateway.ledger.evidence import Evidence
from gateway.ledger.merkle import leaf_hash
from tests.identity.refusing import ALL_STEPS, refused, with_certificates
from tests.support.certificates import OddCertificates, issued
from tests.support.evidence import (
    FOUNDED,
    HK,
    HONG_KONG,
    KOREA,
    RECEIPTED,
    RECEIVED,
    ROOTS,
    SEALED,
    SENT,
    PublicKey,
    Side,
    envelope,
    evidence,
    material,
)


@pytest.mark.parametrize("roots", [[], [KOREA.root], [HONG_KONG.root]])
def test_both_roots_are_needed(roots):
    side = "receiver" if roots == [HONG_KONG.root] else "sender"
    refused(RECEIPTED, Untrusted, f"{side} certificates", roots)


def test_an_impostor_of_the_root_is_refused():
    refused(RECEIPTED, Untrusted, "sender certificates", [Side("HK", HK).root, KOREA.root])


def test_a_certificate_that_is_no_authority_is_no_root():
    leaf = x509.load_der_x509_certificate(HONG_KONG.certificates[0])
    refused(RECEIPTED, Untrusted, "sender certificates", [leaf, *ROOTS])


def test_a_root_does_not_speak_for_the_domain_of_another():
    """What Hong Kong could make alone: a receipt of Korea under its own root."""
    forged = with_certificates(receiver=KOREA.issue(HONG_KONG.authority))
    refused(forged, Untrusted, "receiver certificates")


def test_one_root_without_a_domain_does_not_certify_both_sides(monkeypatch):
    """A root from elsewhere that names no domain."""
    monkeypatch.setattr("gateway.identity.seals.sealers.may_speak_for", lambda root, domain: True)
    forged = with_certificates(receiver=KOREA.issue(HONG_KONG.authority))
    assert "alone" in refused(forged, Untrusted, "receiver certificates").message


def test_sealing_certificates_name_the_domain_of_the_origin():
    refused(with_certificates(HONG_KONG.issue(HONG_KONG.authority, domain="hk.example")), Untrusted, ALL_STEPS[2])


@pytest.mark.parametrize("certificates", [HONG_KONG.certificates[:1], HONG_KONG.certificates * 2])
def test_there_are_two_certificates_a_side(certificates):
    refused(with_certificates(sender=certificates), Malformed, "sender certificates")
    refused(with_certificates(receiver=certificates), Malformed, "receiver certificates")


def test_the_order_of_the_certificates_counts():
    refused(with_certificates(HONG_KONG.certificates[::-1]), Untrusted, "sender certificates")


def test_a_tls_certificate_does_not_seal():
    node = to_der(issued(HONG_KONG.authority, "node", NodeId(HK), FOUNDED).certificate)
    refused(with_certificates([node, HONG_KONG.certificates[1]]), Untrusted, "sender certificates")


def issued_at(side: Side, now: datetime) -> list[bytes]:
    return side.issue(side.authority, now)


def under_a_later_seal(signed: datetime, sealed: datetime = SEALED) -> Evidence:
    """Evidence whose receipt lies beyond a rotation: the certificates are valid from a minute after the sealing on."""
    seconds, renewed = int(signed.timestamp()), issued_at(HONG_KONG, SEALED + timedelta(minutes=6))
    made = envelope()
    made.sealed_at.FromDatetime(sealed)
    leaf = made.SerializeToString()
    extra = material(leaf, sender=renewed).SerializeToString()
    return evidence(leaf, extra, signed=seconds, received=seconds + 60)


def test_an_envelope_may_be_older_than_the_seal_that_signed_the_log_with_it():
    proven = verify_evidence(under_a_later_seal(SEALED + timedelta(minutes=2)).encode(), ROOTS)
    assert proven.sealed_at == SEALED
    assert proven.received_at is not None


def test_a_seal_does_not_sign_before_its_certificates_are_valid():
    early = under_a_later_seal(SEALED + timedelta(seconds=1))
    assert refused(early, Untrusted, ALL_STEPS[3]).metadata["reason"] == "NOT_YET_VALID"


def test_an_envelope_is_not_sealed_after_the_certificates_of_its_log_have_ended():
    late = under_a_later_seal(SEALED + timedelta(minutes=2), sealed=FOUNDED + timedelta(days=1828))
    assert refused(late, Untrusted, ALL_STEPS[3]).metadata["reason"] == "EXPIRED"


def test_the_senders_certificates_were_valid_when_the_log_was_signed():
    late = int((FOUNDED + timedelta(days=1827)).timestamp())
    assert refused(evidence(signed=late), Untrusted, ALL_STEPS[3]).metadata["reason"] == "EXPIRED"


def test_so_they_were_where_no_envelope_is_left_to_tell_its_time():
    late, told = int((FOUNDED + timedelta(days=1827)).timestamp()), material(b"")
    told.leaf_hash = leaf_hash(envelope().SerializeToString())
    gone = replace(evidence(signed=late, received=late), extra=told.SerializeToString())
    assert refused(gone, Untrusted, ALL_STEPS[3]).metadata["reason"] == "EXPIRED"


def test_the_receivers_certificates_were_valid_when_it_cosigned():
    renewed = issued_at(KOREA, datetime.fromtimestamp(RECEIVED, UTC) + timedelta(minutes=6))
    assert refused(with_certificates(receiver=renewed), Untrusted, ALL_STEPS[6]).metadata["reason"] == "NOT_YET_VALID"


def test_a_receiver_that_has_not_cosigned_may_have_new_certificates():
    renewed = issued_at(KOREA, FOUNDED + timedelta(days=30))
    extra = material(envelope().SerializeToString(), receiver=renewed).SerializeToString()
    assert verify_evidence(replace(SENT, extra=extra).encode(), ROOTS).received_at is None


# --- their one form -------------------------------------------------------------------------------------------------


def _split(der: bytes) -> tuple[bytes, x509.Certificate]:
    certificate = x509.load_der_x509_certificate(der)
    return certificate.tbs_certificate_bytes, certificate


def unused_bits(der: bytes) -> bytes:
    """The BIT STRING of the signature says that its last bit is unused."""
    _, certificate = _split(der)
    start = len(der) - len(certificate.signature) - 1
    assert der[start] == 0
    return der[:start] + b"\1" + der[start + 1 :]


def long_length(der: bytes) -> bytes:
    """The outermost length has a byte more than it needs."""
    assert der[:2] == b"\x30\x82"
    return b"\x30\x83\0" + der[2:]


def padded_number(der: bytes) -> bytes:
    """A number of the signature begins with a zero too many."""
    tbs, certificate = _split(der)
    signature = certificate.signature
    padded = bytes([0x30, signature[1] + 1, 2, signature[3] + 1, 0]) + signature[4:]
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    body = tbs + algorithm + bytes([3, len(padded) + 1, 0]) + padded
    return b"\x30\x82" + len(body).to_bytes(2) + body


def trailing(der: bytes) -> bytes:
    return der + b"\0"


def as_pem(der: bytes) -> bytes:
    return to_pem(x509.load_der_x509_certificate(der))


@pytest.mark.parametrize("change", [unused_bits, long_length, padded_number, trailing, as_pem])
@pytest.mark.parametrize("place", [0, 1])
def test_a_certificate_in_another_form_is_refused(change, place):
    certificates = list(HONG_KONG.certificates)
    certificates[place] = change(certificates[place])
    refused(with_certificates(certificates), VerificationError, "sender certificates")


def test_a_certificate_signed_with_another_algorithm_is_refused():
    odd = OddCertificates(HONG_KONG.authority, FOUNDED)
    ed25519, _ = HONG_KONG.certificates
    key = FileSeal.generate()
    made = odd.seal(PublicKey(key.public_keys[1]), f"spiffe://{HK}/node", digest=SHA384())
    refused(with_certificates([ed25519, made.der]), VerificationError, "sender certificates")


def test_the_samples_are_in_their_one_form():
    for der in HONG_KONG.certificates:
        _, certificate = _split(der)
        assert encode_dss_signature(*decode_dss_signature(certificate.signature)) == certificate.signature
