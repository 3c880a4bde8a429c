"""Certificates with something odd about them, really signed: what a test presents to be refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.identity.certificates.issuing import Authority, generate_tls_key
from gateway.identity.certificates.profiles import AuthorityKind, profiles
from gateway.identity.certificates.x509 import to_der, to_pem

CLIENT_AUTH, SERVER_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
SEALING = profiles().seal.extended_key_usage[0]
NOW = datetime(2026, 5, 8, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Credential:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return to_der(self.certificate)

    @property
    def pem(self) -> bytes:
        return to_pem(self.certificate)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def authority(kind: AuthorityKind, jurisdiction: str = "HK", domain: str = "hk.test", now: datetime = NOW) -> Authority:
    """A new authority of its own key; twice the same arguments make two impostors of each other."""
    return Authority.create(kind, jurisdiction, domain, now)


def issued(issuer: Authority, profile: str, identity: Any, now: datetime = NOW, key: Any = None) -> Credential:
    """A certificate exactly as the profile has it."""
    key = key or generate_tls_key()
    return Credential(issuer.issue(getattr(profiles(), profile), key.public_key(), identity, now), key)


class OddCertificates:
    """Makes what the authority's own code never issues: each argument changes one thing of a good certificate."""

    def __init__(self, root: Authority, now: datetime = NOW) -> None:
        self._root, self._now = root, now

    def client(self, identity: str = "spiffe://hk.test/SFC/desk", **odd: Any) -> Credential:
        return self.make(**{"uris": [identity], "ekus": [CLIENT_AUTH]} | odd)

    def node(self, identity: str = "spiffe://hk.test/node", **odd: Any) -> Credential:
        return self.make(**{"uris": [identity], "dns": ["hk.test"], "ekus": [SERVER_AUTH, CLIENT_AUTH]} | odd)

    def seal(self, key: Any, identity: str = "spiffe://hk.test/node", **odd: Any) -> Credential:
        return self.make(**{"key": key, "uris": [identity], "ekus": [SEALING]} | odd)

    def make(
        self,
        *,
        uris: Sequence[str] = (),
        dns: Sequence[str] = (),
        ekus: Sequence[x509.ObjectIdentifier] = (),
        no_eku: bool = False,
        ca: bool = False,
        cert_sign: bool = False,
        key: Any = None,
        common_name: str = "",
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        digest: Any = None,
        extra: Sequence[x509.Extension[Any]] = (),
    ) -> Credential:
        key = key or generate_tls_key()
        subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name(subject))
            .issuer_name(self._root.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(not_before or self._now - DAY)
            .not_valid_after(not_after or self._now + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(key_usage(digital_signature=True, key_cert_sign=cert_sign), critical=True)
        )
        names = [*map(x509.UniformResourceIdentifier._init_without_validation, uris), *map(x509.DNSName, dns)]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not subject)
        if ekus and not no_eku:
            builder = builder.add_extension(x509.ExtendedKeyUsage(ekus), critical=False)
        for extension in extra:
            builder = builder.add_extension(extension.value, extension.critical)
        return Credential(builder.sign(self._root.key, digest or SHA256()), key)


def key_usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def self_signed(key: Any = None, *, ca: bool = True, cert_sign: bool = True, signer: Any = None) -> x509.Certificate:
    """What calls itself an authority."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(key_usage(key_cert_sign=cert_sign), critical=True)
    )
    signer = signer or key
    return builder.sign(signer, SHA256() if isinstance(signer, ec.EllipticCurvePrivateKey) else None)
