"""How consents and shares are told: a row of a listing, all of it for people, all of it for programs."""

from collections.abc import Iterable
from typing import Any

from regulator.exchange.v1.sharing_pb2 import SharingDecided, ThirdParty
from regulator.exchange.v1.sharing_service_pb2 import Consent, Share
from regulator.exchange.v1.values_pb2 import Handling, LocalizedText

from gateway.cli.options import word_of
from gateway.cli.output import Pairs, Parts, by_language, json_moment, moment_of, optional_day
from gateway.cli.views.author import author_document, who

CONSENT_HEADINGS = ("consent", "state", "until", "use", "asked by", "asked", "recipients")
SHARE_HEADINGS = ("share", "shared", "by", "use", "consent", "covered", "recipients")


def consent_row(consent: Consent) -> tuple[str, ...]:
    """A line of a listing, in the order of ``CONSENT_HEADINGS``."""
    return (
        short(consent.name),
        word_of(Consent.State, consent.state),
        _until(consent),
        word_of(Handling.Use, consent.use),
        consent.author.authority,
        moment_of(consent.request_time),
        _parties(consent.recipients),
    )


def share_row(share: Share) -> tuple[str, ...]:
    """A line of a listing, in the order of ``SHARE_HEADINGS``."""
    return (
        short(share.name),
        moment_of(share.share_time),
        share.author.authority,
        word_of(Handling.Use, share.use),
        _under(share),
        "yes" if share.covered else "NO",
        _parties(share.recipients),
    )


def consent_document(consent: Consent) -> dict[str, Any]:
    """A consent for programs; what is not there is null."""
    return {
        "consent": short(consent.name),
        "state": word_of(Consent.State, consent.state),
        "recipients": _parties_document(consent.recipients),
        "use": word_of(Handling.Use, consent.use),
        "purpose": _texts_document(consent.purpose),
        "author": author_document(consent.author),
        "request_time": json_moment(consent.request_time),
        "decisions": [_decision_document(each) for each in consent.decisions],
        "origin": consent.position.origin,
        "index": consent.position.index,
        "etag": consent.etag,
    }


def share_document(share: Share) -> dict[str, Any]:
    """A share for programs; what is not there is null."""
    return {
        "share": short(share.name),
        "recipients": _parties_document(share.recipients),
        "use": word_of(Handling.Use, share.use),
        "consent": short(share.consent) or None,
        "decision": share.decision or None,
        "covered": share.covered,
        "author": author_document(share.author),
        "share_time": json_moment(share.share_time),
        "origin": share.position.origin,
        "index": share.position.index,
    }


def consent_sections(consent: Consent) -> Parts:
    """A consent for people: headings, each with names and values."""
    yield (
        "consent",
        [
            ("name", short(consent.name)),
            ("state", word_of(Consent.State, consent.state)),
            ("recipients", _parties(consent.recipients)),
            ("use", word_of(Handling.Use, consent.use)),
            ("asked", f"{moment_of(consent.request_time)} by {consent.author.authority}, {who(consent.author)}"),
            ("etag", consent.etag.strip('"')),
        ],
    )
    if consent.purpose:
        yield "purpose", by_language(consent.purpose)
    for each in consent.decisions:
        said = word_of(SharingDecided.Decision, each.decision)
        yield (
            f"decision {each.number}",
            [
                ("decided", f"{said} {moment_of(each.time)} by {each.author.authority}, {who(each.author)}"),
                ("until", optional_day(each.valid_until)),
                *((f"reason {tag}", text) for tag, text in by_language(each.reason)),
                *((f"condition {tag}", text) for tag, text in by_language(each.conditions)),
            ],
        )


def share_sections(share: Share) -> Parts:
    """A share for people."""
    yield (
        "share",
        [
            ("name", short(share.name)),
            ("recipients", _parties(share.recipients)),
            ("use", word_of(Handling.Use, share.use)),
            ("under", _under(share) or "no consent"),
            ("covered", "yes" if share.covered else "NO: neither its handling nor a consent covers it"),
            ("shared", f"{moment_of(share.share_time)} by {share.author.authority}, {who(share.author)}"),
            ("sealed in", f"{share.position.origin}, index {share.position.index}" if share.position.origin else ""),
        ],
    )


def summary(consents: Iterable[Consent], shares: Iterable[Share]) -> Pairs:
    """What a notice's own view says of its sharing."""
    told = [(_own(each.name), _standing(each)) for each in consents]
    return told + [(_own(each.name), _shared(each)) for each in shares]


def short(name: str) -> str:
    """A name without the collection that begins it: ``hk-2026-017/consents/5c0e...``."""
    return name.removeprefix("notices/")


def _standing(consent: Consent) -> str:
    until = f" up to {_until(consent)}" if _until(consent) else ""
    return f"{word_of(Consent.State, consent.state)}{until}, for {_parties(consent.recipients)}"


def _shared(share: Share) -> str:
    uncovered = "" if share.covered else ", NOT COVERED by its handling or a consent"
    return f"shared {moment_of(share.share_time)} with {_parties(share.recipients)}{uncovered}"


def _until(consent: Consent) -> str:
    return optional_day(consent.decisions[-1].valid_until) if consent.decisions else ""


def _under(share: Share) -> str:
    return f"{_own(share.consent)}, decision {share.decision}" if share.consent else ""


def _own(name: str) -> str:
    return name.rpartition("/")[2]


def _parties(parties: Iterable[ThirdParty]) -> str:
    return "; ".join(f"{each.organisation} ({each.jurisdiction})" for each in parties)


def _parties_document(parties: Iterable[ThirdParty]) -> list[dict[str, str]]:
    return [{"organisation": each.organisation, "jurisdiction": each.jurisdiction} for each in parties]


def _texts_document(texts: Iterable[LocalizedText]) -> dict[str, str]:
    return {each.language_tag: each.text for each in texts}


def _decision_document(decision: Consent.Decision) -> dict[str, Any]:
    return {
        "number": decision.number,
        "decision": word_of(SharingDecided.Decision, decision.decision),
        "time": json_moment(decision.time),
        "author": author_document(decision.author),
        "reason": _texts_document(decision.reason),
        "conditions": _texts_document(decision.conditions),
        "valid_until": optional_day(decision.valid_until) or None,
        "origin": decision.position.origin,
        "index": decision.position.index,
    }
