"""Evidence files: what a third person verifies with the file and two roots."""

from hashlib import sha256
from typing import Any

from gateway.identity.certificates import to_der
from gateway.ledger.evidence import Evidence
from tests.conformance.cases import Subject
from tests.conformance.envelope_cases import UNKNOWN_FIELD
from tests.conformance.evidence_certificates import of_certificates, of_time
from tests.conformance.evidence_goods import FILE, GOOD, HASH, LEAF, LEAVES, given, moment, with_extra
from tests.conformance.evidence_parts import of_the_file, of_the_material, of_the_note, of_the_proof
from tests.conformance.materials import (
    INDEX,
    destroyed,
    envelope,
    evidence,
    head,
    material,
    receipt,
)
from tests.conformance.parties import (
    HONG_KONG,
    KOREA,
    RECEIVED,
    SEAL_END,
    SIGNED,
    STRANGER,
)
from tests.conformance.spelling import altered, b64


def evidences() -> Subject:
    roots = {"hk": HONG_KONG.root, "kr": KOREA.root, "stranger": STRANGER.root}
    subject = Subject(
        "evidence",
        "Verify an evidence file (C2SP tlog-proof) with the roots of the two jurisdictions. `step` is the first step "
        "that fails, in the order of docs/protocol.md.",
        {"roots": {name: b64(to_der(root)) for name, root in roots.items()}},
    )
    _accepted(subject)
    rows = (*of_the_file(), *of_the_material(), *of_the_note(), *of_the_proof(), *of_certificates(), *of_time())
    for name, differs, reason, step, data in rows:
        subject.refuse(name, "receipted", differs, reason, given(data), step=step)
    for name, base, differs, reason, step, data in _of_destruction():
        subject.refuse(name, base, differs, reason, given(data), step=step)
    for name, differs, step, listed in (
        ("no-root-of-the-sender", "the sender's root is not trusted", "sender certificates", ["kr"]),
        ("no-root-of-the-receiver", "the receiver's root is not trusted", "receiver certificates", ["hk"]),
        (
            "impostors-root",
            "a root of the same name and another key is trusted",
            "sender certificates",
            ["stranger", "kr"],
        ),
    ):
        subject.refuse(name, "receipted", differs, "UNTRUSTED UNKNOWN_ISSUER", given(FILE, listed), step=step)
    return subject


def _accepted(subject: Subject) -> None:
    leaves, leaf = LEAVES, HASH.hex()
    unknown = envelope("unknown").SerializeToString() + UNKNOWN_FIELD
    alone = Evidence(material(LEAF).SerializeToString(deterministic=True), 0, (), receipt([LEAF]).note)
    second = HONG_KONG.certificates(HONG_KONG.second, days=(moment(SIGNED), SEAL_END))
    rotated = evidence(note=receipt(leaves, HONG_KONG.second).note, sender_certificates=second)
    for name, differs, file, leaf_hash, received in (
        ("receipted", "the third of five envelopes, with a receipt", GOOD, leaf, RECEIVED),
        ("sent", "without cosignatures it proves the sending alone", evidence(note=head(leaves).note), leaf, None),
        ("log-of-one", "the only envelope: there is nothing to prove", alone, leaf, RECEIVED),
        (
            "unknown-act",
            "an act that this version does not know",
            evidence(unknown),
            sha256(b"\0" + unknown).hexdigest(),
            RECEIVED,
        ),
        (
            "sealed-before-its-seal",
            "the head is signed by the next seal, which is younger than the envelope",
            rotated,
            leaf,
            RECEIVED,
        ),
        ("destroyed", "the content is destroyed, and the certificate of that is in it", _destroyed(), leaf, RECEIVED),
        (
            "destroyed-uncertified",
            "the content is destroyed, and only the hash is there",
            _hash_alone(),
            leaf,
            RECEIVED,
        ),
    ):
        found = {"leaf_hash": leaf_hash, "index": str(file.index), "signed_at": str(SIGNED)}
        if received is not None:
            found["received_at"] = str(received)
        subject.accept(name, differs, given(file.encode()), **found)


def _hash_alone(**changes: Any) -> Evidence:
    values = {"leaf_hash": HASH, **changes}
    return evidence(LEAF, extra=material(b"", **values).SerializeToString(deterministic=True))


def _certificate(index: int = INDEX, leaf: bytes = HASH) -> bytes:
    """Evidence of the certificate of destruction, the sixth envelope of the same channel."""
    certificate = destroyed(7, index, leaf).SerializeToString()
    leaves = [*LEAVES, certificate]
    return evidence(certificate, receipt(leaves).note, index=len(LEAVES), leaves=leaves).encode()


def _destroyed() -> Evidence:
    return _hash_alone(destruction=_certificate())


def _of_destruction() -> list[tuple[str, str, str, str, str, bytes]]:
    step, m, bad = "destruction", "MALFORMED", "BAD_PROOF"

    def told(certificate: bytes) -> bytes:
        return _hash_alone(destruction=certificate).encode()

    whole = material(LEAF, destruction=_certificate()).SerializeToString(deterministic=True)
    return [
        ("destroyed-other-index", "destroyed", "the certificate names another index", bad, step, told(_certificate(1))),
        (
            "destroyed-other-hash",
            "destroyed",
            "the certificate names another hash",
            bad,
            step,
            told(_certificate(INDEX, bytes(32))),
        ),
        ("destroyed-other-act", "destroyed", "the certificate is a release", bad, step, told(FILE)),
        (
            "destroyed-certificate-altered",
            "destroyed",
            "a byte follows the certificate's evidence",
            m,
            step,
            told(_certificate() + b"x"),
        ),
        (
            "destroyed-hash-of-31-bytes",
            "destroyed-uncertified",
            "the hash lacks a byte",
            m,
            "file",
            _hash_alone(leaf_hash=HASH[:31]).encode(),
        ),
        (
            "destroyed-hash-altered",
            "destroyed-uncertified",
            "one bit of the hash is turned",
            bad,
            "inclusion",
            _hash_alone(leaf_hash=altered(HASH, 0)).encode(),
        ),
        (
            "destruction-beside-envelope",
            "receipted",
            "a certificate of destruction stands beside the envelope",
            m,
            "file",
            with_extra(FILE, whole),
        ),
    ]
