"""What each caller may see."""

from gateway.identity.access.access import Caller
from gateway.supervision.disclosure import Scope


def scope_of(caller: Caller) -> Scope:
    """The scope that the access file gives a caller."""
    return Scope(caller.clearance, caller.sectors)
