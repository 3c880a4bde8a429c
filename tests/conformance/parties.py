"""The two jurisdictions of the kit: fixed keys, and certificates that are made the same in every run.

Roots are valid for a hundred years and sealing certificates for ninety, so no case depends on the day it is run.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from gateway.identity.certificates.profiles import profiles
from gateway.identity.certificates.x509 import to_der
from gateway.ledger.origins import origin_of
from gateway.ledger.seals import CertifiedSeal
from tests.conformance.signing import KitSeal
from tests.support.certificates import key_usage

HK, KR = "gateway.hk.example", "gateway.kr.example"
HK_TO_KR, KR_TO_HK = origin_of(HK, KR), origin_of(KR, HK)
FOUNDED, ROOT_END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2126, 1, 1, tzinfo=UTC)
ISSUED, SEAL_END = datetime(2026, 1, 2, tzinfo=UTC), datetime(2116, 1, 1, tzinfo=UTC)
TIME = int(datetime(2026, 5, 8, 9, tzinfo=UTC).timestamp())  # of sealing; heads are signed a second later
SIGNED, RECEIVED = TIME + 1, TIME + 61
AFTER_SEALING = datetime.fromtimestamp(TIME + 1, UTC)  # the earliest moment from which certificates are later than that


def tls_key(word: str) -> ec.EllipticCurvePrivateKey:
    """An ECDSA P-256 key whose number is SHA-256 of a word."""
    return ec.derive_private_key(int.from_bytes(sha256(word.encode()).digest()), ec.SECP256R1())


def serial(*words: object) -> int:
    return int.from_bytes(sha256(repr(words).encode()).digest()[:15]) | 1


class Side:
    """A jurisdiction: its node authority, and the seals of its node.

    ``labelled``: its root names the domain, as ``gateway certs`` makes it; ``ends``: when that root does.
    """

    def __init__(
        self, jurisdiction: str, domain: str, word: str = "", *, labelled: bool = True, ends: datetime = ROOT_END
    ) -> None:
        self.jurisdiction, self.domain, self._word = jurisdiction, domain, word or domain
        self._labels, self._ends = domain.split(".") if labelled else [], ends
        self.key = tls_key(f"{self._word} root")
        words = ("seal", "second seal", "third seal")
        self.seal, self.second, self.third = (KitSeal.of(f"{self._word} {word}") for word in words)

    @cached_property
    def root(self) -> x509.Certificate:
        labels = [x509.NameAttribute(NameOID.DOMAIN_COMPONENT, label) for label in reversed(self._labels)]
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, self.jurisdiction),
                *labels,
                x509.NameAttribute(NameOID.COMMON_NAME, f"{self.jurisdiction} node authority"),
            ]
        )
        identifier = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        builder = _builder(name, name, self.key.public_key(), serial(self._word), (FOUNDED, self._ends))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_authority_usage(), critical=True).add_extension(identifier, critical=False)
        return builder.sign(self.key, SHA256(), ecdsa_deterministic=True)

    def certificates(self, seal: KitSeal | None = None, **odd: Any) -> tuple[bytes, bytes]:
        """Both certificates of a seal, in DER; each of ``odd`` changes one thing of them, see ``_issue``.

        ``more``: extensions to add, or to put in the place of others of their type; ``without``: types to leave out.
        """
        ed25519, ml_dsa_44 = (seal or self.seal).public_keys
        return self._issue(ed25519, **odd), self._issue(ml_dsa_44, **odd)

    def certified(self, seal: KitSeal | None = None) -> CertifiedSeal:
        seal = seal or self.seal
        ends = int(ISSUED.timestamp()), int(SEAL_END.timestamp())
        return CertifiedSeal(seal.public, self.certificates(seal), *ends)

    def _issue(
        self,
        key: Any,
        *,
        identity: str = "",
        days: tuple[datetime, datetime] = (ISSUED, SEAL_END),
        usage: x509.ObjectIdentifier | None = None,
        by: "Side | None" = None,
        named: "Side | None" = None,
        more: Sequence[tuple[x509.ExtensionType, bool]] = (),
        without: Collection[type] = (),
    ) -> bytes:
        issuer, identity = by or self, identity or f"spiffe://{self.domain}/node"
        name = (named or issuer).root.subject
        odd = (repr(more), repr(without)) if more or without else (repr(name),) if named else ()
        number = serial(key.public_bytes_raw(), identity, days, usage, issuer._word, *odd)
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)])
        purposes = [usage] if usage else profiles().seal.extended_key_usage
        builder = _builder(x509.Name([]), name, key, number, days)
        usual = (
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (key_usage(digital_signature=True), True),
            (x509.SubjectKeyIdentifier.from_public_key(key), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False),
            (names, True),
            (x509.ExtendedKeyUsage(purposes), False),
        )
        replaced = {type(extension) for extension, _ in more} | {*without}
        for extension, critical in (*(each for each in usual if type(each[0]) not in replaced), *more):
            builder = builder.add_extension(extension, critical)
        return to_der(builder.sign(issuer.key, SHA256(), ecdsa_deterministic=True))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Any, number: int, days: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key, serial_number=number)
        .not_valid_before(days[0])
        .not_valid_after(days[1])
    )


def _authority_usage() -> x509.KeyUsage:
    words = "digital_signature content_commitment key_encipherment data_encipherment key_agreement encipher_only"
    usages = dict.fromkeys([*words.split(), "decipher_only"], False)
    return x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usages)


HONG_KONG, KOREA = Side("HK", HK), Side("KR", KR)
STRANGER = Side("HK", HK, "a stranger")  # who claims to be Hong Kong
SINGAPORE = Side("SG", "gateway.sg.example")
ENDED = Side("HK", HK, "an ended root", ends=datetime.fromtimestamp(SIGNED - 1, UTC))
NAMELESS = Side("HK", HK, "a root without a domain", labelled=False)
KOREAN_NAMELESS = Side("KR", KR, "another root without a domain", labelled=False)
ROOTS = (HONG_KONG.root, KOREA.root)
