"""Histories of seals: which of a party's seals may sign what; and how the kit writes seals."""

from typing import Any

from tests.conformance.cases import Subject, encoded
from tests.conformance.materials import log
from tests.conformance.parties import HK_TO_KR, HONG_KONG, ISSUED, KOREA, KR, SEAL_END, SIGNED, STRANGER
from tests.conformance.signing import KitSeal
from tests.conformance.spelling import (
    b64,
    cosigned,
    ed25519_line,
    ml_dsa_44_line,
    note_of,
    receiver_lines,
    root_of,
    sender_lines,
    text_of,
)

KEYS = {
    "hk": HONG_KONG.seal,
    "hk-second": HONG_KONG.second,
    "kr": KOREA.seal,
    "kr-second": KOREA.second,
    "stranger": STRANGER.seal,
}
SEALS = {
    name: {"ed25519": seal.public.ed25519.hex(), "ml_dsa_44": b64(seal.public.ml_dsa_44)} for name, seal in KEYS.items()
}
OLDEST, NEWEST = int(ISSUED.timestamp()), int(SEAL_END.timestamp())
TURN = 3  # the size with which the sender's first seal ends


def span(name: str, above: int = 0, not_before: int = 0, not_after: int = 253_402_300_799) -> dict[str, Any]:
    """A seal that alone may sign sizes above one, while its certificates are valid (seconds since 1970)."""
    return {"seal": name, "above": str(above), "not_before": str(not_before), "not_after": str(not_after)}


ROTATED = [span("hk"), span("hk-second", TURN)]


def histories() -> Subject:
    subject = Subject(
        "seals",
        "Open a checkpoint as in `checkpoint`, or, where `receiver` is given, a receipt as in `receipt`. Each party "
        "has had the listed seals, oldest first: each may sign sizes up to the `above` of the next, the last any size.",
        {"seals": SEALS},
    )
    _of_the_sender(subject)
    _of_the_receiver(subject)
    _of_dates(subject)
    return subject


def _note(size: int, *seals: KitSeal) -> bytes:
    root = root_of(log(size))
    return note_of(text_of(size, root), *(line for seal in seals for line in sender_lines(size, root, seal)))


def _given(data: bytes, sender: list[dict[str, Any]], receiver: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"note": encoded(data), "origin": HK_TO_KR, "sender": sender}
    return {**told, "receiver_domain": KR, "receiver": receiver} if receiver else told


def _of_the_sender(subject: Subject) -> None:
    first, second, stranger = HONG_KONG.seal, HONG_KONG.second, STRANGER.seal
    root = root_of(log(5))
    text = text_of(5, root)
    mixed = note_of(text, ed25519_line(text, first), ml_dsa_44_line(cosigned(HK_TO_KR, SIGNED, 5, root), seal=second))
    for name, differs, data in (
        ("first-up-to-its-end", "the first seal signs the size with which it ends", _note(3, first)),
        ("first-before-its-end", "the first seal signs a smaller size", _note(2, first)),
        ("second-beyond", "the second seal signs what is larger", _note(5, second)),
        ("second-before", "the second seal signs a smaller size too", _note(2, second)),
        ("both-before", "both seals sign a size that both may sign", _note(2, first, second)),
        ("both-beyond", "both seals sign what the second one may: the newest counts", _note(5, first, second)),
    ):
        subject.accept(name, differs, _given(data, ROTATED))
    for name, base, differs, reason, data in (
        ("first-beyond-its-end", "second-beyond", "the first seal signs it", "UNTRUSTED", _note(5, first)),
        ("first-one-beyond-its-end", "first-up-to-its-end", "the size is larger by one", "UNTRUSTED", _note(4, first)),
        ("neither", "second-beyond", "a seal signs it that is not listed", "UNKNOWN_SEAL", _note(5, stranger)),
        ("one-line-of-each", "second-beyond", "the first seal signs line 1", "UNTRUSTED", mixed),
    ):
        subject.refuse(name, base, differs, reason, _given(data, ROTATED))
    not_yet = _given(_note(5, second), ROTATED[:1])
    subject.refuse("second-not-known-yet", "second-beyond", "the second seal is not listed", "UNKNOWN_SEAL", not_yet)


def _of_the_receiver(subject: Subject) -> None:
    seals = [span("kr"), span("kr-second", TURN)]

    def receipt(size: int, seal: KitSeal) -> bytes:
        root = root_of(log(size))
        return note_of(text_of(size, root), *sender_lines(size, root), *receiver_lines(size, root, seal))

    for name, differs, data in (
        ("receipt-by-first", "the receiver's first seal cosigns the size with which it ends", receipt(3, KOREA.seal)),
        ("receipt-by-second", "the receiver's second seal cosigns what is larger", receipt(5, KOREA.second)),
        ("receipt-made-anew", "the receiver's second seal cosigns a smaller size", receipt(2, KOREA.second)),
    ):
        subject.accept(name, differs, _given(data, [span("hk")], seals))
    old, unknown = receipt(5, KOREA.seal), receipt(5, STRANGER.seal)
    base = "receipt-by-second"
    subject.refuse(
        "receipt-by-first-beyond",
        base,
        "the receiver's first seal cosigns it",
        "UNTRUSTED",
        _given(old, [span("hk")], seals),
    )
    subject.refuse(
        "receipt-by-neither",
        base,
        "a seal cosigns it that is not listed",
        "UNKNOWN_SEAL",
        _given(unknown, [span("hk")], seals),
    )


def _of_dates(subject: Subject) -> None:
    """The time is that of line 2: it must be one at which the seal's certificates are valid, both ends included."""
    data = _note(5, HONG_KONG.seal)
    for name, differs, window in (
        ("at-the-beginning", "it is signed in the first second of the certificates", (SIGNED, NEWEST)),
        ("at-the-end", "it is signed in the last second of the certificates", (OLDEST, SIGNED)),
    ):
        subject.accept(name, differs, _given(data, [span("hk", 0, *window)]))
    for name, base, differs, window in (
        (
            "too-early",
            "at-the-beginning",
            "it is signed a second before the certificates are valid",
            (SIGNED + 1, NEWEST),
        ),
        ("too-late", "at-the-end", "it is signed a second after the certificates ended", (OLDEST, SIGNED - 1)),
    ):
        subject.refuse(name, base, differs, "UNTRUSTED", _given(data, [span("hk", 0, *window)]))
