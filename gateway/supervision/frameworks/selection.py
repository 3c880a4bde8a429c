"""Which provisions a listing asks for."""

import unicodedata
from collections.abc import Iterable

from regulator.exchange.v1.framework_pb2 import Provision
from regulator.exchange.v1.framework_service_pb2 import ListProvisionsRequest

from gateway.supervision.frameworks.days import is_in_force, ordinal


def selected(provisions: Iterable[Provision], request: ListProvisionsRequest) -> list[Provision]:
    """The provisions that meet a request's filters on sector, topic, status, text and day, in the order given.

    Which versions to read (``parent``, ``jurisdiction``, ``known_at``) is decided before.
    """
    found = list(provisions)
    if request.sector:
        found = [each for each in found if each.sector == request.sector]
    if request.topic:
        found = [each for each in found if each.topic == request.topic]
    if request.status:
        found = [each for each in found if each.status == request.status]
    if request.HasField("as_of"):
        day = ordinal(request.as_of)
        found = [each for each in found if is_in_force(each, day)]
    if text := _searched(request.text):
        found = [each for each in found if text in _words(each)]
    return found


def _words(provision: Provision) -> str:
    """All that is searched, one text a line."""
    localized = (each.text for each in (*provision.title, *provision.requirement))
    return _searched("\n".join((provision.id, provision.citation, *localized)))


def _searched(text: str) -> str:
    """A text without upper case, and in one spelling: some systems take every accent, and Hangul, apart."""
    return unicodedata.normalize("NFC", text.casefold())
