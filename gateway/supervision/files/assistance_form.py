"""The form of a request for assistance, and of an answer to one, in files of the schema ``notices/1``."""

from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer, AssistanceRequest

from gateway.supervision.files.codecs import Codec, Field, listing, mapping, obj, parse
from gateway.supervision.files.values import DATE, LOCALIZED, TEXT, one_of
from gateway.supervision.notices.content import notice_id, notice_name
from gateway.words import words

_NOTICE = Codec(lambda value, path: notice_name(TEXT.read(value, path)), notice_id, "the id of a notice")

_BY_KEY = 'an object with texts by a question\'s key, such as {"1": {"en": "Kim"}}'
_REPLIES = mapping(LOCALIZED, AssistanceAnswer.Reply, "question", "text", _BY_KEY)

REQUEST = obj(
    AssistanceRequest,
    Field("requested_authority", TEXT),
    Field("measures", listing(one_of(words(AssistanceRequest.Measure)))),
    Field("legal_basis", TEXT),
    Field("arrangement", TEXT),
    Field("purpose", LOCALIZED),
    Field("questions", mapping(LOCALIZED, AssistanceRequest.Question, "key", "text", _BY_KEY)),
    Field("period_from", DATE),
    Field("period_until", DATE),
    Field("respond_by", DATE),
)

ANSWER = obj(
    AssistanceAnswer,
    Field("request", _NOTICE),
    Field("outcome", one_of(words(AssistanceAnswer.Outcome))),
    Field("ground", one_of(words(AssistanceAnswer.Ground))),
    Field("replies", _REPLIES),
    Field("case_reference", TEXT),
    Field("expected_by", DATE),
)


def read_replies(text: str | bytes) -> list[AssistanceAnswer.Reply]:
    """The replies of a file: an object with a text by language for each question's key.

    Raises:
        BadInput: naming JSON paths (``2a.en``) and what would be right there.
    """
    found: list[AssistanceAnswer.Reply] = _REPLIES.read(parse(text), "")
    return found
