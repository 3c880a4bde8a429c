"""On whose behalf something is sealed: by a direct call, by the approval of what another one wrote, or by the node."""

from dataclasses import dataclass

from gateway.errors import Halted, Unavailable
from gateway.identity.access.access import Caller
from gateway.identity.names import NodeId
from gateway.questions.scopes import scope_of
from gateway.store.transaction import Transaction
from gateway.supervision.destruction import NODE
from gateway.supervision.disclosure import Scope
from gateway.supervision.envelopes.envelopes import Actor


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts.

    Attributes:
        author: who wrote what is sealed
        scope: what whoever is here may see; all that is referred to must be within it
        approver: who released it; None: a direct call, or a draft that is only checked
    """

    author: Actor
    scope: Scope
    approver: Actor | None = None


def by(caller: Caller) -> Acting:
    """A caller acts for itself."""
    return Acting(caller, scope_of(caller))


def approving(caller: Caller, author: Actor) -> Acting:
    """A caller releases what an author wrote."""
    return Acting(author, scope_of(caller), caller)


class NodeItself:
    """Who acts where no client asked."""

    authority = NODE
    officer = ""

    def __init__(self, domain: str) -> None:
        self.client = str(NodeId(domain))


def is_open(tx: Transaction, origin: str) -> bool:
    """Whether something may be sealed in a channel of ours now: what a node does by itself waits until it may."""
    try:
        tx.require_open(origin)
    except (Halted, Unavailable):
        return False
    return True
