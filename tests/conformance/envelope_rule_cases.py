"""Which rules of the contract an envelope that arrives is held to, and which bind the node alone that seals it."""

from collections.abc import Callable, Iterator
from typing import Any

from google.type.date_pb2 import Date
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.framework_pb2 import AssessmentContent
from regulator.exchange.v1.notice_pb2 import EnforcementAction, Incident, InvestorAlert, NoticeContent, Reference
from regulator.exchange.v1.values_pb2 import SECTOR_EXCHANGE, Entity

from tests.conformance.materials import envelope, release
from tests.conformance.parties import KR_TO_HK

Row = tuple[str, str, bytes]


def taken() -> Iterator[tuple[str, str, str, bytes]]:
    """What the sender should have refused, and the receiver shows all the same; each with its use."""
    for name, differs, change in (
        ("lei-with-other-check-digits", "a Legal Entity Identifier does not check", _entity),
        ("isin-with-another-check-digit", "a Securities Identification Number does not check", _instrument),
        ("event-on-30-february", "the day of the event is none", _dated(Date(year=2026, month=2, day=30))),
        ("event-in-a-year", "the day of the event is a year alone", _dated(Date(year=2026))),
        ("kept-until-before-it-was-sealed", "it was to be kept until the day before", _kept(2026, 5, 7)),
        ("supersedes-what-is-not-known", "the notice that it supersedes is not known", _supersedes),
        ("title-twice-in-a-language", "there are two titles in one language", _two_titles),
        ("fine-in-no-currency", "the currency of a fine is none", _fine),
        ("approved-by-its-author", "the approver is the author", lambda made: made.approver.CopyFrom(made.author)),
        (
            "event-in-the-year-26",
            "the day of the event is of a year that cannot be meant",
            _dated(Date(year=26, month=1, day=2)),
        ),
        ("detected-at-no-moment", "what was noticed has an empty message for a moment", _detected(0)),
        ("detected-after-it-was-sealed", "it was noticed a year after it was sealed", _detected(31_536_000)),
        ("depeg-of-nothing", "a depeg is 0 basis points from the peg", _depeg_of_nothing),
        ("title-in-no-language", "the language of a title is none", _language("zz")),
        ("title-with-hidden-character", "a title holds a character that shows nothing", _title("A\u034ftitle")),
        ("domain-in-capitals", "two host names differ in capital letters alone", _domains("a.example", "A.example")),
        (
            "domain-with-dot-at-its-end",
            "two host names differ in a dot at the end",
            _domains("a.example", "a.example."),
        ),
        ("file", "a file belongs to a notice", _file("a.pdf")),
        ("file-of-4-gibibytes", "a file is as large as one may be", _file("a.pdf", size_bytes=2**32)),
        ("files-of-one-digest", "two files of a notice are the same but for their names", _file("a.pdf", "b.pdf")),
        ("files-as-many-as-may-be", "a notice has 64 files", _file(*(f"{place}.pdf" for place in range(64)))),
        ("file-named-for-its-folder", "a file has the name of the folder above", _file("..")),
        (
            "file-twice-but-for-capitals",
            "the names of two files differ in capital letters alone",
            _file("a.pdf", "A.PDF"),
        ),
        ("subject-twice", "a firm is named twice", _subjects("A firm", "A firm")),
        ("subject-with-blank", "a blank follows a firm's name", _subjects("A firm ")),
        ("sealed-far-ahead", "it is sealed three years ahead", lambda made: _later(made, 100_000_000)),
        (
            "authority-that-did-not-seal",
            "another authority speaks than the one that sealed it",
            lambda made: setattr(made.author, "authority", "HKMA"),
        ),
    ):
        yield name, differs, "PROJECTED", _release(change)
    assessment = _assessment(lambda said: setattr(said, "supersedes", "assessments/hk-2026-000"))
    yield "assessment", "rules are judged", "PROJECTED", _assessment(lambda _: None)
    yield "assessment-in-place-of-nothing", "what it supersedes is not known", "PROJECTED", assessment
    odd, elsewhere = envelope("unknown"), envelope("unknown", KR_TO_HK)
    odd.salt = b""
    yield "unknown-act-without-salt", "nothing more is asked of an act that is not known", "UNSUPPORTED", _data(odd)
    yield "unknown-act-of-another-channel", "nor its origin", "UNSUPPORTED", _data(elsewhere)
    yield (
        "unknown-kind-of-the-recipient",
        "nor the name of a notice of a kind that is not known",
        "UNSUPPORTED",
        _release(_of_no_kind),
    )


def broken() -> Iterator[Row]:
    """What cannot be used."""
    for name, differs, change in (
        (
            "authority-with-line-break",
            "a line break follows the author's authority",
            lambda made: setattr(made.author, "authority", "SFC\n"),
        ),
        ("kept-until-31-april", "the last day on which it may be kept is none", _kept(2027, 4, 31)),
        ("kept-until-a-year", "the last day on which it may be kept is a year alone", _kept(2027)),
        ("ticker-without-venue", "a ticker has no venue", _ticker),
        ("depeg-without-deviation", "a depeg does not say by how much", _depeg),
        ("digest-of-31-bytes", "the digest of a file lacks a byte", _file("a.pdf", sha256=bytes(31))),
        ("digest-of-33-bytes", "the digest of a file has a byte too many", _file("a.pdf", sha256=bytes(33))),
        ("file-without-digest", "a file has no digest", _file("a.pdf", sha256=b"")),
        ("file-of-no-bytes", "a file is empty", _file("a.pdf", size_bytes=0)),
        ("file-of-more-than-4-gibibytes", "a file has 4 GiB and a byte", _file("a.pdf", size_bytes=2**32 + 1)),
        ("file-of-no-media-type", "a file has no media type", _file("a.pdf", media_type="")),
        ("media-type-without-subtype", "the media type of a file is half of one", _file("a.pdf", media_type="text")),
        ("media-type-in-capitals", "it is in capital letters", _file("a.pdf", media_type="Application/PDF")),
        ("media-type-with-parameter", "it has a parameter", _file("a.txt", media_type="text/plain; charset=utf-8")),
        ("file-without-name", "a file has no name", _file("")),
        ("file-named-by-a-path", "the name of a file is a path", _file("a/b.pdf")),
        ("file-named-by-a-path-with-backslash", "it is one with a backslash", _file("a\\b.pdf")),
        ("file-with-a-line-break", "a line break stands in the name of a file", _file("a\n.pdf")),
        ("too-many-files", "a notice has 65 files", _file(*(f"{place}.pdf" for place in range(65)))),
    ):
        yield name, differs, _release(change)
    for name, differs, act in (
        (
            "assessment-of-others",
            "the sender judges the rules of two others",
            lambda said: (setattr(said, "first_jurisdiction", "SG"), setattr(said, "second_jurisdiction", "JP")),
        ),
        (
            "assessment-without-recipient",
            "the recipient is none of the two",
            lambda said: setattr(said, "second_jurisdiction", "SG"),
        ),
        (
            "assessment-of-one-side",
            "both provisions are the sender's",
            lambda said: (
                setattr(said.pair, "first", "frameworks/hk-so/provisions/a"),
                setattr(said.pair, "second", "frameworks/hk-so/provisions/b"),
            ),
        ),
        ("assessment-of-nothing", "there is no target", lambda said: said.ClearField("area")),
    ):
        yield name, differs, _assessment(act)
    made = envelope("framework")
    made.framework_version_published.framework, made.framework_version_published.version = "frameworks/kr-so", 1
    made.framework_version_published.content.SetInParent()
    yield "framework-of-the-recipient", "the framework's id begins with the recipient's jurisdiction", _data(made)


def _data(made: Envelope) -> bytes:
    return made.SerializeToString()


def _release(change: Callable[[Envelope], object]) -> bytes:
    made = release()
    change(made)
    return _data(made)


def _content(made: Envelope) -> NoticeContent:
    return made.notice_released.content


def _assessment(change: Callable[[AssessmentContent], object]) -> bytes:
    made = envelope("assessment")
    made.framework_assessed.assessment = "assessments/hk-2026-001"
    said = made.framework_assessed.content
    said.first_jurisdiction, said.second_jurisdiction, said.outcome = "HK", "KR", AssessmentContent.EQUIVALENT
    said.area.sector, said.area.topic = SECTOR_EXCHANGE, "custody"
    said.reasons.add(language_tag="en", text="They come to the same.")
    change(said)
    return _data(made)


def _entity(made: Envelope) -> None:
    _content(made).subjects.add(name="A firm", lei="549300O897ZC5H7CY411")


def _instrument(made: Envelope) -> None:
    _content(made).instruments.add(name="A share", isin="US0378331004")


def _ticker(made: Envelope) -> None:
    _content(made).instruments.add(name="A share", ticker="5")


def _dated(day: Date) -> Callable[[Envelope], None]:
    return lambda made: _content(made).event_date.CopyFrom(day)


def _detected(seconds: int) -> Callable[[Envelope], None]:
    """So long after it was sealed; 0: never."""

    def change(made: Envelope) -> None:
        _content(made).incident.type = Incident.OUTAGE
        _content(made).incident.detected_at.seconds = seconds and made.sealed_at.seconds + seconds
        _content(made).incident.detected_at.SetInParent()

    return change


def _depeg_of_nothing(made: Envelope) -> None:
    _content(made).incident.type, _content(made).incident.peg_deviation_bps = Incident.DEPEG, 0


def _language(tag: str) -> Callable[[Envelope], None]:
    return lambda made: setattr(_content(made).title[0], "language_tag", tag)


def _title(text: str) -> Callable[[Envelope], None]:
    return lambda made: setattr(_content(made).title[0], "text", text)


def _domains(*names: str) -> Callable[[Envelope], None]:
    def change(made: Envelope) -> None:
        _content(made).investor_alert.reason = InvestorAlert.IMPERSONATION
        _content(made).investor_alert.domains.extend(names)

    return change


def _file(*names: str, **odd: Any) -> Callable[[Envelope], None]:
    def change(made: Envelope) -> None:
        for name in names:
            file = {"media_type": "application/pdf", "size_bytes": 1, "sha256": bytes(32), **odd}
            _content(made).attachments.add(file_name=name, **file)

    return change


def _subjects(*names: str) -> Callable[[Envelope], None]:
    return lambda made: _content(made).subjects.extend(Entity(name=name) for name in names)


def _kept(year: int, month: int = 0, day: int = 0) -> Callable[[Envelope], None]:
    until = Date(year=year, month=month, day=day)
    return lambda made: _content(made).handling.retain_until.CopyFrom(until)


def _supersedes(made: Envelope) -> None:
    _content(made).references.add(relation=Reference.SUPERSEDES, notice="notices/hk-2026-000")


def _two_titles(made: Envelope) -> None:
    _content(made).title.add(language_tag="en", text="Another title")


def _fine(made: Envelope) -> None:
    said = _content(made).enforcement_action
    said.action, said.legal_basis = EnforcementAction.ADMINISTRATIVE_FINE, "Cap. 571"
    said.penalty.currency_code, said.penalty.units = "ZZZ", 1


def _depeg(made: Envelope) -> None:
    _content(made).incident.type = Incident.DEPEG


def _later(made: Envelope, seconds: int) -> None:
    made.sealed_at.seconds += seconds


def _of_no_kind(made: Envelope) -> None:
    made.notice_released.notice = "notices/kr-2026-001"
    _content(made).ClearField("policy_statement")
