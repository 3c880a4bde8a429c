"""Good things of every kind, from which the cases are made: envelopes, heads, receipts, evidence, pairing documents."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any

from google.type.date_pb2 import Date
from regulator.exchange.v1.envelope_pb2 import Envelope, EvidenceMaterial
from regulator.exchange.v1.journal_pb2 import JournalEntry
from regulator.exchange.v1.notice_pb2 import NoticeContent, PolicyStatement
from regulator.exchange.v1.sharing_pb2 import SharingDecided
from regulator.exchange.v1.values_pb2 import CONFIDENCE_EXERCISE, SECTOR_EXCHANGE, Handling, LocalizedText

from gateway.identity.certificates.x509 import load_certificate
from gateway.identity.pairing.document import PairingDocument
from gateway.ledger.checkpoint import Checkpoint, Receipt, SignedCheckpoint, Signer, countersign, sign_checkpoint
from gateway.ledger.evidence import Evidence
from gateway.ledger.journal import JournalHead, encode_entry
from gateway.ledger.merkle import CompactRange, leaf_hash
from gateway.ledger.origins import journal_origin
from tests.conformance.parties import HK, HK_TO_KR, HONG_KONG, ISSUED, KOREA, KR, RECEIVED, SIGNED, TIME, Side
from tests.ledger import oracle

SPARE = bytes(3)  # in place of an envelope that only its hash matters of
INDEX, SIZE = 2, 5  # of the envelope that most evidence is about, and of its log


def salt(word: str) -> bytes:
    return sha256(word.encode()).digest()[:16]


def envelope(word: str = "release", origin: str = HK_TO_KR) -> Envelope:
    """An envelope without an act; the word is for its salt."""
    made = Envelope(salt=salt(word), origin=origin)
    made.sealed_at.seconds, made.sealed_at.nanos = TIME, 250_000_000
    made.author.authority, made.author.client = "SFC", f"spiffe://{origin.split('/', maxsplit=1)[0]}/SFC/case-desk"
    return made


def content() -> NoticeContent:
    return NoticeContent(
        issuing_authority="SFC",
        sectors=[SECTOR_EXCHANGE],
        urgency=NoticeContent.ROUTINE,
        handling=Handling(
            tlp=Handling.AMBER, permitted_uses=[Handling.SUPERVISION], onward_sharing=Handling.CONSENT_REQUIRED
        ),
        event_date=Date(year=2026, month=5, day=7),
        title=[LocalizedText(language_tag="en", text="A statement")],
        summary=[LocalizedText(language_tag="en", text="What is meant.")],
        confidence=CONFIDENCE_EXERCISE,
        policy_statement=PolicyStatement(reference="Cap. 656"),
    )


def release(number: int = 1, word: str = "release") -> Envelope:
    made = envelope(word)
    made.notice_released.notice = f"notices/hk-2026-{number:03}"
    made.notice_released.content.CopyFrom(content())
    return made


def destroyed(number: int = 1, index: int = INDEX, leaf: bytes = bytes(32), origin: str = HK_TO_KR) -> Envelope:
    """The certificate that the content of an envelope is destroyed."""
    made = envelope("destruction", origin)
    made.content_destroyed.notice = f"notices/hk-2026-{number:03}"
    made.content_destroyed.envelopes.add(origin=HK_TO_KR, index=index, leaf_hash=leaf, remainder_sha256=bytes(32))
    return made


def sharing_requested() -> Envelope:
    """Who received a notice asks to pass it on."""
    made = envelope("request")
    act = made.sharing_requested
    act.consent, act.use = "notices/kr-2026-001/consents/abcd1234", Handling.SUPERVISION
    act.recipients.add(organisation="A supervisor", jurisdiction="SG")
    act.purpose.add(language_tag="en", text="It is about one of theirs.")
    return made


def sharing_decided() -> Envelope:
    """Who gave it answers."""
    made = envelope("decision")
    act = made.sharing_decided
    act.consent, act.number, act.decision = "notices/hk-2026-001/consents/abcd1234", 1, SharingDecided.GRANTED
    act.reason.add(language_tag="en", text="They should know.")
    act.conditions.add(language_tag="en", text="No further.")
    return made


def content_shared() -> Envelope:
    """Who received it passes it on."""
    made = envelope("share")
    act = made.content_shared
    act.share, act.use = "notices/kr-2026-001/shares/abcd1234", Handling.SUPERVISION
    act.recipients.add(organisation="A supervisor", jurisdiction="SG")
    return made


@cache
def log(size: int, history: str = "") -> tuple[bytes, ...]:
    """The envelopes of a log; any two histories differ from the third envelope on."""
    words = [f"{history if place >= 2 else ''} envelope {place}" for place in range(size)]
    return tuple(release(place + 1, word).SerializeToString() for place, word in enumerate(words))


def edge(leaves: Sequence[bytes]) -> CompactRange:
    return CompactRange.EMPTY.extend([leaf_hash(leaf) for leaf in leaves])[0]


def head(
    leaves: Sequence[bytes], seal: Signer = HONG_KONG.seal, time: int = SIGNED, origin: str = HK_TO_KR
) -> SignedCheckpoint:
    return sign_checkpoint(Checkpoint(origin, len(leaves), edge(leaves).root()), seal, time)


def receipt(
    leaves: Sequence[bytes],
    seal: Signer = HONG_KONG.seal,
    cosigner: Signer = KOREA.seal,
    time: int = RECEIVED,
    domain: str = KR,
) -> Receipt:
    return countersign(head(leaves, seal), domain, cosigner, time)


def material(leaf: bytes, **changes: Any) -> EvidenceMaterial:
    made = EvidenceMaterial(
        envelope=leaf,
        sender_certificates=HONG_KONG.certificates(),
        receiver_certificates=KOREA.certificates(),
    )
    for name, value in changes.items():
        if name.endswith("certificates"):
            made.ClearField(name)  # type: ignore[arg-type]
            getattr(made, name).extend(value)
        else:
            setattr(made, name, value)
    return made


def evidence(
    leaf: bytes = b"",
    note: bytes | None = None,
    extra: bytes | None = None,
    index: int = INDEX,
    leaves: Sequence[bytes] = (),
    **changes: Any,
) -> Evidence:
    """Evidence of an envelope in a log of five, as a receipt proves it; ``changes`` are of its material."""
    leaf = leaf or release(7).SerializeToString()
    leaves = leaves or [*log(INDEX), leaf, *log(SIZE)[INDEX + 1 :]]
    extra = extra if extra is not None else material(leaf, **changes).SerializeToString(deterministic=True)
    return Evidence(extra, index, oracle.path(index, leaves), note or receipt(leaves).note)


def evidence_leaves(leaf: bytes) -> list[bytes]:
    return [*log(INDEX), leaf, *log(SIZE)[INDEX + 1 :]]


def pairing(side: Side = HONG_KONG, **changes: Any) -> PairingDocument:
    ed25519, ml_dsa_44 = (load_certificate(each) for each in side.certificates())
    values = {
        "schema": "pairing/1",
        "jurisdiction": side.jurisdiction,
        "domain": side.domain,
        "display_name": "香港" if side.jurisdiction == "HK" else "Korea",
        "authorities": ["HKMA", "SFC", "FSTB"] if side.jurisdiction == "HK" else ["FSC", "FSS", "BOK"],
        "addresses": [f"{side.domain}:7443", "[2001:db8::1]:7443"],
        "node_authority": side.root,
        "seal_ed25519": ed25519,
        "seal_ml_dsa_44": ml_dsa_44,
        "created_at": datetime(2026, 5, 8, 9, tzinfo=UTC),
    }
    return PairingDocument.model_validate({**values, **changes})


def journal_entries(count: int) -> list[bytes]:
    made = (
        JournalEntry(salt=salt(f"entry {place}"), method="/p.S/Get", outcome="OK", count=1) for place in range(count)
    )
    return [each.SerializeToString() for each in made]


def journal(count: int = 5, first: int = 0) -> bytes:
    """An export of Hong Kong's journal."""
    leaves = journal_entries(count)
    signed = head(leaves, origin=journal_origin(HK))
    opened = JournalHead(edge(leaves[:first]), HONG_KONG.certificates(), signed.note)
    return opened.encode() + b"".join(map(encode_entry, leaves[first:]))


assert ISSUED.timestamp() < TIME, "what is signed is signed by certified seals"
