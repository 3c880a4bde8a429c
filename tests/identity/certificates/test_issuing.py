from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store

from gateway.errors import BadInput, BadSignature, ConfigError, Malformed, Untrusted
from gateway.identity.certificates.issuing import Authority, generate_tls_key
from gateway.identity.certificates.profiles import AuthorityKind, profiles
from gateway.identity.certificates.tls_trust import Purpose, TlsTrust
from gateway.identity.certificates.x509 import certificate_identity, extension_of
from gateway.identity.names import ClientId, NodeId
from tests.support.certificates import CLIENT_AUTH, DAY, NOW, SEALING, SERVER_AUTH, authority, issued

NODE = NodeId("hk.test")
CLIENT = ClientId("hk.test", "SFC", "desk")


def uris_and_names(certificate):
    names = extension_of(certificate, x509.SubjectAlternativeName)
    return (
        names.get_values_for_type(x509.UniformResourceIdentifier),
        names.get_values_for_type(x509.DNSName),
        len(names),
    )


def critical(certificate):
    return {extension.oid._name for extension in certificate.extensions if extension.critical}


def request(key=None, *, uris=(), ca=False):
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "spiffe://hk.test/node")])
    )
    if uris:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
        builder = builder.add_extension(names, critical=False)
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([SERVER_AUTH]), critical=False)
    key = key or generate_tls_key()
    digest = None if isinstance(key, Ed25519PrivateKey) else SHA256()
    return builder.sign(key, digest).public_bytes(Encoding.PEM)


def for_request(issuer, pem):
    return issuer.issue_for_csr(pem, profiles().client, CLIENT, NOW)


def test_an_authority_is_a_ca_that_signs_itself_for_ten_years(node_authority):
    certificate = node_authority.certificate
    certificate.verify_directly_issued_by(certificate)
    assert certificate.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == 3652 * DAY
    assert extension_of(certificate, x509.BasicConstraints) == x509.BasicConstraints(ca=True, path_length=0)
    assert extension_of(certificate, x509.SubjectAlternativeName) is None
    assert critical(certificate) == {"basicConstraints", "keyUsage"}
    assert certificate.subject.rfc4514_string() == "CN=HK node authority,DC=hk,DC=test,C=HK"


def test_an_authority_is_made_for_a_domain_of_any_length():
    longest = ".".join(["a" * 29] * 4) + "b"
    assert authority(AuthorityKind.NODE, domain=longest).certificate.subject


@pytest.mark.parametrize(
    ("field", "jurisdiction", "domain"), [("jurisdiction", "XX", "hk.test"), ("domain", "HK", "HK")]
)
def test_an_authority_of_nowhere_is_not_made(field, jurisdiction, domain):
    with pytest.raises(BadInput, match=field):
        Authority.create(AuthorityKind.NODE, jurisdiction, domain, NOW)


def test_a_node_certificate_is_as_the_policy_says(node_authority):
    certificate = issued(node_authority, "node", NODE).certificate
    assert uris_and_names(certificate) == (["spiffe://hk.test/node"], ["hk.test"], 2)
    assert set(extension_of(certificate, x509.ExtendedKeyUsage)) == {SERVER_AUTH, CLIENT_AUTH}
    assert certificate.not_valid_after_utc == NOW - timedelta(minutes=5) + 397 * DAY
    assert isinstance(certificate.public_key().curve, ec.SECP256R1)


def test_a_client_certificate_is_as_the_policy_says(client_authority):
    certificate = issued(client_authority, "client", CLIENT).certificate
    assert uris_and_names(certificate) == (["spiffe://hk.test/SFC/desk"], [], 1)
    assert list(extension_of(certificate, x509.ExtendedKeyUsage)) == [CLIENT_AUTH]
    assert certificate.not_valid_after_utc == NOW - timedelta(minutes=5) + 397 * DAY


def test_sealing_certificates_are_as_the_policy_says(node_authority, seal):
    for key in seal.public_keys:
        certificate = node_authority.issue(profiles().seal, key, NODE, NOW)
        assert uris_and_names(certificate) == (["spiffe://hk.test/node"], [], 1)
        assert list(extension_of(certificate, x509.ExtendedKeyUsage)) == [SEALING]
        assert certificate.public_key() == key
        assert certificate.not_valid_after_utc == NOW - timedelta(minutes=5) + 1826 * DAY


@pytest.mark.parametrize(("profile", "identity"), [("node", NODE), ("client", CLIENT)])
def test_what_all_leaves_have_in_common(profile, identity, node_authority, client_authority):
    issuer = node_authority if profile == "node" else client_authority
    certificate = issued(issuer, profile, identity).certificate
    usage = extension_of(certificate, x509.KeyUsage)
    assert usage.digital_signature
    assert not usage.key_cert_sign
    assert not extension_of(certificate, x509.BasicConstraints).ca
    assert critical(certificate) == {"basicConstraints", "keyUsage", "subjectAltName"}
    assert not list(certificate.subject)
    assert extension_of(certificate, x509.AuthorityKeyIdentifier).key_identifier == (
        extension_of(issuer.certificate, x509.SubjectKeyIdentifier).digest
    )
    assert extension_of(certificate, x509.SubjectKeyIdentifier) == (
        x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    )


def test_serial_numbers_are_random_and_of_128_bits(client_authority):
    serials = {issued(client_authority, "client", CLIENT).certificate.serial_number for _ in range(20)}
    assert len(serials) == 20
    assert 120 < max(serials).bit_length() <= 128


def test_a_certificate_does_not_outlive_its_authority(client_authority):
    late = client_authority.certificate.not_valid_after_utc - 10 * DAY
    certificate = issued(client_authority, "client", CLIENT, late).certificate
    assert certificate.not_valid_after_utc == client_authority.certificate.not_valid_after_utc


def test_an_expired_authority_issues_nothing(client_authority):
    with pytest.raises(Untrusted, match="expired"):
        issued(client_authority, "client", CLIENT, NOW + 3653 * DAY)


@pytest.mark.parametrize(("profile", "identity"), [("node", NODE), ("client", CLIENT), ("authority", NODE)])
def test_each_authority_issues_only_its_own_kinds(profile, identity, node_authority, client_authority):
    other = client_authority if profile == "node" else node_authority
    with pytest.raises(ConfigError, match="does not issue this"):
        issued(other, profile, identity)


def test_a_client_certificate_never_names_a_node(client_authority, node_authority):
    with pytest.raises(BadInput, match="ID of a client"):
        issued(client_authority, "client", NODE)
    with pytest.raises(BadInput, match="ID of a node"):
        issued(node_authority, "node", CLIENT)


@pytest.mark.parametrize(
    "key",
    [
        Ed25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ],
    ids=["ed25519", "p384", "rsa"],
)
def test_a_key_of_another_type_is_not_certified(key, client_authority):
    with pytest.raises(BadInput, match="ecdsa-p256"):
        issued(client_authority, "client", CLIENT, key=key)
    with pytest.raises(BadInput, match="csr: must bring a key of the type ecdsa-p256"):
        for_request(client_authority, request(key))


def test_the_key_of_another_authority_does_not_fit(node_authority, client_authority):
    with pytest.raises(ConfigError, match="not that of its certificate"):
        Authority(AuthorityKind.NODE, client_authority.key, node_authority.certificate)


def test_a_request_brings_its_key_and_nothing_else(client_authority):
    key = generate_tls_key()
    certificate = for_request(client_authority, request(key, uris=[str(CLIENT)], ca=True))
    assert certificate.public_key() == key.public_key()
    assert certificate_identity(certificate) == CLIENT
    assert not extension_of(certificate, x509.BasicConstraints).ca
    assert list(extension_of(certificate, x509.ExtendedKeyUsage)) == [CLIENT_AUTH]
    assert not list(certificate.subject)


def test_a_certificate_for_a_request_is_trusted(client_authority):
    certificate = for_request(client_authority, request())
    trust = TlsTrust([client_authority.certificate], Purpose.CLIENT)
    assert trust.verify(certificate.public_bytes(Encoding.DER), NOW) == str(CLIENT)


def test_a_request_for_the_name_of_another_is_refused(client_authority):
    with pytest.raises(BadInput, match=r"spiffe://hk\.test/HKMA/desk"):
        for_request(client_authority, request(uris=[str(CLIENT), "spiffe://hk.test/HKMA/desk"]))


def test_a_request_that_its_key_did_not_sign_is_refused(client_authority):
    der = bytearray(x509.load_pem_x509_csr(request()).public_bytes(Encoding.DER))
    name = der.index(b"spiffe://hk.test/node")
    der[name : name + 6] = b"SPIFFE"
    pem = x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM)
    with pytest.raises(BadSignature):
        for_request(client_authority, pem)


@pytest.mark.parametrize("cut", range(0, 300, 17))
def test_a_request_that_lost_bytes_is_malformed(cut, client_authority):
    pem = request()
    with pytest.raises((Malformed, BadSignature)):
        for_request(client_authority, pem[: 40 + cut] + pem[44 + cut :])


@pytest.mark.parametrize("pem", [b"", b"hello", b"\xff" * 100, b"-" * 70_000], ids=["empty", "text", "binary", "large"])
def test_what_is_no_request_is_malformed(pem, client_authority):
    with pytest.raises(Malformed):
        for_request(client_authority, pem)


@pytest.mark.parametrize(("profile", "identity"), [("node", NODE), ("client", CLIENT)])
def test_another_verifier_of_paths_accepts_what_is_issued(profile, identity, node_authority, client_authority):
    issuer = node_authority if profile == "node" else client_authority
    leaf = issued(issuer, profile, identity).certificate
    verifier = PolicyBuilder().store(Store([issuer.certificate])).time(NOW).build_client_verifier()
    verified = verifier.verify(leaf, [])
    assert verified.chain == [leaf, issuer.certificate]
    assert verified.subjects[0].value == str(identity)
