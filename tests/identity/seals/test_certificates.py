import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA65PrivateKey

from gateway.errors import Malformed, Untrusted
from gateway.identity.certificates.issuing import generate_tls_key
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import Cause
from gateway.identity.names import NodeId
from gateway.identity.seals.certificates import verify_seal_certificates
from tests.support.certificates import (
    CLIENT_AUTH,
    DAY,
    NOW,
    SERVER_AUTH,
    OddCertificates,
    authority,
    issued,
    self_signed,
)

NODE = NodeId("hk.test")
ED25519, ML_DSA_44 = Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate()


@pytest.fixture(scope="module")
def odd(node_authority) -> OddCertificates:
    return OddCertificates(node_authority)


def verify(root, ed25519, ml_dsa_44, node_id=NODE, at=NOW):
    return verify_seal_certificates(ed25519.der, ml_dsa_44.der, [root.certificate], node_id, at)


def cause(*arguments, **options) -> str:
    with pytest.raises(Untrusted) as refused:
        verify(*arguments, **options)
    return refused.value.metadata["reason"]


def test_certificates_by_the_profile_give_the_raw_keys(node_authority):
    pair = (issued(node_authority, "seal", NODE, key=key) for key in (ED25519, ML_DSA_44))
    public = verify(node_authority, *pair)
    assert public.ed25519 == ED25519.public_key().public_bytes_raw()
    assert public.ml_dsa_44 == ML_DSA_44.public_key().public_bytes_raw()


def test_a_seal_is_checked_at_the_time_of_sealing_not_today(node_authority):
    pair = [issued(node_authority, "seal", NODE, key=key) for key in (ED25519, ML_DSA_44)]
    assert verify(node_authority, *pair, at=NOW + 1825 * DAY)
    assert cause(node_authority, *pair, at=NOW + 1827 * DAY) == Cause.EXPIRED
    assert cause(node_authority, *pair, at=NOW - DAY) == Cause.NOT_YET_VALID


@pytest.mark.parametrize("which", ["ed25519", "ml_dsa_44"])
@pytest.mark.parametrize(
    ("odd_thing", "expected"),
    [
        ({"identity": "spiffe://kr.test/node"}, Cause.OTHER_IDENTITY),
        ({"identity": "spiffe://hk.test/SFC/desk"}, Cause.OTHER_IDENTITY),
        ({"uris": []}, Cause.NO_IDENTITY),
        ({"uris": ["spiffe://hk.test/node", "spiffe://kr.test/node"]}, Cause.AMBIGUOUS_IDENTITY),
        ({"no_eku": True}, Cause.NO_SEAL_EKU),
        ({"ekus": [SERVER_AUTH, CLIENT_AUTH]}, Cause.NO_SEAL_EKU),
        ({"ca": True}, Cause.CA_CERTIFICATE),
        ({"not_after": NOW - DAY, "not_before": NOW - 2 * DAY}, Cause.EXPIRED),
        ({"not_before": NOW + DAY}, Cause.NOT_YET_VALID),
    ],
)
def test_each_of_the_two_certificates_must_be_in_order(which, odd_thing, expected, odd, node_authority):
    pair = {"ed25519": odd.seal(ED25519), "ml_dsa_44": odd.seal(ML_DSA_44)}
    assert verify(node_authority, **pair)
    pair[which] = odd.seal(ED25519 if which == "ed25519" else ML_DSA_44, **odd_thing)
    assert cause(node_authority, **pair) == expected


def test_the_keys_do_not_change_places(odd, node_authority):
    assert cause(node_authority, odd.seal(ML_DSA_44), odd.seal(ED25519)) == Cause.WRONG_KEY_TYPE


@pytest.mark.parametrize("key", [generate_tls_key(), MLDSA65PrivateKey.generate()], ids=["p256", "ml-dsa-65"])
def test_another_key_type_does_not_seal(key, odd, node_authority):
    assert cause(node_authority, odd.seal(ED25519), odd.seal(key)) == Cause.WRONG_KEY_TYPE


def test_an_impostor_authority_certifies_no_seal(odd, node_authority):
    false = OddCertificates(authority(AuthorityKind.NODE))
    assert cause(node_authority, false.seal(ED25519), odd.seal(ML_DSA_44)) == Cause.UNKNOWN_ISSUER
    assert cause(node_authority, odd.seal(ED25519), false.seal(ML_DSA_44)) == Cause.UNKNOWN_ISSUER


def test_a_node_certificate_does_not_seal(odd, node_authority):
    node = issued(node_authority, "node", NODE)
    assert cause(node_authority, node, odd.seal(ML_DSA_44)) == Cause.WRONG_KEY_TYPE


def test_only_an_authority_can_be_the_root(odd):
    pair = odd.seal(ED25519).der, odd.seal(ML_DSA_44).der
    with pytest.raises(Untrusted) as refused:
        verify_seal_certificates(*pair, [self_signed(ca=False)], NODE, NOW)
    assert refused.value.metadata["reason"] == Cause.NOT_AN_AUTHORITY


def test_what_is_no_certificate_is_malformed(odd, node_authority):
    with pytest.raises(Malformed):
        verify_seal_certificates(b"", odd.seal(ML_DSA_44).der, [node_authority.certificate], NODE, NOW)


def test_both_certificates_come_from_one_root(node_authority):
    """Evidence is refused otherwise: so a seal is, too, while two roots are pinned."""
    other = authority(AuthorityKind.NODE)
    classical, post_quantum = (
        issued(node_authority, "seal", NODE, key=ED25519),
        issued(other, "seal", NODE, key=ML_DSA_44),
    )
    roots = [node_authority.certificate, other.certificate]
    with pytest.raises(Untrusted, match="no one root") as refused:
        verify_seal_certificates(classical.der, post_quantum.der, roots, NODE, NOW)
    assert refused.value.metadata["reason"] == Cause.UNKNOWN_ISSUER
    both = (issued(other, "seal", NODE, key=key).der for key in (ED25519, ML_DSA_44))
    assert verify_seal_certificates(*both, roots, NODE, NOW)


@pytest.mark.parametrize("odd_form", ["pem", "trailing byte"])
def test_certificates_are_in_der_and_nothing_else(node_authority, odd_form):
    classical, post_quantum = (issued(node_authority, "seal", NODE, key=key) for key in (ED25519, ML_DSA_44))
    data = classical.pem if odd_form == "pem" else classical.der + b"\0"
    with pytest.raises(Malformed):
        verify_seal_certificates(data, post_quantum.der, [node_authority.certificate], NODE, NOW)
