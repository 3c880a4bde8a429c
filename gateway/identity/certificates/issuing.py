"""The two authorities of a jurisdiction, and the certificates that they issue by ``certs/profiles.toml``.

The operator states whom a certificate is for. A request from outside brings a key, and proof that its sender holds
it: every name and extension it asks for is ignored.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.errors import BadInput, ConfigError
from gateway.identity.certificates.profiles import AuthorityKind, Profile, profiles
from gateway.identity.certificates.requests import requested_key
from gateway.identity.certificates.x509 import Window, key_kind
from gateway.identity.names import ClientId, Identity, NodeId, domain_fault, jurisdiction_fault

_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_IDENTITIES = {"node": NodeId, "client": ClientId}


def generate_tls_key() -> ec.EllipticCurvePrivateKey:
    """Makes a key for TLS, or for an authority: ECDSA P-256."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Authority:
    """An authority's key and its self-signed certificate; they fit each other, or ``ConfigError``."""

    kind: AuthorityKind
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def __post_init__(self) -> None:
        if self.key.public_key() != self.certificate.public_key():
            raise ConfigError(f"the key of the {self.kind} authority is not that of its certificate")

    @classmethod
    def create(cls, kind: AuthorityKind, jurisdiction: str, domain: str, now: datetime) -> "Authority":
        """Makes a new authority.

        Args:
            kind: what it will issue
            jurisdiction: ISO 3166-1 alpha-2 (``HK``), for the subject's country
            domain: of the jurisdiction's node, for the subject's domain components (RFC 4519, section 2.4)
            now: with a time zone

        Raises:
            BadInput: the jurisdiction or the domain is none.
        """
        for field, fault in (("jurisdiction", jurisdiction_fault(jurisdiction)), ("domain", domain_fault(domain))):
            if fault:
                raise BadInput.of(field, fault)
        key = generate_tls_key()
        labels = [x509.NameAttribute(NameOID.DOMAIN_COMPONENT, label) for label in reversed(domain.split("."))]
        country = x509.NameAttribute(NameOID.COUNTRY_NAME, jurisdiction)
        name = x509.Name(
            [country, *labels, x509.NameAttribute(NameOID.COMMON_NAME, f"{jurisdiction} {kind} authority")]
        )
        profile = profiles().authority
        builder = _builder(profile, key.public_key(), now).subject_name(name).issuer_name(name)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_key_identifier(key.public_key()), critical=False)
        return cls(kind, key, builder.sign(key, SHA256()))

    def issue(
        self, profile: Profile, public_key: CertificatePublicKeyTypes, identity: Identity, now: datetime
    ) -> x509.Certificate:
        """Issues a certificate for a key that is known to belong to the identity.

        It has no subject: its URI SAN is its only name. It never outlives the authority.

        Raises:
            BadInput: the profile does not allow this key or this identity.
            ConfigError: certificates of this profile come from the other authority.
            Untrusted: the authority itself is not valid now.
        """
        if profile.issuer is not self.kind:
            raise ConfigError(f"the {self.kind} authority does not issue this, the {profile.issuer} authority does")
        if profile.identity is None or not isinstance(identity, _IDENTITIES[profile.identity]):
            raise BadInput.of("identity", f"must be the ID of a {profile.identity}")
        _require_key(profile, public_key, "public_key")
        own = Window.of(self.certificate)
        own.require(now)
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(str(identity))]
        if profile.dns_name:
            names.append(x509.DNSName(identity.domain))
        builder = _builder(profile, public_key, now, own.not_after).subject_name(x509.Name([]))
        builder = builder.issuer_name(self.certificate.subject)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_identifier(self.key.public_key()), critical=False)
        # critical, since the subject is empty (RFC 5280, section 4.2.1.6)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(profile.extended_key_usage), critical=False)
        return builder.sign(self.key, SHA256())

    def issue_for_csr(self, csr_pem: bytes, profile: Profile, identity: Identity, now: datetime) -> x509.Certificate:
        """Issues a certificate for a request (PKCS#10, PEM), for the identity that the operator states.

        Raises:
            Malformed: it is not a certificate signing request.
            BadSignature: its sender did not prove that it holds the key.
            BadInput: its key is not of the profile's type, or it asks for the URI SAN of somebody else.
            ConfigError: certificates of this profile come from the other authority.
            Untrusted: the authority itself is not valid now.
        """
        public_key = requested_key(csr_pem, identity)
        _require_key(profile, public_key, "csr")
        return self.issue(profile, public_key, identity, now)

    def sign_crl(
        self,
        revoked: Mapping[int, datetime],
        number: int,
        now: datetime,
        days: int,
        invalid: Mapping[int, datetime] | None = None,
    ) -> bytes:
        """Signs a list of revoked certificates (CRL, RFC 5280, section 5); gives it as PEM.

        Args:
            revoked: when each was revoked, by its serial number
            number: of the list; greater than that of the one before
            now: with a time zone
            days: after which there is a newer one
            invalid: since when the keys of some of them were in other hands, as far as that was earlier
        """
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now).next_update(now + timedelta(days=days))
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
        builder = builder.add_extension(_key_identifier(self.key.public_key()), critical=False)
        for serial, moment in sorted(revoked.items()):
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment)
            if invalid and serial in invalid:
                entry = entry.add_extension(x509.InvalidityDate(invalid[serial]), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)


def _builder(
    profile: Profile, public_key: CertificatePublicKeyTypes, now: datetime, latest: datetime | None = None
) -> x509.CertificateBuilder:
    """Begins a certificate: what the profiles have in common."""
    not_before = now.replace(microsecond=0) - timedelta(minutes=profiles().backdate_minutes)
    not_after = not_before + timedelta(days=profile.days)
    usage = x509.KeyUsage(**{name: name in profile.key_usage for name in _USAGES})
    return (
        x509.CertificateBuilder()
        .serial_number(1 + secrets.randbelow(2**128 - 1))  # never 0 (RFC 5280, section 4.1.2.2)
        .not_valid_before(not_before)
        .not_valid_after(min(not_after, latest) if latest else not_after)
        .public_key(public_key)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_identifier(issuer_key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key)


def _require_key(profile: Profile, public_key: object, field: str) -> None:
    if key_kind(public_key) not in profile.keys:
        raise BadInput.of(field, f"must bring a key of the type {' or '.join(profile.keys)}")
