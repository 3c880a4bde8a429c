"""What envelopes come to for a unit of work, and replies that came before what they reply to.

After a restore a channel may bring our own replies back before the other one has brought what they reply to, and then
they cannot be used. So their places are kept, and they are projected again whenever more of the other channel is here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.errors import Violation
from gateway.store.arriving import Arrived
from gateway.store.logs import Reply, parsed, read_leaves, read_unusable
from gateway.store.reading import Reading
from gateway.store.state import ChannelState
from gateway.supervision.notices.records import Place
from gateway.supervision.outcomes import NO_ENVELOPE, Context, Outcome, Projection
from gateway.supervision.projections.projection import project, reply_rank
from gateway.supervision.sharing.names import shared_notice
from gateway.supervision.sharing.records import NO_DOSSIER, SharingRecord


class Projecting(Reading):
    """Projects envelopes by what is true now."""

    def _early(self, origin: str) -> Sequence[int]:
        """Own replies that could not be used when they came back, as it stands now."""
        state = self.channel(origin)
        if state.early is None:
            state = self._set_early(origin, read_unusable(self._connection, state.id))
        return state.early or ()

    def _set_early(self, origin: str, indexes: Iterable[int]) -> ChannelState:
        state = replace(self.channel(origin), early=tuple(indexes))
        self._changes.states[origin] = state
        return state

    def _take_early(self, origin: str, early: Sequence[int], came: Sequence[Reply]) -> None:
        """Takes own replies, now that more of what they may reply to is here; then what replies to them in turn."""
        replies = [*self._replies(origin, early), *came]
        taken = {each.place.index for each in self._project_again(replies) if each.place.origin == origin}
        self._set_early(origin, [each for each in early if each not in taken])

    def _take_replies(self, origins: Sequence[str]) -> None:
        """Takes the replies of channels that could not be used when they came."""
        found = [self._replies(each, read_unusable(self._connection, self.channel(each).id)) for each in origins]
        self._project_again([reply for replies in found for reply in replies])

    def _replies(self, origin: str, indexes: Sequence[int]) -> list[Reply]:
        found = read_leaves(self._connection, self.channel(origin).id, indexes)
        envelopes = ((leaf, parsed(leaf["data"])) for leaf in found)
        return [Reply(Place(origin, leaf["index"]), each, leaf["destroyed"]) for leaf, each in envelopes if each]

    def _project_again(self, replies: Iterable[Reply]) -> list[Reply]:
        """Projects replies in the order of their ranks; gives those that are, or were, used."""
        used = []
        for each in sorted(replies, key=lambda reply: reply_rank(reply.envelope)):
            state = self.channel(each.place.origin)
            projection = self._project(each.envelope, each.place, state, () if each.is_destroyed else None)
            if projection.outcome is Outcome.PROJECTED:
                self._changes.apply(projection, each.place)
            if projection.outcome is Outcome.PROJECTED or self._is_known(each):
                used.append(each)
        return used

    def _is_known(self, reply: Reply) -> bool:
        """Whether an act of onward sharing was taken before: each is new but once."""
        of_notice = shared_notice(reply.envelope)
        dossier = self.find_dossier(of_notice) if of_notice else NO_DOSSIER
        known: list[SharingRecord] = [*dossier.consents, *dossier.decisions, *dossier.shares]
        return any(each.place == reply.place for each in known)

    def _projection(self, arrived: Arrived, place: Place, state: ChannelState) -> Projection:
        if arrived.envelope is None:
            return NO_ENVELOPE
        return self._project(arrived.envelope, place, state, arrived.broken)

    def _project(
        self, envelope: Envelope, place: Place, state: ChannelState, broken: Sequence[Violation] | None
    ) -> Projection:
        context = Context(
            envelope,
            place,
            state.ends,
            self.find_notice,
            lambda framework_id: self.frameworks.newest_in(place.origin, framework_id),
            self.frameworks.assessment,
            self.find_dossier,
        )
        return project(context, broken)
