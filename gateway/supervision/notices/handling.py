"""How what is told may be treated: the order of TLP labels, and handling that contradicts itself."""

from collections.abc import Iterator, Mapping

from google.type.date_pb2 import Date
from regulator.exchange.v1.values_pb2 import Handling

from gateway.errors import Violation
from gateway.moments import day_of

# From the widest audience to the narrowest: FIRST, Traffic Light Protocol 2.0.
TLP_ORDER = (Handling.CLEAR, Handling.GREEN, Handling.AMBER, Handling.AMBER_STRICT, Handling.RED)

_RANK = {label: rank for rank, label in enumerate(TLP_ORDER)}

# The sharing that a label leaves open: what all may read cannot be held back, what is for the recipient alone
# cannot be passed on freely.
_SHARING: Mapping[int, tuple[Handling.OnwardSharing.ValueType, ...]] = {
    Handling.CLEAR: (Handling.ALLOWED,),
    Handling.AMBER_STRICT: (Handling.CONSENT_REQUIRED, Handling.PROHIBITED),
    Handling.RED: (Handling.CONSENT_REQUIRED, Handling.PROHIBITED),
}


def covers(clearance: Handling.Tlp.ValueType, label: Handling.Tlp.ValueType) -> bool:
    """Whether one cleared up to ``clearance`` may see what bears ``label``; an unknown label, nobody may."""
    return label in _RANK and _RANK.get(clearance, -1) >= _RANK[label]


def handling_violations(handling: Handling, event_date: Date, path: str) -> Iterator[Violation]:
    """What contradicts itself in ``handling``, of content about ``event_date``."""
    sharing = _SHARING.get(handling.tlp)
    if sharing and handling.onward_sharing and handling.onward_sharing not in sharing:
        allowed = " or ".join(Handling.OnwardSharing.Name(each) for each in sharing)
        yield Violation(f"{path}.onward_sharing", f"must be {allowed} under TLP {Handling.Tlp.Name(handling.tlp)}")
    if handling.HasField("retain_until") and day_of(handling.retain_until) < day_of(event_date):
        yield Violation(f"{path}.retain_until", "must not be before event_date")
