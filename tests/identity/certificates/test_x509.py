from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.errors import Malformed, Untrusted
from gateway.identity.certificates.issuing import generate_tls_key
from gateway.identity.certificates.profiles import KeyKind
from gateway.identity.certificates.x509 import (
    Cause,
    Window,
    certificate_identity,
    key_kind,
    load_certificate,
    to_der,
    to_pem,
)
from gateway.identity.names import ClientId, NodeId
from tests.support.certificates import DAY, NOW


def test_a_certificate_is_read_from_der_and_from_pem(odd):
    certificate = odd.client().certificate
    assert load_certificate(to_der(certificate)) == load_certificate(to_pem(certificate)) == certificate


def test_text_around_a_pem_certificate_is_passed_over(odd):
    credential = odd.client()
    assert load_certificate(b"0 a comment\n" + credential.pem) == credential.certificate


def test_two_certificates_are_not_one(odd):
    with pytest.raises(Malformed, match="not 2"):
        load_certificate(odd.client().pem * 2)


def test_bytes_after_a_certificate_are_refused(odd):
    with pytest.raises(Malformed):
        load_certificate(odd.client().der + b"\x00")


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_serial_number_that_is_not_positive_is_refused(odd):
    credential = odd.client()
    serial = credential.certificate.serial_number
    size = (serial.bit_length() + 8) // 8
    der = credential.der.replace(
        serial.to_bytes(size, "big"), (-1 << (8 * size - 2)).to_bytes(size, "big", signed=True)
    )
    with pytest.raises(Malformed, match="serial number"):
        load_certificate(der)


def test_an_endless_certificate_is_refused_unread(odd):
    with pytest.raises(Malformed, match="at most"):
        load_certificate(odd.client().pem + b" " * 70_000)


def test_a_key_where_a_certificate_should_be_is_refused(odd):
    with pytest.raises(Malformed):
        load_certificate(odd.client().key_pem)


def test_the_identity_is_that_of_the_only_uri(odd):
    assert certificate_identity(odd.client().certificate) == ClientId("hk.test", "SFC", "desk")
    assert certificate_identity(odd.node().certificate) == NodeId("hk.test")


def test_key_types_are_told_apart(seal):
    assert key_kind(generate_tls_key().public_key()) is KeyKind.ECDSA_P256
    assert [key_kind(key) for key in seal.public_keys] == [KeyKind.ED25519, KeyKind.ML_DSA_44]
    assert key_kind(ec.generate_private_key(ec.SECP384R1()).public_key()) is None


def test_a_window_includes_both_of_its_ends():
    window = Window(NOW, NOW + DAY)
    window.require(NOW)
    window.require(NOW + DAY)
    for moment, cause in (
        (NOW - timedelta(seconds=1), Cause.NOT_YET_VALID),
        (NOW + DAY + timedelta(seconds=1), Cause.EXPIRED),
    ):
        with pytest.raises(Untrusted) as refused:
            window.require(moment)
        assert refused.value.metadata == {"reason": cause}


def test_a_window_is_a_matter_of_moments_not_of_time_zones():
    seoul = timezone(timedelta(hours=9))
    Window(NOW, NOW).require(NOW.astimezone(seoul))
    with pytest.raises(Untrusted):
        Window(NOW, NOW).require(datetime(NOW.year, NOW.month, NOW.day, NOW.hour, tzinfo=seoul))


def test_two_windows_together_are_what_both_allow():
    both = Window(NOW, NOW + 2 * DAY) & Window(NOW - DAY, NOW + DAY)
    assert both == Window(NOW, NOW + DAY)
    with pytest.raises(Untrusted):
        (Window(NOW, NOW) & Window(NOW + DAY, NOW + DAY)).require(NOW.astimezone(UTC))
