"""Which certificates are no longer good: by lists that an authority signs (CRL, RFC 5280), or the operator's own.

The TLS library knows no CRL. So a revoked certificate comes through the handshake, and is refused at the call.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.errors import ConfigError, Malformed
from gateway.identity.certificates.denied import Denied
from gateway.identity.certificates.keyfiles import read_public
from gateway.identity.certificates.x509 import UNREADABLE, Cause, extension_of, untrusted

MAX_CRL_BYTES = 4 * 1024 * 1024

_EVER_SINCE = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Crl:
    """A list that an authority signed, as far as it is of use here.

    Attributes:
        key: the authority's public key, DER, by which it is told from another authority's
        number: of the list, growing (RFC 5280, section 5.2.3)
        next_update: by when there is a newer one
        revoked: since when each certificate is, by its serial number
    """

    key: bytes
    number: int
    next_update: datetime
    revoked: Mapping[int, datetime]


@dataclass(frozen=True, slots=True)
class Revocation:
    """What is known of revoked certificates now.

    Attributes:
        denied: the operator's own list
        crls: by the public key of their authority
        refuse_stale: whether a list past its time refuses all that its authority issued
    """

    denied: Denied = field(default_factory=Denied)
    crls: Mapping[bytes, Crl] = field(default_factory=dict)
    refuse_stale: bool = False

    def require_good(self, certificate: x509.Certificate, identity: str, issuer: x509.Certificate) -> None:
        """Passes if a certificate is not revoked.

        Raises:
            Untrusted: REVOKED.
        """
        if self.revoked_since(certificate, identity, issuer):
            raise untrusted(Cause.REVOKED, "the certificate is revoked")

    def revoked_since(
        self, certificate: x509.Certificate, identity: str, issuer: x509.Certificate | None
    ) -> datetime | None:
        """Since when a certificate is revoked; what this node's operator denies, ever since. None: it is good."""
        if self.denied.refuses(certificate, identity):
            return _EVER_SINCE
        crl = self.crls.get(key_of(issuer)) if issuer else None
        return crl.revoked.get(certificate.serial_number) if crl else None

    def require_fresh(self, issuer_key: bytes, now: datetime) -> None:
        """Passes unless what is known of an authority's certificates is too old, and that is to matter.

        Raises:
            Untrusted: STALE_CRL.
        """
        crl = self.crls.get(issuer_key)
        if self.refuse_stale and crl and now > crl.next_update:
            raise untrusted(Cause.STALE_CRL, "the list of revoked certificates is past its time")


NOTHING_REVOKED = Revocation()


def load_crls(paths: Iterable[Path], roots: Sequence[x509.Certificate], now: datetime) -> dict[bytes, Crl]:
    """Reads files with a list each, as ``read_crls`` does.

    Raises:
        ConfigError: as ``read_crls``; or a file is not there, or too large.
    """
    return read_crls(((path.name, read_public(path, MAX_CRL_BYTES)) for path in paths), roots, now)


def read_crls(files: Iterable[tuple[str, bytes]], roots: Sequence[x509.Certificate], now: datetime) -> dict[bytes, Crl]:
    """Reads lists, each signed by one of the roots; of one authority the newest counts.

    Args:
        files: name and content, DER or PEM
        roots: certificates of authorities
        now: with a time zone

    Raises:
        ConfigError: naming the file, one is not such a list, or is from the future.
    """
    found: dict[bytes, Crl] = {}
    for name, data in files:
        try:
            crl = _read_crl(data, roots, now)
        except Malformed as error:
            raise ConfigError(f"{name}: {error.message}") from error
        known = found.get(crl.key)
        if known is None or crl.number > known.number:
            found[crl.key] = crl
    return found


def key_of(authority: x509.Certificate) -> bytes:
    """An authority is known by its key, never by its name."""
    return authority.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _read_crl(data: bytes, roots: Sequence[x509.Certificate], now: datetime) -> Crl:
    crl = _parse_crl(data)
    issuer = next((root for root in roots if crl.is_signature_valid(root.public_key())), None)  # type: ignore[arg-type]
    if issuer is None:
        raise Malformed("no authority that is trusted here signed this list")
    usage = extension_of(issuer, x509.KeyUsage)
    if usage is None or not usage.crl_sign:
        raise Malformed("its authority may not sign lists of revoked certificates")
    try:
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound as error:
        raise Malformed("the list has no number") from error
    if crl.next_update_utc is None:
        raise Malformed("the list does not say by when there is a newer one")
    if crl.last_update_utc > now:
        raise Malformed("the list is from the future: check the clock")
    return Crl(key_of(issuer), number, crl.next_update_utc, revoked_in(crl))


def revoked_in(crl: x509.CertificateRevocationList) -> dict[int, datetime]:
    """Since when each certificate is no longer good, by its serial number; raises ``Malformed``.

    That is when it was revoked, or, where its key was in other hands before that, since then (RFC 5280, section 5.3.2).
    """
    found: dict[int, datetime] = {}
    try:
        for each in crl:
            since = min(filter(None, (each.revocation_date_utc, invalid_since(each))))
            found[each.serial_number] = min(since, found.get(each.serial_number, since))
    except UNREADABLE as error:
        raise Malformed("an entry of this list cannot be read") from error
    return found


def invalid_since(entry: x509.RevokedCertificate) -> datetime | None:
    """Since when an entry says that its key was in other hands; None: it does not say.

    Raises:
        Malformed: it says something beside that which must be understood (RFC 5280, section 5.3).
    """
    found = None
    for extension in entry.extensions:
        if isinstance(extension.value, x509.InvalidityDate):
            found = extension.value.invalidity_date_utc
        elif extension.critical and not isinstance(extension.value, x509.CRLReason):
            raise Malformed(f"the critical extension {extension.oid.dotted_string} of an entry is unknown here")
    return found


def _parse_crl(data: bytes) -> x509.CertificateRevocationList:
    if len(data) > MAX_CRL_BYTES:
        raise Malformed(f"a list of revoked certificates has at most {MAX_CRL_BYTES} bytes")
    try:
        load = x509.load_pem_x509_crl if data.startswith(b"-----") else x509.load_der_x509_crl
        crl = load(data)
        _ = crl.extensions, crl.next_update_utc, crl.last_update_utc
    except UNREADABLE as error:
        raise Malformed("this is not a list of revoked certificates, in DER or PEM") from error
    for extension in crl.extensions:
        if extension.critical:  # RFC 5280, section 5.2: a delta list or one of a part must not be taken for the whole
            raise Malformed(f"the critical extension {extension.oid.dotted_string} is unknown here")
    return crl
