"""Tokens that come back from a caller: of pages, of events, of officers."""

from regulator.exchange.v1.admin_service_pb2 import ListPeersRequest
from regulator.exchange.v1.notice_service_pb2 import ListNoticesRequest

from gateway.identity.officers.claims import Presenter
from gateway.identity.officers.issuer_keys import IssuerKeys
from gateway.identity.officers.officers import Issuer, Officers
from gateway.identity.officers.rules import Algorithm, IssuerRules, OfficerRules
from gateway.questions.paging import MAX_POSITION, page_position, page_token, pinned_position
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.opening import TOKEN_KEY_BYTES
from tests.fuzz.issuer import AUDIENCE, ISSUER, NOW, PRESENTER, jwks

SEALED = SealedTokens(bytes(TOKEN_KEY_BYTES), bytes)
PEERS, NOTICES = ListPeersRequest(), ListNoticesRequest()


class _Keys:
    """A ``KeySource`` that has them."""

    name = "keys.json"

    def __init__(self) -> None:
        self._keys = IssuerKeys.parse(jwks(), tuple(Algorithm))

    def keys(self) -> IssuerKeys:
        return self._keys

    def look(self) -> None:
        """Nothing changes."""

    def miss(self) -> None:
        """Nothing more is known."""


_RULES = IssuerRules(
    issuer=ISSUER, audience=AUDIENCE, jwks="keys.json", algorithms=tuple(Algorithm), system_claim="azp"
)
_OFFICER_RULES = OfficerRules(issuers=(_RULES,))
_SOURCE = _Keys()


def page(data: bytes) -> None:
    """A token in the clear that is taken is the one that is given for its position."""
    token = _text(data)
    if len(token) > len(page_token(0, PEERS)):
        pinned = pinned_position(token, PEERS)
        assert pinned is not None, "it is not empty"
        assert page_token(pinned[0], PEERS, pinned[1]) == token
    else:
        position = page_position(token, PEERS)
        assert position is None or (page_token(position, PEERS) == token and 0 <= position <= MAX_POSITION)


def sealed_page(data: bytes) -> None:
    token = _text(data)
    if len(token) > len(SEALED.page_token(0, NOTICES)):
        SEALED.pinned_position(token, NOTICES)
    else:
        SEALED.page_position(token, NOTICES)


def cursor(data: bytes) -> None:
    SEALED.cursor_position(_text(data))


def officer(data: bytes) -> None:
    """Metadata of a call is ASCII, as gRPC sees to it."""
    officers = Officers(_OFFICER_RULES, [Issuer(_RULES, _SOURCE)])
    found = officers.officer(data.decode("ascii", "ignore"), Presenter(*PRESENTER), NOW, lambda: None)
    assert found.until > NOW


def _text(data: bytes) -> str:
    """A text field of a request: any text of valid Unicode."""
    return data.decode("utf-8", "ignore")
