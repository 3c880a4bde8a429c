"""Evidence under certificates and roots of other forms: what of them a third person looks at, and what not."""

from collections.abc import Iterator
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.identity.certificates.profiles import profiles
from tests.conformance.evidence_goods import LEAVES
from tests.conformance.materials import evidence, head
from tests.conformance.parties import ENDED, HK, HONG_KONG, KOREA, KOREAN_NAMELESS, NAMELESS, STRANGER
from tests.support.certificates import key_usage

SENT = head(LEAVES).note
SENDER, RECEIVER = "sender certificates", "receiver certificates"
NODE = x509.UniformResourceIdentifier(f"spiffe://{HK}/node")
STRANGE = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")  # an extension that nobody knows
ASN1_NULL = b"\x05\x00"


def accepted() -> Iterator[tuple[str, str, bytes, list[str]]]:
    """Each with its name, what it shows, the file, and the roots that are trusted."""
    purposes = [*profiles().seal.extended_key_usage, ExtendedKeyUsageOID.CLIENT_AUTH]
    for name, differs, odd in (
        ("certificates-for-more", "they are for TLS too, beside sealing", _more(x509.ExtendedKeyUsage(purposes))),
        (
            "certificates-with-a-dns-name",
            "a DNS name stands beside the one URI",
            _more(x509.SubjectAlternativeName([NODE, x509.DNSName(HK)])),
        ),
        (
            "certificates-with-an-unknown-extension",
            "an extension that is not known, and not critical, is passed over",
            _more(x509.UnrecognizedExtension(STRANGE, ASN1_NULL)),
        ),
        (
            "certificates-without-usage",
            "neither basic constraints nor key usage say that they are an authority's",
            {"without": (x509.BasicConstraints, x509.KeyUsage)},
        ),
    ):
        yield name, differs, evidence(sender_certificates=HONG_KONG.certificates(**odd)).encode(), ["hk", "kr"]
    yield "roots-in-other-order", "the receiver's root is named first", evidence().encode(), ["kr", "hk"]
    yield (
        "roots-without-domain",
        "the roots name no domain: each may speak for any, and both are there",
        evidence(
            sender_certificates=HONG_KONG.certificates(by=NAMELESS),
            receiver_certificates=KOREA.certificates(by=KOREAN_NAMELESS),
        ).encode(),
        ["hk-nameless", "kr-nameless"],
    )


def refused() -> Iterator[tuple[str, str, str, str, str, bytes, list[str]]]:
    """Each with its name, base, how it differs, reason, step, file and roots."""
    both = ["hk", "kr"]
    for name, differs, cause, odd in (
        ("certificates-that-certify", "they may sign certificates", "CA_CERTIFICATE", _signs("key_cert_sign")),
        ("certificates-that-sign-lists", "they may sign lists of revoked ones", "CA_CERTIFICATE", _signs("crl_sign")),
        (
            "certificates-of-an-authority",
            "basic constraints make them an authority's",
            "CA_CERTIFICATE",
            {"more": [(x509.BasicConstraints(ca=True, path_length=None), True)]},
        ),
        (
            "certificates-with-a-critical-extension",
            "a critical extension is not known",
            "UNKNOWN_EXTENSION",
            {"more": [(x509.UnrecognizedExtension(STRANGE, ASN1_NULL), True)]},
        ),
        (
            "certificates-of-two-names",
            "they have a second URI",
            "AMBIGUOUS_IDENTITY",
            _more(x509.SubjectAlternativeName([NODE, x509.UniformResourceIdentifier(f"spiffe://{HK}/SFC/desk")])),
        ),
        ("certificates-without-name", "they have no URI", "NO_IDENTITY", {"without": (x509.SubjectAlternativeName,)}),
        ("certificates-without-purpose", "they have no purpose", "NO_SEAL_EKU", {"without": (x509.ExtendedKeyUsage,)}),
    ):
        file = evidence(sender_certificates=HONG_KONG.certificates(**odd)).encode()
        yield name, "receipted", differs, f"UNTRUSTED {cause}", SENDER, file, both
    ed25519, ml_dsa_44 = HONG_KONG.certificates()
    yield (
        "certificate-with-a-long-length",
        "receipted",
        "its outer length is written with a byte more than it needs, which no signature covers",
        "MALFORMED",
        SENDER,
        evidence(sender_certificates=(long_length(ed25519), ml_dsa_44)).encode(),
        both,
    )
    mixed = (HONG_KONG.certificates(by=NAMELESS)[0], ml_dsa_44)
    for name, base, differs, cause, step, changes, roots in (
        (
            "certificates-of-two-roots",
            "receipted",
            "each of the sender's certificates comes from another root",
            "UNKNOWN_ISSUER",
            SENDER,
            {"sender_certificates": mixed},
            ["hk", "hk-nameless", "kr"],
        ),
        (
            "root-that-ended",
            "receipted",
            "the sender's root ended a second before it was signed",
            "EXPIRED",
            "sender signatures",
            {"sender_certificates": HONG_KONG.certificates(by=ENDED)},
            ["hk-ended", "kr"],
        ),
        (
            "sent-under-the-peers-root",
            "sent",
            "the receiver's root, which names another domain, issued the sender's certificates",
            "UNKNOWN_ISSUER",
            SENDER,
            {"note": SENT, "sender_certificates": HONG_KONG.certificates(by=KOREA)},
            both,
        ),
        (
            "one-root-for-both",
            "roots-without-domain",
            "one root issued the certificates of both: it could have made all of this alone",
            "UNKNOWN_ISSUER",
            RECEIVER,
            {
                "sender_certificates": HONG_KONG.certificates(by=NAMELESS),
                "receiver_certificates": KOREA.certificates(by=NAMELESS),
            },
            ["hk-nameless", "kr-nameless"],
        ),
        (
            "sent-to-a-strangers-node",
            "sent",
            "a stranger issued the receiver's certificates, which are there all the same",
            "UNKNOWN_ISSUER",
            RECEIVER,
            {"note": SENT, "receiver_certificates": KOREA.certificates(by=STRANGER)},
            both,
        ),
        (
            "sent-without-root-of-the-receiver",
            "sent",
            "the receiver's root is not trusted, and nothing bears its signature",
            "UNKNOWN_ISSUER",
            RECEIVER,
            {"note": SENT},
            ["hk"],
        ),
    ):
        yield name, base, differs, f"UNTRUSTED {cause}", step, evidence(**changes).encode(), roots
    yield (
        "sent-without-certificates-of-the-receiver",
        "sent",
        "the receiver's certificates are not there",
        "MALFORMED",
        RECEIVER,
        evidence(note=SENT, receiver_certificates=()).encode(),
        both,
    )


def _more(extension: x509.ExtensionType) -> dict[str, Any]:
    return {"more": [(extension, False)]}


def _signs(usage: str) -> dict[str, Any]:
    return {"more": [(key_usage(digital_signature=True, **{usage: True}), True)]}


def long_length(certificate: bytes) -> bytes:
    """The same in BER: its length in three bytes instead of two."""
    assert certificate[:2] == b"\x30\x82", "a SEQUENCE of more than 255 bytes"
    return b"\x30\x83\x00" + certificate[2:]
