"""Reading X.509 certificates: their form, their dates, their one name, their key.

Everything here looks at one certificate alone; whether somebody trusted issued it is the matter of ``chains``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.errors import Malformed, Untrusted
from gateway.identity.certificates.profiles import KeyKind
from gateway.identity.names import Identity, parse_identity

MAX_CERTIFICATE_BYTES = 64 * 1024
MAX_BUNDLE = 8  # certificates in one file

_DER_START = b"\x30\x82"  # a SEQUENCE of 256 to 65,535 bytes, which no PEM text begins with

UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises for a certificate, a request or a list that it cannot read."""

ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)


class Cause(StrEnum):
    """Why a certificate is not trusted: ``metadata["reason"]`` of ``Untrusted``, stable for programs."""

    EXPIRED = "EXPIRED"
    NOT_YET_VALID = "NOT_YET_VALID"
    UNKNOWN_ISSUER = "UNKNOWN_ISSUER"
    WRONG_SIGNATURE_ALGORITHM = "WRONG_SIGNATURE_ALGORITHM"
    WRONG_KEY_TYPE = "WRONG_KEY_TYPE"
    UNKNOWN_EXTENSION = "UNKNOWN_EXTENSION"
    CA_CERTIFICATE = "CA_CERTIFICATE"
    NOT_AN_AUTHORITY = "NOT_AN_AUTHORITY"
    NO_CLIENT_EKU = "NO_CLIENT_EKU"
    NO_SERVER_EKU = "NO_SERVER_EKU"
    NO_SEAL_EKU = "NO_SEAL_EKU"
    NO_IDENTITY = "NO_IDENTITY"
    AMBIGUOUS_IDENTITY = "AMBIGUOUS_IDENTITY"
    ODD_IDENTITY = "ODD_IDENTITY"
    OTHER_IDENTITY = "OTHER_IDENTITY"
    REVOKED = "REVOKED"
    STALE_CRL = "STALE_CRL"


def untrusted(cause: Cause, message: str) -> Untrusted:
    """Makes the error of one cause."""
    return Untrusted(message, reason=cause.value)


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when something is valid, both moments included (RFC 5280, section 4.1.2.5)."""

    not_before: datetime
    not_after: datetime

    @classmethod
    def of(cls, certificate: x509.Certificate) -> "Window":
        """Gives the dates of a certificate."""
        return cls(certificate.not_valid_before_utc, certificate.not_valid_after_utc)

    def __and__(self, other: "Window") -> "Window":
        return Window(max(self.not_before, other.not_before), min(self.not_after, other.not_after))

    def days_left(self, at: datetime) -> int:
        """Whole days until it ends; negative once it has."""
        return (self.not_after - at).days

    def require(self, at: datetime) -> None:
        """Asks for validity at a moment, which has a time zone.

        Raises:
            Untrusted: EXPIRED or NOT_YET_VALID.
        """
        if at < self.not_before:
            raise untrusted(
                Cause.NOT_YET_VALID, f"the certificate is not valid before {self.not_before:%Y-%m-%d %H:%M} UTC"
            )
        if at > self.not_after:
            raise untrusted(Cause.EXPIRED, f"the certificate expired at {self.not_after:%Y-%m-%d %H:%M} UTC")


def load_certificate(data: bytes) -> x509.Certificate:
    """Reads one certificate, DER or PEM, and all of its parts: none of them fails later.

    Raises:
        Malformed: it is not exactly one certificate that can be read.
    """
    certificates = load_certificates(data)
    if len(certificates) != 1:
        raise Malformed(f"one certificate is expected here, not {len(certificates)}")
    return certificates[0]


def load_certificates(data: bytes) -> Sequence[x509.Certificate]:
    """Reads a bundle: one certificate in DER, or up to ``MAX_BUNDLE`` in PEM.

    Raises:
        Malformed: it is none, or one of them cannot be read.
    """
    if len(data) > MAX_CERTIFICATE_BYTES:
        raise Malformed(f"a certificate has at most {MAX_CERTIFICATE_BYTES} bytes")
    try:
        if data.startswith(_DER_START):
            certificates = [x509.load_der_x509_certificate(data)]
        else:
            certificates = x509.load_pem_x509_certificates(data)
        for certificate in certificates:
            _ = certificate.extensions, certificate.public_key(), Window.of(certificate)
    except UNREADABLE as error:
        raise Malformed("this is not an X.509 certificate, in DER or PEM") from error
    if not 0 < len(certificates) <= MAX_BUNDLE:
        raise Malformed(f"1 to {MAX_BUNDLE} certificates are expected here, not {len(certificates)}")
    if any(certificate.serial_number <= 0 for certificate in certificates):  # RFC 5280, section 4.1.2.2
        raise Malformed("the certificate's serial number is not positive")
    return certificates


def to_der(certificate: x509.Certificate) -> bytes:
    """Gives a certificate as DER."""
    return certificate.public_bytes(Encoding.DER)


def to_pem(certificate: x509.Certificate) -> bytes:
    """Gives a certificate as PEM (RFC 7468)."""
    return certificate.public_bytes(Encoding.PEM)


def extension_of(certificate: x509.Certificate, kind: type[ExtensionT]) -> ExtensionT | None:
    """Gives one extension's value, or None if the certificate lacks it."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def certificate_identity(certificate: x509.Certificate) -> Identity:
    """Gives the one name that a certificate is for: its only URI SAN (X.509-SVID, section 2), never its subject.

    Raises:
        Untrusted: NO_IDENTITY, AMBIGUOUS_IDENTITY (several) or ODD_IDENTITY (no name of ours).
    """
    names = extension_of(certificate, x509.SubjectAlternativeName)
    uris = names.get_values_for_type(x509.UniformResourceIdentifier) if names else []
    if not uris:
        raise untrusted(Cause.NO_IDENTITY, "the certificate has no URI SAN, and so no identity")
    if len(uris) > 1:
        raise untrusted(Cause.AMBIGUOUS_IDENTITY, f"the certificate has {len(uris)} URI SANs instead of one")
    try:
        return parse_identity(uris[0])
    except Malformed as error:
        raise untrusted(Cause.ODD_IDENTITY, f"the certificate's URI SAN names nobody here: {error.message}") from error


def fingerprint(certificate: x509.Certificate) -> str:
    """Gives SHA-256 over a certificate's DER, in hexadecimal digits."""
    return certificate.fingerprint(SHA256()).hex()


def subject_of(certificate: x509.Certificate) -> str:
    """Whose a certificate is: a SPIFFE ID; of an authority, which has none, its name."""
    try:
        return str(certificate_identity(certificate))
    except Untrusted:
        return certificate.subject.rfc4514_string()


def key_kind(public_key: object) -> KeyKind | None:
    """Says which of our types a public key has; None for any other."""
    match public_key:
        case ec.EllipticCurvePublicKey(curve=ec.SECP256R1()):
            return KeyKind.ECDSA_P256
        case Ed25519PublicKey():
            return KeyKind.ED25519
        case MLDSA44PublicKey():
            return KeyKind.ML_DSA_44
    return None
