"""What is asked for twice under one ``request_id`` is done once (AIP-155)."""

from gateway.errors import ContentDestroyed, RequestIdReused
from gateway.identity.access import Caller
from gateway.store.destroying import NO_DIGEST
from gateway.store.reading import Needs
from gateway.store.transaction import Transaction


def needed(caller: Caller, request_id: str) -> Needs:
    """What ``carried_out`` will look up, to be read at once for all that waits."""
    return Needs(requests=frozenset({(caller.client, request_id)} if request_id else ()))


def carried_out(tx: Transaction, caller: Caller, request_id: str, digest: bytes) -> str:
    """The id or name of what this very request acted on; empty: it was not carried out.

    Raises:
        RequestIdReused: the id was used for another request.
        ContentDestroyed: whether it was this one cannot be told any more.
    """
    known = tx.find_request(caller.client, request_id) if request_id else None
    if known is None:
        return ""
    if known.digest == NO_DIGEST:
        raise ContentDestroyed("the content of what was asked for under this request_id is destroyed")
    if known.digest != digest:
        raise RequestIdReused("the request_id was used for another request")
    return known.notice


def remember(tx: Transaction, caller: Caller, request_id: str, digest: bytes, acted_id: str) -> str:
    """Keeps what a request acted on, if it has an id; gives the same."""
    if request_id:
        tx.remember_request(caller.client, request_id, digest, acted_id)
    return acted_id
