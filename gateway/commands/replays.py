"""What is asked for twice under one ``request_id`` is done once (AIP-155)."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from gateway.errors import ContentDestroyed, RequestIdReused
from gateway.identity.access.access import Caller
from gateway.store.destroying import NO_DIGEST
from gateway.store.reading import Needs
from gateway.store.transaction import Transaction
from gateway.supervision.acts.submissions import digest_of


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request as it is told from all others.

    Attributes:
        caller: whose it is
        request_id: empty: it is not idempotent, and carried out each time
        digest: see ``digest_of``
    """

    caller: Caller
    request_id: str
    digest: bytes

    @classmethod
    def of(cls, caller: Caller, request: Message) -> "IdempotentRequest":
        """Of a message that has a ``request_id``."""
        asked: Any = request
        return cls(caller, asked.request_id, digest_of(request))

    @property
    def needs(self) -> Needs:
        """What ``carried_out`` will look up, to be read at once for all that waits."""
        return Needs(requests=frozenset({(self.caller.client, self.request_id)} if self.request_id else ()))

    def carried_out(self, tx: Transaction) -> str:
        """The id or name of what this very request acted on; empty: it was not carried out.

        Raises:
            RequestIdReused: the id was used for another request.
            ContentDestroyed: whether it was this one cannot be told any more.
        """
        known = tx.find_request(self.caller.client, self.request_id) if self.request_id else None
        if known is None:
            return ""
        if known.digest == NO_DIGEST:
            raise ContentDestroyed("the content of what was asked for under this request_id is destroyed")
        if known.digest != self.digest:
            raise RequestIdReused("the request_id was used for another request")
        return known.acted_on

    def remember(self, tx: Transaction, acted_on: str) -> str:
        """Keeps the id or name of what it acted on, if it is idempotent; gives the same."""
        if self.request_id:
            tx.remember_request(self.caller.client, self.request_id, self.digest, acted_on)
        return acted_on
