"""The states of a consent: what the newest decision on it amounts to on a day, and what may be decided in each."""

from collections.abc import Mapping

from regulator.exchange.v1.sharing_pb2 import SharingDecided
from regulator.exchange.v1.sharing_service_pb2 import Consent

from gateway.errors import WrongState
from gateway.supervision.sharing.coverage import is_over
from gateway.supervision.sharing.records import MAX_DECISIONS, DecisionRecord

_GRANTED, _REFUSED = SharingDecided.GRANTED, SharingDecided.REFUSED

# state and decision: the state after it. What does not stand here is not allowed.
AFTER: Mapping[tuple[Consent.State.ValueType, SharingDecided.Decision.ValueType], Consent.State.ValueType] = {
    (Consent.REQUESTED, _GRANTED): Consent.GRANTED,
    (Consent.REQUESTED, _REFUSED): Consent.REFUSED,
    (Consent.GRANTED, _GRANTED): Consent.GRANTED,  # on other terms
    (Consent.GRANTED, _REFUSED): Consent.REFUSED,  # it is revoked
    (Consent.EXPIRED, _GRANTED): Consent.GRANTED,
    (Consent.EXPIRED, _REFUSED): Consent.REFUSED,
    (Consent.REFUSED, _GRANTED): Consent.GRANTED,
}


def state_of(newest: DecisionRecord | None, today: int) -> Consent.State.ValueType:
    """The state of a consent on a day (UTC, 20260131), by the newest decision on it."""
    if newest is None:
        return Consent.REQUESTED
    if not newest.is_granted:
        return Consent.REFUSED
    return Consent.EXPIRED if is_over(newest, today) else Consent.GRANTED


def require(name: str, newest: DecisionRecord | None, decision: SharingDecided.Decision.ValueType, today: int) -> int:
    """Passes if a decision is allowed on the consent of a name now; gives its number.

    Raises:
        WrongState: its state does not allow it; or there were too many: the last one that is taken is a refusal, so
            that every consent can be revoked.
    """
    state, word = state_of(newest, today), SharingDecided.Decision.Name(decision)
    if (state, decision) not in AFTER:
        allowed = ", ".join(Consent.State.Name(each) for each, other in AFTER if other == decision)
        told = Consent.State.Name(state)
        raise WrongState(
            f"{word} needs a consent in state {allowed}; {name} is {told}", consent=name, state=told, allowed=allowed
        )
    number = newest.number + 1 if newest else 1
    if number > MAX_DECISIONS - (decision == _GRANTED):
        raise WrongState(f"{name} has {number - 1} decisions, and takes no more: ask for another consent", consent=name)
    return number


def etag_of(newest: DecisionRecord | None) -> str:
    """The opaque text by which a caller shows which consent it read (AIP-154)."""
    return f'"{newest.number if newest else 0}"'
