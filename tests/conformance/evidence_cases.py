"""Evidence files: what a third person verifies with the file and two roots."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.identity.certificates.x509 import to_der
from gateway.ledger.checkpoint import countersign
from gateway.ledger.evidence import Evidence
from gateway.ledger.origins import origin_of
from tests.conformance.cases import Subject
from tests.conformance.envelope_cases import UNKNOWN_FIELD
from tests.conformance.evidence_certificates import of_certificates, of_time
from tests.conformance.evidence_form_cases import accepted, refused
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
    release,
)
from tests.conformance.parties import (
    ENDED,
    HONG_KONG,
    KOREA,
    KOREAN_NAMELESS,
    NAMELESS,
    RECEIVED,
    SEAL_END,
    SIGNED,
    SINGAPORE,
    STRANGER,
    Side,
)
from tests.conformance.spelling import altered, b64


def evidences() -> Subject:
    roots = {"hk": HONG_KONG.root, "kr": KOREA.root, "stranger": STRANGER.root, "hk-ended": ENDED.root}
    roots |= {"hk-nameless": NAMELESS.root, "kr-nameless": KOREAN_NAMELESS.root, "sg": SINGAPORE.root}
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
    elsewhere = _hash_alone(destruction=_certified(HONG_KONG, SINGAPORE)).encode()
    subject.refuse(
        "destroyed-in-another-pair",
        "destroyed",
        "the certificate stands in the channel to a third node",
        "BAD_PROOF",
        given(elsewhere, ["hk", "kr", "sg"]),
        step="destruction",
    )
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
    for name, base, differs, reason, step, data, listed in refused():
        subject.refuse(name, base, differs, reason, given(data, listed), step=step)
    return subject


def _accepted(subject: Subject) -> None:
    leaves, leaf = LEAVES, HASH.hex()
    unknown = envelope("unknown").SerializeToString() + UNKNOWN_FIELD
    odd = _proven(lambda made: setattr(made, "salt", bytes(15)))
    timeless = _proven(lambda made: made.ClearField("sealed_at"))
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
        ("breaks-a-rule", "its salt has 15 bytes: what a receiver does not use is proven all the same", *odd, RECEIVED),
        ("without-time", "it says not when it was sealed", *timeless, RECEIVED),
        (
            "sealed-before-its-seal",
            "the head is signed by the next seal, which is younger than the envelope",
            rotated,
            leaf,
            RECEIVED,
        ),
        ("destroyed", "the content is destroyed, and the certificate of that is in it", _destroyed(), leaf, RECEIVED),
        (
            "destroyed-by-the-receiver",
            "the certificate is the receiver's, in the channel the other way",
            _hash_alone(destruction=_certified(KOREA, HONG_KONG)),
            leaf,
            RECEIVED,
        ),
        (
            "destroyed-and-not-receipted",
            "the certificate has no receipt yet",
            _hash_alone(destruction=_certified(KOREA, HONG_KONG, receipted=False)),
            leaf,
            RECEIVED,
        ),
        (
            "never-held",
            "one receipt covers the hash and, after it, the certificate that there was none before",
            _under_one_receipt(destruction=_under_one_receipt(INDEX + 1).encode()),
            leaf,
            RECEIVED,
        ),
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
    for name, differs, data, listed in accepted():
        found = {"leaf_hash": leaf, "index": str(INDEX), "signed_at": str(SIGNED), "received_at": str(RECEIVED)}
        subject.accept(name, differs, given(data, listed), **found)


def _proven(change: Callable[[Envelope], object]) -> tuple[Evidence, str]:
    """Evidence of a changed release, and its leaf hash."""
    made = release(7)
    change(made)
    data = made.SerializeToString()
    return evidence(data), sha256(b"\0" + data).hexdigest()


def _hash_alone(**changes: Any) -> Evidence:
    values = {"leaf_hash": HASH, **changes}
    return evidence(LEAF, extra=material(b"", **values).SerializeToString(deterministic=True))


def _certificate(index: int = INDEX, leaf: bytes = HASH) -> bytes:
    """Evidence of the certificate of destruction, the sixth envelope of the same channel."""
    certificate = destroyed(7, index, leaf).SerializeToString()
    leaves = [*LEAVES, certificate]
    return evidence(certificate, receipt(leaves).note, index=len(LEAVES), leaves=leaves).encode()


def _certified(by: Side, to: Side, *, receipted: bool = True) -> bytes:
    """Evidence of a node's certificate of destruction, the only envelope of its channel to another one."""
    origin = origin_of(by.domain, to.domain)
    certificate = destroyed(7, INDEX, HASH, origin).SerializeToString()
    sent = head([certificate], by.seal, origin=origin)
    note = countersign(sent, to.domain, to.seal, RECEIVED).note if receipted else sent.note
    sides = {"sender_certificates": by.certificates(), "receiver_certificates": to.certificates()}
    return evidence(certificate, note, index=0, leaves=[certificate], **sides).encode()


def _destroyed() -> Evidence:
    return _hash_alone(destruction=_certificate())


def _under_one_receipt(index: int = INDEX, history: str = "", **changes: Any) -> Evidence:
    """Evidence from a log whose fourth envelope certifies that the third had no receipt; of the third, the hash."""
    certificate = destroyed(7, INDEX, HASH)
    certificate.content_destroyed.envelopes[0].without_receipt = True
    leaves = [*LEAVES[: INDEX + 1], certificate.SerializeToString(), history.encode()]
    extra = material(b"", leaf_hash=HASH, **changes).SerializeToString(deterministic=True) if index == INDEX else None
    return evidence(leaves[index], receipt(leaves).note, extra, index, leaves)


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
            "destroyed-in-another-history",
            "never-held",
            "the certificate says that there was no receipt, and is under another one, which covers other envelopes",
            bad,
            step,
            _under_one_receipt(destruction=_under_one_receipt(INDEX + 1, "another history").encode()).encode(),
        ),
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
