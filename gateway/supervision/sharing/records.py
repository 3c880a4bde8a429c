"""What a node knows of the onward sharing of a notice: consents that were asked for, decisions on them, and shares.

Each is a fact that one envelope brings; nothing of it is ever changed. The words (purpose, reason, conditions) stay in
the envelopes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from regulator.exchange.v1.values_pb2 import Handling

from gateway.supervision.notices.records import Place

MAX_CONSENTS = 64  # asked for, of a notice
MAX_SHARES = 64  # of a notice
MAX_DECISIONS = 16  # on a consent, as the contract has it


class Recipient(NamedTuple):
    """To whom a notice is passed on."""

    organisation: str
    jurisdiction: str  # ISO 3166-1 alpha-2


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """Consent that the receiver of a notice asked for."""

    notice: str  # id
    id: str  # within the notice
    authority: str  # that asked: it is for this one alone
    recipients: frozenset[Recipient]
    use: Handling.Use.ValueType
    place: Place


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision of the originator; of those on one consent the last one counts."""

    notice: str  # id
    consent: str  # id within the notice
    number: int  # 1, 2, 3
    is_granted: bool
    valid_until: int  # the last day (UTC) on which it is in force, 20260131; 0: no limit
    place: Place


@dataclass(frozen=True, slots=True)
class ShareRecord:
    """That the receiver passed a notice on."""

    notice: str  # id
    id: str  # within the notice
    consent: str  # id within the notice; empty: under none
    decision: int  # number of the one that was in force for who shared; 0: under no consent
    is_covered: bool  # by handling and consent; a peer may tell of others
    place: Place


SharingRecord = ConsentRecord | DecisionRecord | ShareRecord


@dataclass(frozen=True, slots=True)
class Dossier:
    """All of one notice, each in the order of its channel."""

    consents: tuple[ConsentRecord, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()
    shares: tuple[ShareRecord, ...] = ()

    def adding(self, record: SharingRecord) -> "Dossier":
        """The same with one record more."""
        if isinstance(record, ConsentRecord):
            return replace(self, consents=(*self.consents, record))
        if isinstance(record, DecisionRecord):
            return replace(self, decisions=(*self.decisions, record))
        return replace(self, shares=(*self.shares, record))

    def consent(self, consent_id: str) -> ConsentRecord | None:
        """A consent; None: nobody asked for it."""
        return next((each for each in self.consents if each.id == consent_id), None)

    def decision(self, consent_id: str, number: int) -> DecisionRecord | None:
        """A decision on a consent; None: there is none of that number."""
        wanted = (consent_id, number)
        return next((each for each in self.decisions if (each.consent, each.number) == wanted), None)

    def newest(self, consent_id: str) -> DecisionRecord | None:
        """The decision that counts; None: there is none yet."""
        found = (each for each in self.decisions if each.consent == consent_id)
        return max(found, key=lambda each: each.number, default=None)


NO_DOSSIER = Dossier()

FindDossier = Callable[[str], Dossier]
"""Gives what is known of the sharing of a notice by its id, as of now in the caller's transaction."""
