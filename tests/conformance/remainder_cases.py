"""Remainders: what is left of an envelope whose content is destroyed. No hash proves one, so its form must."""

from hashlib import sha256
from typing import Any

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_pb2 import Reference

from tests.conformance import assistance_cases
from tests.conformance.cases import Subject, encoded
from tests.conformance.envelope_cases import UNKNOWN_FIELD
from tests.conformance.materials import content_shared, destroyed, envelope, release, sharing_decided, sharing_requested
from tests.conformance.parties import HONG_KONG


def remainders() -> Subject:
    subject = Subject(
        "remainder",
        "Read what a peer hands in for an envelope whose content is destroyed: it must be exactly what is left. Where "
        "`envelope` is given, it is also what must be left of that one. `sha256` is over the remainder's bytes.",
    )
    for name, differs, whole, left in (*_accepted(), *assistance_cases.remainders()):
        data = left.SerializeToString(deterministic=True)
        given = {"remainder": encoded(data), "envelope": encoded(whole.SerializeToString())}
        subject.accept(name, differs, given, sha256=sha256(data).hexdigest())
    for name, base, differs, data in (*_refused(), *assistance_cases.too_much()):
        subject.refuse(name, base, differs, "MALFORMED", {"remainder": encoded(data)})
    return subject


def _release() -> Envelope:
    made = release()
    made.notice_released.content.references.add(relation=Reference.SUPERSEDES, notice="notices/hk-2025-001")
    made.notice_released.content.references.add(relation=Reference.RELATES_TO, notice="notices/hk-2025-002")
    made.approver.authority, made.approver.client = "SFC", "spiffe://gateway.hk.example/SFC/board"
    return made


def _left_of_release() -> Envelope:
    """Spelled out field by field, as docs/protocol.md lists them."""
    whole = _release()
    left = Envelope(origin=whole.origin, sealed_at=whole.sealed_at, author=whole.author, approver=whole.approver)
    left.notice_released.notice = whole.notice_released.notice
    content, kept = whole.notice_released.content, left.notice_released.content
    kept.issuing_authority, kept.urgency = content.issuing_authority, content.urgency
    kept.sectors.extend(content.sectors)
    kept.handling.CopyFrom(content.handling)
    kept.references.add(relation=Reference.SUPERSEDES, notice="notices/hk-2025-001")
    kept.policy_statement.SetInParent()
    return left


def _with_attachments() -> tuple[Envelope, Envelope]:
    whole, left = _release(), _left_of_release()
    for name in ("order.pdf", "annex.zip"):
        whole.notice_released.content.attachments.add(
            file_name=name, media_type="application/pdf", size_bytes=3, sha256=bytes(32)
        )
        left.notice_released.content.attachments.add()
    return whole, left


def _left_of_attachment(**said: Any) -> bytes:
    left = _with_attachments()[1]
    for field, value in said.items():
        setattr(left.notice_released.content.attachments[0], field, value)
    return left.SerializeToString(deterministic=True)


def _reply(member: str, **said: Any) -> Envelope:
    made = envelope(member)
    getattr(made, member).notice = "notices/kr-2026-001" if member == "notice_acknowledged" else "notices/hk-2026-001"
    for field, value in said.items():
        if isinstance(value, str) and field != "case_reference":
            getattr(getattr(made, member), field).add(language_tag="en", text=value)
        else:
            setattr(getattr(made, member), field, value)
    return made


def _bare(member: str) -> Envelope:
    made = _reply(member)
    made.ClearField("salt")
    return made


def _cleared(made: Envelope, *fields: str) -> Envelope:
    """Without salt, and without some fields of its act."""
    made.ClearField("salt")
    for each in fields:
        getattr(made, str(made.WhichOneof("content"))).ClearField(each)
    return made


def _accepted() -> list[tuple[str, str, Envelope, Envelope]]:
    acknowledged = _reply("notice_acknowledged", comment="We look into it.", case_reference="FSS-2026-9")
    withdrawn = _reply("notice_withdrawn", explanation="It was a mistake.")
    return [
        ("release", "of a release: who, when, handling, what it supersedes", _release(), _left_of_release()),
        ("with-attachments", "of a release: how many attachments there were", *_with_attachments()),
        ("acknowledgement", "of an acknowledgement: its notice alone", acknowledged, _bare("notice_acknowledged")),
        ("withdrawal", "of a withdrawal: its notice alone", withdrawn, _bare("notice_withdrawn")),
        (
            "request",
            "of a request to share: all but its purpose",
            sharing_requested(),
            _cleared(sharing_requested(), "purpose"),
        ),
        (
            "decision",
            "of a decision: all but reason and conditions",
            sharing_decided(),
            _cleared(sharing_decided(), "reason", "conditions"),
        ),
    ]


def _lacking(field: str, *within: str) -> bytes:
    made = _left_of_release()
    part: Any = made
    for name in within:
        part = getattr(part, name)
    part.ClearField(field)
    return made.SerializeToString(deterministic=True)


def _of_sector(sector: Any) -> bytes:
    made = _left_of_release()
    made.notice_released.content.sectors.append(sector)
    return made.SerializeToString(deterministic=True)


def _refused() -> list[tuple[str, str, str, bytes]]:
    good = _left_of_release()
    data = good.SerializeToString(deterministic=True)

    def release_with(**said: Any) -> bytes:
        made = _left_of_release()
        content = made.notice_released.content
        for field, value in said.items():
            if field == "detail":
                content.ClearField(value)
            elif field == "references":
                content.references.add(relation=value, notice="notices/hk-2025-002")
            elif field == "title":
                content.title.add(language_tag="en", text=value)
            elif field == "reference":
                content.policy_statement.reference = value
            else:
                setattr(made, field, value)
        return made.SerializeToString(deterministic=True)

    def reply_with(member: str, **said: Any) -> bytes:
        made = _reply(member, **said)
        made.ClearField("salt")
        return made.SerializeToString(deterministic=True)

    def of_act(act: Envelope) -> bytes:
        act.ClearField("salt")
        return act.SerializeToString(deterministic=True)

    rotation = envelope("rotation")
    said = rotation.seal_rotated
    said.ed25519_certificate, said.ml_dsa_44_certificate = HONG_KONG.certificates(HONG_KONG.second)
    head = 2 + len(good.origin)  # field 2, the origin, comes first
    return [
        ("with-salt", "release", "the salt is left", release_with(salt=bytes(range(16)))),
        ("with-title", "release", "the title is left", release_with(title="A statement")),
        ("with-detail", "release", "the detail is left", release_with(reference="Cap. 656")),
        ("without-time", "release", "it does not say when it was sealed", _lacking("sealed_at")),
        ("without-author", "release", "it does not say who sealed it", _lacking("author")),
        ("without-handling", "release", "it has no handling", _lacking("handling", "notice_released", "content")),
        (
            "sector-that-is-none",
            "release",
            "a sector is no value of its enum",
            _of_sector(99),
        ),
        (
            "without-kind",
            "release",
            "the member of its detail is not there, which tells the kind",
            release_with(detail="policy_statement"),
        ),
        (
            "with-other-reference",
            "release",
            "a reference is left that changes nothing",
            release_with(references=Reference.RELATES_TO),
        ),
        (
            "with-digest",
            "with-attachments",
            "the digest of an attachment is left, by which one could try out what it was",
            _left_of_attachment(sha256=bytes(32)),
        ),
        ("with-size", "with-attachments", "the size of an attachment is left", _left_of_attachment(size_bytes=3)),
        (
            "with-file-name",
            "with-attachments",
            "the name of an attachment is left",
            _left_of_attachment(file_name="order.pdf"),
        ),
        ("whole-envelope", "release", "everything is left", _release().SerializeToString(deterministic=True)),
        (
            "with-comment",
            "acknowledgement",
            "the comment is left",
            reply_with("notice_acknowledged", comment="We look into it."),
        ),
        (
            "with-case-reference",
            "acknowledgement",
            "the file number is left",
            reply_with("notice_acknowledged", case_reference="FSS-2026-9"),
        ),
        (
            "with-explanation",
            "withdrawal",
            "the explanation is left",
            reply_with("notice_withdrawn", explanation="It was a mistake."),
        ),
        ("with-purpose", "request", "the purpose is left", of_act(sharing_requested())),
        (
            "with-reason",
            "decision",
            "the reason is left",
            _cleared(sharing_decided(), "conditions").SerializeToString(deterministic=True),
        ),
        (
            "with-conditions",
            "decision",
            "the conditions are left",
            _cleared(sharing_decided(), "reason").SerializeToString(deterministic=True),
        ),
        ("of-a-share", "request", "the act is a share, which is never destroyed", of_act(content_shared())),
        ("of-a-rotation", "release", "the act is a rotation of the seal, which is never destroyed", of_act(rotation)),
        ("of-a-destruction", "release", "the act is a certificate of destruction", of_act(destroyed())),
        ("of-no-act", "release", "there is no act", of_act(envelope())),
        ("empty", "release", "there are no bytes", b""),
        ("unknown-field", "release", "a field follows that is not known", data + UNKNOWN_FIELD),
        ("fields-in-other-order", "release", "the origin stands last", data[head:] + data[:head]),
        ("field-twice", "release", "the origin is said twice", data[:head] + data),
        ("cut-short", "release", "the last byte is missing", data[:-1]),
        ("not-protobuf", "release", "it is JSON", b'{"origin": ""}'),
    ]
