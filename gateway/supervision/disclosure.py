"""What a caller may see of notices: up to a TLP label, within sectors. To it, the rest is not there.

Clearance and sectors decide alone: a notice of the own jurisdiction's other authority is seen, or not, by the same
rule as one of a peer. docs/handling.md tells what this keeps from whom, and what it cannot.
"""

from collections.abc import Collection
from dataclasses import dataclass

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.errors import NotAllowed
from gateway.supervision.envelopes.about import notice_in
from gateway.supervision.notices.handling import TLP_ORDER, covers
from gateway.supervision.notices.records import Find, NoticeRecord


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be seen: labels up to ``clearance``, and what concerns one of ``sectors``; none means all."""

    clearance: Handling.Tlp.ValueType
    sectors: frozenset[Sector.ValueType] = frozenset()

    @property
    def is_unlimited(self) -> bool:
        """Whether all may be seen, also that whose label nobody here can read."""
        return self.clearance == TLP_ORDER[-1] and not self.sectors

    @property
    def labels(self) -> tuple[Handling.Tlp.ValueType, ...]:
        """The labels that the clearance covers."""
        return tuple(label for label in TLP_ORDER if covers(self.clearance, label))

    def sees(self, label: Handling.Tlp.ValueType, sectors: Collection[Sector.ValueType]) -> bool:
        """Whether what bears a label and concerns sectors may be seen."""
        return covers(self.clearance, label) and (not self.sectors or not self.sectors.isdisjoint(sectors))


_OPEN = frozenset({"framework_version_published", "framework_assessed", "seal_rotated"})  # these bear no label

EVERYTHING = Scope(Handling.RED)
"""Of clients that are cleared for all."""


def within(scope: Scope, find: Find) -> Find:
    """Finds the records that may be seen, and no others."""

    def seen(wanted_id: str) -> NoticeRecord | None:
        record = find(wanted_id)
        return record if record and scope.sees(record.tlp, record.sectors) else None

    return seen


def discloses(envelope: Envelope | None, scope: Scope, find: Find) -> bool:
    """Whether an envelope may be seen whole: by the label of the notice that it gives or is about.

    What says of no notice that is known, and is no framework's, has no label: only who may see everything sees it.

    Args:
        envelope: as it was sealed; None for bytes that are none
        scope: of the caller
        find: gives the records of notices
    """
    if envelope is None or scope.is_unlimited:
        return scope.is_unlimited
    if envelope.HasField("notice_released"):
        content = envelope.notice_released.content
        return scope.sees(content.handling.tlp, content.sectors)
    if of_notice := notice_in(envelope):
        return within(scope, find)(of_notice) is not None
    return envelope.WhichOneof("content") in _OPEN


def check_within(content: NoticeContent, scope: Scope, path: str) -> None:
    """Passes if who may see ``scope`` may give this notice: nobody writes what it could not read again.

    Raises:
        NotAllowed: the label is above the clearance, or none of the sectors is the caller's.
    """
    if not covers(scope.clearance, content.handling.tlp):
        clearance = Handling.Tlp.Name(scope.clearance)
        raise NotAllowed(f"{path}.handling.tlp must not be above the caller's clearance, {clearance}")
    if not scope.sees(content.handling.tlp, content.sectors):
        raise NotAllowed(f"{path}.sectors must hold one of the caller's sectors")
