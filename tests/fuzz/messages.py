"""What protobuf has read already: an envelope that arrived, a request of a caller."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from google.protobuf.message import Message
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest

from gateway.errors import Malformed
from gateway.identity.evidence.evidence import act_of, moment
from gateway.journal.names import asked_in, request_id_of
from gateway.ledger.merkle import MAX_SIZE
from gateway.ledger.seals import rotating
from gateway.rpc.decoding import decode
from gateway.store.logs import parsed
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.destruction import is_remainder, left_in, remainder, remainder_of
from gateway.supervision.files.notice_form import CONTENT  # noqa: F401 - its tables are built before the first input
from gateway.supervision.notices.records import Place
from gateway.supervision.projections.projection import concerned_notices, reply_rank
from gateway.supervision.rules.value_rules import value_violations
from tests.conformance.parties import HK_TO_KR
from tests.support.arrivals import arrived

PLACE = Place(HK_TO_KR, 7)


def envelope(data: bytes) -> None:
    """Whatever a peer sealed, taking it in never fails, and what follows from it fits into both databases."""
    sealed = parsed(data)
    if sealed is None:
        return
    assert (rotating(data) is not None) == sealed.HasField("seal_rotated"), "the channel and the store see the same"
    list(concerned_notices(sealed))
    reply_rank(sealed)
    act_of(sealed)
    for value in _values(arrived(sealed, PLACE)):
        if isinstance(value, str):
            assert "\0" not in value, "PostgreSQL holds no NUL in a text"
            value.encode()
        else:
            assert abs(value) <= MAX_SIZE, "a database counts up to 2^63 - 1"
    left = remainder(sealed)
    assert is_remainder(left)
    assert remainder(left) == left, "what is left is left as it is"
    try:
        moment(sealed.sealed_at.seconds, sealed.sealed_at.nanos)
    except Malformed:
        return


def left(data: bytes) -> None:
    """What a peer hands in for destroyed content has one form, and nothing else is kept of it."""
    envelope = left_in(data)
    assert is_remainder(envelope)
    assert remainder_of(data) == data


def request(data: bytes) -> None:
    """A request is read and checked, or refused by the name of a field."""
    read = decode(CreateNoticeRequest, data)
    request_id_of(read)
    asked_in(read)
    value_violations(read, "")
    check_fields(read)


def _values(value: Any) -> Iterator[str | int]:
    """The texts and numbers in a value, however deep; a message is stored as bytes."""
    if isinstance(value, Enum | Message | bytes):
        return
    if isinstance(value, str | int):
        yield value
    elif is_dataclass(value):
        for each in fields(value):
            yield from _values(getattr(value, each.name))
    elif isinstance(value, tuple | list | frozenset):
        for each in value:
            yield from _values(each)
    else:
        assert value is None or isinstance(value, float), type(value)
