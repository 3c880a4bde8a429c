"""Requests for assistance and answers: as they arrive, and what is left of them once their content is destroyed."""

from collections.abc import Callable, Iterator

from google.type.date_pb2 import Date
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer, AssistanceRequest
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.values_pb2 import LocalizedText

from tests.conformance.materials import release

A, Q = AssistanceAnswer, AssistanceRequest.Question
REPLY = A.Reply(question="1", text=[LocalizedText(language_tag="en", text="Nobody.")])
REQUEST, ANSWER = "assistance-request", "assistance-answer"
OUTCOMES = (A.ACCEPTED, A.PARTIAL, A.DECLINED, A.COMPLETE)


def taken() -> Iterator[tuple[str, str, str, bytes]]:
    """What the node shows; each with its use."""
    yield REQUEST, "assistance is asked for", "PROJECTED", _data(asked())
    for name, differs, change in (
        ("of-nobody-by-name", "no authority is asked by name", lambda said: said.ClearField("requested_authority")),
        ("by-no-day", "no day is set", lambda said: said.ClearField("respond_by")),
        ("by-a-day-past", "the day is before it was sealed", lambda said: said.respond_by.CopyFrom(_day(2020, 1, 1))),
        ("with-question-twice", "two questions have one key", lambda said: said.questions.append(said.questions[0])),
        ("until-before-from", "the time asked about ends before it begins", _backwards),
        ("until-30-february", "the time asked about ends on no day", _until_no_day),
    ):
        yield f"{REQUEST}-{name}", differs, "PROJECTED", _data(asked(change))
    for outcome in OUTCOMES:
        word = A.Outcome.Name(outcome).lower()
        yield f"{ANSWER}-{word}", f"a request is answered: {word}", "PROJECTED", _data(answered(outcome))
    for name, differs, change in (
        ("to-nothing-known", "the request is not known", lambda said: setattr(said, "request", "notices/kr-2026-999")),
        ("to-its-own", "it is to a notice of its sender", lambda said: setattr(said, "request", "notices/hk-2026-000")),
        ("with-strange-reply", "a reply is to no question", lambda said: setattr(said.replies[0], "question", "z")),
        ("with-reply-twice", "a question is answered twice", lambda said: said.replies.append(REPLY)),
        ("by-30-february", "more is expected on no day", lambda said: said.expected_by.CopyFrom(_day(2026, 2, 30))),
    ):
        yield f"{ANSWER}-{name}", differs, "PROJECTED", _data(answered(A.COMPLETE, change))
    accepted = answered(A.ACCEPTED, lambda said: said.replies.append(REPLY))
    yield f"{ANSWER}-accepted-with-reply", "what is only taken up is answered", "PROJECTED", _data(accepted)


def broken() -> Iterator[tuple[str, str, bytes]]:
    """What cannot be used."""
    for name, differs, change in (
        ("by-30-february", "the day by which an answer is hoped for is none", _by(_day(2027, 2, 30))),
        ("by-a-month", "the day by which an answer is hoped for is a month", _by(Date(year=2027, month=2))),
        ("for-nothing", "nothing is asked for", lambda said: said.ClearField("measures")),
        ("for-unknown-measure", "what is asked for is not known", lambda said: said.measures.append(99)),
        ("without-question", "there is no question", lambda said: said.ClearField("questions")),
        ("without-law", "there is no legal basis", lambda said: said.ClearField("legal_basis")),
        ("without-purpose", "there is no purpose", lambda said: said.ClearField("purpose")),
        (
            "with-key-in-capitals",
            "a question's key is in capitals",
            lambda said: setattr(said.questions[0], "key", "A"),
        ),
        (
            "of-two-lines",
            "a line break follows the authority",
            lambda said: setattr(said, "requested_authority", "F\n"),
        ),
    ):
        yield f"{REQUEST}-{name}", differs, _data(asked(change))
    for name, differs, outcome, change in (
        ("declined-without-ground", "no ground is given", A.DECLINED, lambda said: said.ClearField("ground")),
        ("complete-with-ground", "a ground is given, and nothing declined", A.COMPLETE, _ground(A.NOT_AVAILABLE)),
        ("on-unknown-ground", "the ground is not known", A.DECLINED, _ground(99)),
        ("without-outcome", "there is no outcome", A.COMPLETE, lambda said: said.ClearField("outcome")),
        ("of-unknown-outcome", "the outcome is not known", A.COMPLETE, lambda said: setattr(said, "outcome", 99)),
        ("to-nothing", "it names no request", A.COMPLETE, lambda said: said.ClearField("request")),
        ("to-no-notice", "it names no notice", A.COMPLETE, lambda said: setattr(said, "request", "kr-2026-001")),
        ("without-words", "a reply says nothing", A.COMPLETE, lambda said: said.replies[0].ClearField("text")),
    ):
        yield f"{ANSWER}-{name}", differs, _data(answered(outcome, change))


def remainders() -> Iterator[tuple[str, str, Envelope, Envelope]]:
    """What is left of each, spelled out field by field; each with the whole."""
    left = _bare(asked())
    said = left.notice_released.content.assistance_request
    said.requested_authority = "FSS"
    said.respond_by.CopyFrom(_day(2026, 6, 30))
    yield REQUEST, "of a request for assistance: who is asked, and the day", asked(), left
    open_end = asked(lambda said: (said.ClearField("respond_by"), said.ClearField("requested_authority")))
    bare = _bare(open_end)
    bare.notice_released.content.assistance_request.SetInParent()
    yield f"{REQUEST}-of-nobody", "of a request to nobody by name, without a day: that it is one", open_end, bare
    for outcome in OUTCOMES:
        whole = answered(outcome)
        left = _bare(whole)
        kept = left.notice_released.content.assistance_answer
        kept.request, kept.outcome = "notices/kr-2026-001", outcome
        word = A.Outcome.Name(outcome).lower()
        yield f"{ANSWER}-{word}", "of an answer: which request, and what became of it", whole, left


def too_much() -> Iterator[tuple[str, str, str, bytes]]:
    """More than may be left, or a value that none had that was sealed; each with what it differs from."""
    whole_request, whole_answer = asked().notice_released.content, answered(A.DECLINED).notice_released.content
    for field in ("measures", "legal_basis", "arrangement", "purpose", "questions", "period_from", "period_until"):
        yield (
            f"{REQUEST}-with-{field.replace('_', '-')}",
            REQUEST,
            f"`{field}` is left",
            _with(
                REQUEST,
                lambda said, field=field: _keep(said.assistance_request, whole_request.assistance_request, field),
            ),
        )
    declined = f"{ANSWER}-declined"
    for field in ("ground", "case_reference"):
        yield (
            f"{ANSWER}-with-{field.replace('_', '-')}",
            declined,
            f"`{field}` is left",
            _with(
                declined, lambda said, field=field: _keep(said.assistance_answer, whole_answer.assistance_answer, field)
            ),
        )
    complete, partial = f"{ANSWER}-complete", f"{ANSWER}-partial"
    yield (
        f"{ANSWER}-with-replies",
        complete,
        "`replies` are left",
        _with(complete, lambda said: said.assistance_answer.replies.append(REPLY)),
    )
    yield (
        f"{ANSWER}-with-expected-by",
        partial,
        "`expected_by` is left",
        _with(partial, lambda said: said.assistance_answer.expected_by.CopyFrom(_day(2026, 6, 1))),
    )
    yield (
        f"{ANSWER}-left-of-unknown-outcome",
        complete,
        "the outcome is not known",
        _with(complete, lambda said: setattr(said.assistance_answer, "outcome", 99)),
    )
    yield (
        f"{ANSWER}-left-to-no-notice",
        complete,
        "it names no notice",
        _with(complete, lambda said: setattr(said.assistance_answer, "request", "kr-2026-001")),
    )
    yield (
        f"{REQUEST}-left-of-two-lines",
        REQUEST,
        "a line break follows the authority",
        _with(REQUEST, lambda said: setattr(said.assistance_request, "requested_authority", "FSS\n")),
    )


def asked(change: Callable[[AssistanceRequest], object] = lambda said: None) -> Envelope:
    made = release()
    said = made.notice_released.content.assistance_request
    said.requested_authority, said.legal_basis, said.arrangement = "FSS", "Cap. 571, section 300", "IOSCO MMoU"
    said.measures.extend([AssistanceRequest.RECORDS, AssistanceRequest.INFORMATION])
    said.purpose.add(language_tag="en", text="To find who gained.")
    for key, text in (("1", "Who traded?"), ("2", "When?")):
        said.questions.append(Q(key=key, text=[LocalizedText(language_tag="en", text=text)]))
    for day, value in ((said.period_from, (2026, 1, 2)), (said.period_until, (2026, 3, 31))):
        day.CopyFrom(_day(*value))
    said.respond_by.CopyFrom(_day(2026, 6, 30))
    change(said)
    return made


def answered(
    outcome: AssistanceAnswer.Outcome.ValueType, change: Callable[[AssistanceAnswer], object] = lambda said: None
) -> Envelope:
    made = release()
    said = made.notice_released.content.assistance_answer
    said.request, said.outcome, said.case_reference = "notices/kr-2026-001", outcome, "SFC-2026-9"
    if outcome == A.DECLINED:
        said.ground = A.PUBLIC_INTEREST
    if outcome in (A.PARTIAL, A.COMPLETE):
        said.replies.append(REPLY)
    if outcome in (A.ACCEPTED, A.PARTIAL):
        said.expected_by.CopyFrom(_day(2026, 6, 1))
    change(said)
    return made


def _bare(whole: Envelope) -> Envelope:
    """What is left of an envelope with any notice, but for the detail."""
    left = Envelope(origin=whole.origin, sealed_at=whole.sealed_at, author=whole.author)
    left.notice_released.notice = whole.notice_released.notice
    content, kept = whole.notice_released.content, left.notice_released.content
    kept.issuing_authority, kept.urgency = content.issuing_authority, content.urgency
    kept.sectors.extend(content.sectors)
    kept.handling.CopyFrom(content.handling)
    return left


def _with(name: str, change: Callable[..., object]) -> bytes:
    left = Envelope()
    left.CopyFrom(next(left for each, _, _, left in remainders() if each == name))
    change(left.notice_released.content)
    return left.SerializeToString(deterministic=True)


def _keep(left: AssistanceRequest | AssistanceAnswer, whole: AssistanceRequest | AssistanceAnswer, field: str) -> None:
    only = type(whole)()
    only.CopyFrom(whole)
    for each in whole.DESCRIPTOR.fields:
        if each.name != field:
            only.ClearField(each.name)
    assert only.ByteSize(), field
    left.MergeFrom(only)  # type: ignore[arg-type]


def _data(made: Envelope) -> bytes:
    return made.SerializeToString()


def _day(year: int, month: int, day: int) -> Date:
    return Date(year=year, month=month, day=day)


def _by(day: Date) -> Callable[[AssistanceRequest], None]:
    return lambda said: said.respond_by.CopyFrom(day)


def _ground(ground: int) -> Callable[[AssistanceAnswer], None]:
    return lambda said: setattr(said, "ground", ground)


def _backwards(said: AssistanceRequest) -> None:
    said.period_until.CopyFrom(_day(2026, 1, 1))


def _until_no_day(said: AssistanceRequest) -> None:
    said.period_until.CopyFrom(_day(2026, 2, 30))
