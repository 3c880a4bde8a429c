"""Envelopes that arrive: the leaf is their exact bytes, whatever is in them; what is in them is used, or not."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from regulator.exchange.v1.envelope_pb2 import Envelope

from tests.conformance import assistance_cases
from tests.conformance.cases import Subject, encoded
from tests.conformance.envelope_rule_cases import broken, taken
from tests.conformance.materials import content_shared, destroyed, envelope, release, sharing_decided, sharing_requested
from tests.conformance.parties import HK_TO_KR, HONG_KONG, KR_TO_HK

UNKNOWN_FIELD = b"\xc2\x3e\x03abc"  # field 1000, three bytes


def given(data: bytes) -> dict[str, Any]:
    return {"envelope": encoded(data), "origin": HK_TO_KR, "sender": "HK", "recipient": "KR"}


def leaf(data: bytes) -> str:
    return sha256(b"\0" + data).hexdigest()


def envelopes() -> Subject:
    subject = Subject(
        "envelope",
        "Take in an envelope that arrived in the channel `origin` under a good checkpoint; no earlier one is known. "
        "Each is stored and receipted as the leaf `leaf_hash`. `use` says what becomes of it: PROJECTED, the node "
        "shows what it says; UNSUPPORTED, it is of a kind that this version does not know, and operators are told. "
        "To refuse means that its content breaks a rule: operators are told, and nothing else is done with it.",
    )
    for name, differs, use, data in (*_accepted(), *taken(), *assistance_cases.taken()):
        subject.accept(name, differs, given(data), leaf_hash=leaf(data), use=use)
    for name, differs, data in (
        *_of_the_frame(),
        *_of_the_act(),
        *_of_the_bytes(),
        *broken(),
        *assistance_cases.broken(),
    ):
        subject.refuse(name, "release", differs, "INVALID", given(data), leaf_hash=leaf(data))
    return subject


def _accepted() -> list[tuple[str, str, str, bytes]]:
    good = release()
    data = good.SerializeToString()
    officer, approved, rotation = release(), release(), envelope()
    officer.author.officer = "https://sign-in.sfc.example#officer-7"
    approved.approver.authority, approved.approver.client = "SFC", "spiffe://gateway.hk.example/SFC/board"
    said = rotation.seal_rotated
    said.ed25519_certificate, said.ml_dsa_44_certificate = HONG_KONG.certificates(HONG_KONG.second)
    unknown_kind = release()
    unknown_kind.notice_released.content.ClearField("policy_statement")
    unknown_act = envelope().SerializeToString() + UNKNOWN_FIELD
    late = release()
    late.sealed_at.seconds, late.sealed_at.nanos = 253_402_300_799, 999_999_999
    salt = data[:18]
    assert salt[:2] == b"\x0a\x10", "the salt comes first"
    kind = b"\xc2\x3e\x00"
    return [
        ("release", "a notice is given", "PROJECTED", data),
        ("with-officer", "the author acted for an officer", "PROJECTED", officer.SerializeToString()),
        ("with-approver", "another system released it", "PROJECTED", approved.SerializeToString()),
        ("rotation", "the sender rotates its seal", "PROJECTED", rotation.SerializeToString()),
        ("unknown-act", "its act is a member that this version does not know", "UNSUPPORTED", unknown_act),
        ("no-act", "it has no act, as far as this version can tell", "UNSUPPORTED", envelope().SerializeToString()),
        (
            "unknown-kind-of-notice",
            "the notice's detail is none that is known",
            "UNSUPPORTED",
            unknown_kind.SerializeToString(),
        ),
        (
            "no-content",
            "the release has no content, and so none of a kind that is known",
            "UNSUPPORTED",
            _changed(lambda made: made.notice_released.ClearField("content")),
        ),
        (
            "unknown-field",
            "a field that this version does not know stands beside the act",
            "PROJECTED",
            data + UNKNOWN_FIELD,
        ),
        ("unknown-empty-field", "the same, empty", "PROJECTED", data + kind),
        ("fields-in-other-order", "the salt stands last: nobody serializes it anew", "PROJECTED", data[18:] + salt),
        ("salt-twice", "the salt is said twice, and the last counts", "PROJECTED", salt + data),
        ("long-length", "a length is written with a byte more than it needs", "PROJECTED", b"\x0a\x90\x00" + data[2:]),
        ("end-of-9999", "it is sealed in the last nanosecond of the year 9999", "PROJECTED", late.SerializeToString()),
    ]


def _changed(change: Callable[[Envelope], object]) -> bytes:
    made = release()
    change(made)
    return made.SerializeToString()


def _set(path: str, value: Any) -> bytes:
    """A release in which one field is another one."""

    def change(made: Any) -> None:
        *names, last = path.split(".")
        for each in names:
            made = getattr(made, each)
        setattr(made, last, value)

    return _changed(change)


def _of_the_frame() -> list[tuple[str, str, bytes]]:
    return [
        ("salt-of-15-bytes", "the salt has 15 bytes", _set("salt", bytes(range(15)))),
        ("salt-of-17-bytes", "the salt has 17 bytes", _set("salt", bytes(range(17)))),
        ("no-salt", "there is no salt, as in what is left of a destroyed envelope", _set("salt", b"")),
        ("other-channel", "it was sealed for the channel the other way", _set("origin", KR_TO_HK)),
        ("origin-in-capitals", "the origin is in capitals", _set("origin", HK_TO_KR.upper())),
        ("no-origin", "there is no origin", _set("origin", "")),
        ("no-time", "it has no time of sealing", _changed(lambda made: made.ClearField("sealed_at"))),
        ("time-of-the-year-10000", "it is sealed after the year 9999", _set("sealed_at.seconds", 253_402_300_800)),
        ("time-before-the-year-1", "it is sealed before the year 1", _set("sealed_at.seconds", -62_135_596_801)),
        ("nanos-of-a-second", "the nanoseconds are a whole second", _set("sealed_at.nanos", 1_000_000_000)),
        ("nanos-below-0", "the nanoseconds are below 0", _set("sealed_at.nanos", -1)),
        ("no-author", "it has no author", _changed(lambda made: made.ClearField("author"))),
        ("authority-with-space", "the author's authority holds a space", _set("author.authority", "S FC")),
        (
            "client-without-scheme",
            "the author's client is no SPIFFE ID",
            _set("author.client", "gateway.hk.example/SFC"),
        ),
        ("officer-with-line-break", "the officer's name holds a line break", _set("author.officer", "a\nb")),
        ("approver-without-client", "the approver has no client", _set("approver.authority", "SFC")),
    ]


def _of_the_act() -> list[tuple[str, str, bytes]]:
    content = "notice_released.content"
    return [
        (
            "notice-of-the-recipient",
            "the notice's id begins with the recipient's jurisdiction",
            _set("notice_released.notice", "notices/kr-2026-001"),
        ),
        (
            "notice-without-collection",
            "the notice's name lacks notices/",
            _set("notice_released.notice", "hk-2026-001"),
        ),
        (
            "no-title",
            "the notice has no title",
            _changed(lambda made: made.notice_released.content.ClearField("title")),
        ),
        (
            "no-label",
            "the notice has no handling",
            _changed(lambda made: made.notice_released.content.ClearField("handling")),
        ),
        ("unknown-urgency", "the urgency is no value of its enum", _set(f"{content}.urgency", 99)),
        ("withdrawal-of-nothing", "the notice that is withdrawn is not known", _withdrawal()),
        ("acknowledgement-of-nothing", "the notice that is acknowledged is not known", _acknowledgement()),
        (
            "request-about-nothing",
            "consent is asked for a notice that is not known",
            sharing_requested().SerializeToString(),
        ),
        (
            "decision-about-nothing",
            "the consent that is decided on is not known",
            sharing_decided().SerializeToString(),
        ),
        (
            "share-of-nothing",
            "the notice that is passed on is not known",
            content_shared().SerializeToString(),
        ),
        (
            "attachments-of-nothing",
            "the notice whose attachments are said to be here is not known",
            _attachments("notices/kr-2026-001"),
        ),
        ("attachments-without-name", "no notice is named whose attachments are here", _attachments("")),
        (
            "destruction-of-nothing",
            "the notice whose content is destroyed is not known",
            destroyed().SerializeToString(),
        ),
    ]


def _withdrawal() -> bytes:
    made = envelope()
    made.notice_withdrawn.notice = "notices/hk-2026-001"
    made.notice_withdrawn.explanation.add(language_tag="en", text="It was a mistake.")
    return made.SerializeToString()


def _attachments(notice: str) -> bytes:
    made = envelope()
    made.attachments_received.notice = notice
    made.attachments_received.SetInParent()
    return made.SerializeToString()


def _acknowledgement() -> bytes:
    made = envelope()
    made.notice_acknowledged.notice = "notices/kr-2026-001"
    return made.SerializeToString()


def _of_the_bytes() -> list[tuple[str, str, bytes]]:
    data = release().SerializeToString()
    return [
        ("cut-short", "the last byte is missing", data[:-1]),
        ("trailing-byte", "half a field follows", data + b"\x0a"),
        ("group-end", "the end of a group follows that never began", data + b"\x0c"),
        ("field-0", "a field of the number 0 follows", data + b"\x02\x00"),
        ("not-utf-8", "a text is not UTF-8", data.replace(b"case-desk", b"case\xffdesk")),
        ("not-protobuf", "it is JSON", b'{"salt": "AAAAAAAAAAAAAAAAAAAAAA=="}'),
    ]
