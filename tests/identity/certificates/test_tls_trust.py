from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA384
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed, Untrusted
from gateway.identity.certificates import tls_trust
from gateway.identity.certificates.issuing import Authority
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.tls_trust import Purpose, TlsTrust
from gateway.identity.certificates.x509 import Cause, load_certificate, to_der
from gateway.identity.names import ClientId, NodeId
from tests.support.certificates import (
    CLIENT_AUTH,
    DAY,
    NOW,
    SEALING,
    SERVER_AUTH,
    Credential,
    OddCertificates,
    authority,
    issued,
    self_signed,
)
from tests.support.properties import examples

DESK = "spiffe://hk.test/SFC/desk"


@pytest.fixture(scope="module")
def trust(client_authority) -> TlsTrust:
    return TlsTrust([client_authority.certificate], Purpose.CLIENT)


@pytest.fixture(scope="module")
def one(odd) -> Credential:
    return odd.client()


def cause(trust, credential, now=NOW) -> str:
    with pytest.raises(Untrusted) as refused:
        trust.verify(credential.der, now)
    return refused.value.metadata["reason"]


def test_a_certificate_by_the_profile_speaks_for_its_uri(trust, client_authority):
    credential = issued(client_authority, "client", ClientId("hk.test", "SFC", "desk"))
    assert trust.verify(credential.der, NOW) == DESK
    assert trust.verify(credential.pem, NOW) == DESK


def test_a_node_certificate_serves_both_ends_of_a_link(node_authority):
    credential = issued(node_authority, "node", NodeId("hk.test"))
    for purpose in Purpose:
        assert TlsTrust([node_authority.certificate], purpose).verify(credential.der, NOW) == "spiffe://hk.test/node"


def test_the_factory_of_odd_certificates_makes_a_good_one_if_nothing_is_odd(trust, odd):
    assert trust.verify(odd.client().der, NOW) == DESK


def test_an_expired_certificate_is_refused(trust, odd):
    assert cause(trust, odd.client(not_after=NOW - timedelta(seconds=1))) == Cause.EXPIRED


def test_a_certificate_of_tomorrow_is_refused(trust, odd):
    assert cause(trust, odd.client(not_before=NOW + timedelta(seconds=1))) == Cause.NOT_YET_VALID


def test_both_ends_of_the_dates_are_valid(trust, odd):
    credential = odd.client(not_before=NOW, not_after=NOW + DAY)
    assert trust.verify(credential.der, NOW) == trust.verify(credential.der, NOW + DAY) == DESK


def test_a_certificate_under_an_expired_root_is_refused(trust, client_authority, odd):
    credential = odd.client(not_after=NOW + 9999 * DAY)
    after_root = client_authority.certificate.not_valid_after_utc + DAY
    assert cause(trust, credential, after_root) == Cause.EXPIRED


def test_a_remembered_certificate_still_expires(trust, odd):
    credential = odd.client()
    assert trust.verify(credential.der, NOW) == DESK
    assert cause(trust, credential, NOW + 31 * DAY) == Cause.EXPIRED
    assert cause(trust, credential, NOW - 2 * DAY) == Cause.NOT_YET_VALID
    assert trust.verify(credential.der, NOW) == DESK


def test_an_impostor_root_of_the_same_name_is_a_stranger(trust, client_authority):
    impostor = authority(AuthorityKind.CLIENT)
    assert impostor.certificate.subject == client_authority.certificate.subject
    assert cause(trust, OddCertificates(impostor).client()) == Cause.UNKNOWN_ISSUER


def test_the_other_authority_of_the_jurisdiction_is_a_stranger(trust, node_authority):
    assert cause(trust, OddCertificates(node_authority).client()) == Cause.UNKNOWN_ISSUER


def test_nobody_is_trusted_without_a_root(odd):
    assert cause(TlsTrust([], Purpose.CLIENT), odd.client()) == Cause.UNKNOWN_ISSUER


def test_two_roots_of_one_name_are_told_apart_by_their_keys(client_authority, odd):
    successor = authority(AuthorityKind.CLIENT)
    both = TlsTrust([successor.certificate, client_authority.certificate], Purpose.CLIENT)
    assert both.verify(odd.client().der, NOW) == DESK
    assert both.verify(OddCertificates(successor).client().der, NOW) == DESK


def test_no_intermediate_is_believed(trust, odd):
    intermediate = odd.make(common_name="an intermediate", ca=True, cert_sign=True)
    below = Authority(AuthorityKind.CLIENT, intermediate.key, intermediate.certificate)
    leaf = OddCertificates(below).client()
    assert cause(trust, leaf) == Cause.UNKNOWN_ISSUER
    with pytest.raises(Malformed, match="not 2"):
        trust.verify(leaf.pem + intermediate.pem, NOW)


def test_a_certificate_without_extended_key_usage_is_refused(trust, odd):
    assert cause(trust, odd.client(no_eku=True)) == Cause.NO_CLIENT_EKU


@pytest.mark.parametrize("usage", [SERVER_AUTH, SEALING, x509.ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
def test_a_certificate_for_another_purpose_is_no_clients(usage, trust, odd):
    assert cause(trust, odd.client(ekus=[usage])) == Cause.NO_CLIENT_EKU


def test_a_client_is_no_server(client_authority, odd):
    servers = TlsTrust([client_authority.certificate], Purpose.SERVER)
    assert cause(servers, odd.client(ekus=[CLIENT_AUTH])) == Cause.NO_SERVER_EKU


def test_several_uris_are_nobody(trust, odd):
    assert cause(trust, odd.client(uris=[DESK, "spiffe://hk.test/HKMA/desk"])) == Cause.AMBIGUOUS_IDENTITY
    assert cause(trust, odd.client(uris=[DESK, DESK])) == Cause.AMBIGUOUS_IDENTITY


def test_a_common_name_is_no_name(trust, odd):
    assert cause(trust, odd.client(uris=[], common_name=DESK)) == Cause.NO_IDENTITY


def test_a_dns_name_is_no_name(trust, odd):
    assert cause(trust, odd.client(uris=[], dns=["hk.test"])) == Cause.NO_IDENTITY


def test_the_uri_counts_whatever_the_common_name_says(trust, odd):
    credential = odd.client(common_name="spiffe://hk.test/HKMA/desk")
    assert trust.verify(credential.der, NOW) == DESK


@pytest.mark.parametrize(
    "uri",
    [
        "https://hk.test/SFC/desk",
        "SPIFFE://hk.test/SFC/desk",
        "spiffe://HK.test/SFC/desk",
        "spiffe://hk.test/SFC/desk\x00.other",
        "spiffe://hk.test/SFC/*",
        "spiffe://hk.test/SFC/../HKMA/desk",
        "spiffe://hk.test/SFC/de%73k",
        "",
    ],
)
def test_an_odd_uri_is_nobody(uri, trust, odd):
    assert cause(trust, odd.client(uris=[uri])) == Cause.ODD_IDENTITY


def test_an_authoritys_certificate_is_no_leaf(trust, client_authority, odd):
    assert cause(trust, odd.client(ca=True)) == Cause.CA_CERTIFICATE
    assert cause(trust, odd.client(cert_sign=True)) == Cause.CA_CERTIFICATE
    with pytest.raises(Untrusted, match="never speaks for itself"):
        trust.verify(to_der(client_authority.certificate), NOW)


@pytest.mark.parametrize(
    "key",
    [
        Ed25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ],
    ids=["ed25519", "p384", "rsa"],
)
def test_a_key_of_another_type_is_refused(key, trust, odd):
    assert cause(trust, odd.client(key=key)) == Cause.WRONG_KEY_TYPE


def test_another_signature_algorithm_is_refused(trust, odd):
    assert cause(trust, odd.client(digest=SHA384())) == Cause.WRONG_SIGNATURE_ALGORITHM


def test_a_critical_extension_that_nobody_knows_is_refused(trust, odd):
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    for critical, refused in ((True, True), (False, False)):
        credential = odd.client(extra=[x509.Extension(unknown.oid, critical, unknown)])
        if refused:
            assert cause(trust, credential) == Cause.UNKNOWN_EXTENSION
        else:
            assert trust.verify(credential.der, NOW) == DESK


@examples(100)
@given(place=st.integers(0, 2**16), change=st.integers(1, 255))
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_changed_byte_is_refused_unless_it_says_nothing(trust, one, place, change):
    changed = bytearray(one.der)
    changed[place % len(changed)] ^= change
    try:
        trust.verify(bytes(changed), NOW)
    except (Untrusted, Malformed):
        return
    # the count of unused bits of the signature is outside of what is signed
    assert load_certificate(bytes(changed)).tbs_certificate_bytes == one.certificate.tbs_certificate_bytes


@pytest.mark.parametrize(
    "data", [b"", b"\x30", b"\x30\x82\xff\xff", b"-----BEGIN CERTIFICATE-----\n", b"\x30\x82" + bytes(70_000)]
)
def test_what_is_no_certificate_is_malformed(data, trust):
    with pytest.raises(Malformed):
        trust.verify(data, NOW)


@pytest.mark.parametrize(
    "root",
    [
        self_signed(ca=False),
        self_signed(cert_sign=False),
        self_signed(Ed25519PrivateKey.generate()),
        self_signed(signer=ec.generate_private_key(ec.SECP256R1())),
    ],
    ids=["no-ca", "may-not-sign", "ed25519", "signed-by-another"],
)
def test_only_an_authority_can_be_a_root(root):
    with pytest.raises(Untrusted) as refused:
        TlsTrust([root], Purpose.CLIENT)
    assert refused.value.metadata["reason"] == Cause.NOT_AN_AUTHORITY


def test_a_chain_is_verified_once_for_each_certificate(client_authority, odd, monkeypatch):
    loaded = []
    original = tls_trust.load_certificate
    monkeypatch.setattr(tls_trust, "load_certificate", lambda data: loaded.append(data) or original(data))
    fresh = TlsTrust([client_authority.certificate], Purpose.CLIENT)
    first, second = odd.client(), odd.client()
    for _ in range(3):
        assert fresh.verify(bytes(bytearray(first.der)), NOW) == DESK
        assert fresh.verify(second.der, NOW) == DESK
    assert loaded == [first.der, second.der]


def test_a_refusal_is_not_remembered_as_trust(trust, odd):
    credential = odd.client(no_eku=True)
    assert {cause(trust, credential) for _ in range(2)} == {Cause.NO_CLIENT_EKU}


def test_what_is_remembered_is_bounded(client_authority, odd, monkeypatch):
    monkeypatch.setattr(tls_trust, "REMEMBERED", 2)
    fresh = TlsTrust([client_authority.certificate], Purpose.CLIENT)
    for credential in (odd.client(), odd.client(), odd.client()):
        fresh.verify(credential.der, NOW)
    assert fresh._remembered.cache_info().currsize == 2
