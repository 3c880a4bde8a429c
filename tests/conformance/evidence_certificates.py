"""Evidence whose certificates are others, or are of another time."""

from datetime import timedelta

from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.conformance.evidence_goods import Row, moment
from tests.conformance.materials import (
    evidence,
    release,
)
from tests.conformance.parties import (
    FOUNDED,
    HK,
    HONG_KONG,
    ISSUED,
    KOREA,
    RECEIVED,
    ROOT_END,
    SEAL_END,
    SIGNED,
    SINGAPORE,
    STRANGER,
)
from tests.conformance.spelling import altered


def of_certificates() -> list[Row]:
    sender, receiver = "sender certificates", "receiver certificates"
    ed25519, ml_dsa_44 = HONG_KONG.certificates()
    tls = HONG_KONG.certificates(usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    other_node = HONG_KONG.certificates(identity="spiffe://gateway.sg.example/node")
    a_client = HONG_KONG.certificates(identity=f"spiffe://{HK}/SFC/desk")
    by_stranger = HONG_KONG.certificates(by=STRANGER)
    by_peer = KOREA.certificates(by=HONG_KONG)

    def certified(step: str, *certificates: bytes) -> bytes:
        return evidence(**{f"{step.split(maxsplit=1)[0]}_certificates": certificates}).encode()

    return [
        (
            "certificate-altered",
            "one bit of the sender's certificate is turned",
            "UNTRUSTED UNKNOWN_ISSUER",
            sender,
            certified(sender, altered(ed25519, 20), ml_dsa_44),
        ),
        (
            "certificate-signature-altered",
            "one bit of its signature is turned",
            "UNTRUSTED UNKNOWN_ISSUER",
            sender,
            certified(sender, altered(ed25519, -3), ml_dsa_44),
        ),
        (
            "certificate-with-trailing-byte",
            "a byte follows the certificate",
            "MALFORMED",
            sender,
            certified(sender, ed25519 + b"\0", ml_dsa_44),
        ),
        ("certificate-missing", "the sender has one certificate", "MALFORMED", sender, certified(sender, ed25519)),
        (
            "certificates-swapped",
            "the sender's certificates have changed places",
            "UNTRUSTED WRONG_KEY_TYPE",
            sender,
            certified(sender, ml_dsa_44, ed25519),
        ),
        (
            "certificates-for-tls",
            "the sender's certificates are for TLS",
            "UNTRUSTED NO_SEAL_EKU",
            sender,
            certified(sender, *tls),
        ),
        (
            "certificates-of-another-node",
            "the sender's certificates name another node",
            "UNTRUSTED OTHER_IDENTITY",
            sender,
            certified(sender, *other_node),
        ),
        (
            "certificates-of-a-client",
            "the sender's certificates name a client",
            "UNTRUSTED OTHER_IDENTITY",
            sender,
            certified(sender, *a_client),
        ),
        (
            "certificates-by-a-stranger",
            "a stranger issued the sender's certificates",
            "UNTRUSTED UNKNOWN_ISSUER",
            sender,
            certified(sender, *by_stranger),
        ),
        (
            "certificates-that-name-another-issuer",
            "the sender's root signed them, and they name another jurisdiction's as their issuer",
            "UNTRUSTED UNKNOWN_ISSUER",
            sender,
            certified(sender, *HONG_KONG.certificates(named=SINGAPORE)),
        ),
        (
            "certificates-of-another-seal",
            "the sender's certificates are of keys that did not sign",
            "UNTRUSTED",
            "sender signatures",
            certified(sender, *HONG_KONG.certificates(HONG_KONG.second)),
        ),
        (
            "certificates-of-the-peer",
            "the receiver's certificates are issued by the sender's root",
            "UNTRUSTED UNKNOWN_ISSUER",
            receiver,
            certified(receiver, *by_peer),
        ),
        (
            "receivers-certificate-altered",
            "one bit of the receiver's certificate is turned",
            "UNTRUSTED UNKNOWN_ISSUER",
            receiver,
            certified(receiver, KOREA.certificates()[0], altered(KOREA.certificates()[1], 20)),
        ),
    ]


def of_time() -> list[Row]:
    second = timedelta(seconds=1)
    late = HONG_KONG.certificates(days=(moment(SIGNED) + second, SEAL_END))
    ended = HONG_KONG.certificates(days=(ISSUED, moment(SIGNED) - second))
    not_yet = KOREA.certificates(days=(moment(RECEIVED) + second, SEAL_END))
    over = KOREA.certificates(days=(ISSUED, moment(RECEIVED) - second))
    later = release(7)
    later.sealed_at.FromDatetime(SEAL_END + second)
    assert FOUNDED < ISSUED < SEAL_END < ROOT_END
    return [
        (
            "signed-too-early",
            "it was signed a second before the sender's certificates",
            "UNTRUSTED NOT_YET_VALID",
            "sender signatures",
            evidence(sender_certificates=late).encode(),
        ),
        (
            "signed-too-late",
            "it was signed a second after the sender's certificates",
            "UNTRUSTED EXPIRED",
            "sender signatures",
            evidence(sender_certificates=ended).encode(),
        ),
        (
            "sealed-after-the-certificates",
            "the envelope says that it was sealed after their end",
            "UNTRUSTED EXPIRED",
            "sender signatures",
            evidence(later.SerializeToString()).encode(),
        ),
        (
            "received-too-early",
            "it was cosigned a second before the receiver's certificates",
            "UNTRUSTED NOT_YET_VALID",
            "receiver cosignatures",
            evidence(receiver_certificates=not_yet).encode(),
        ),
        (
            "received-too-late",
            "it was cosigned a second after the receiver's certificates",
            "UNTRUSTED EXPIRED",
            "receiver cosignatures",
            evidence(receiver_certificates=over).encode(),
        ),
    ]
