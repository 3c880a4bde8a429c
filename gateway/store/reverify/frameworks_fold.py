"""What the envelopes of frameworks and assessments amount to, told once more and naively."""

from dataclasses import dataclass, field

from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.store.reverify.channels import VerifiedChannel
from gateway.supervision.frameworks.content import pair_violations, repeated_ids
from gateway.supervision.frameworks.names import assessment_id, framework_id, version_name
from gateway.supervision.frameworks.records import Target, target_of
from gateway.supervision.notices.content import id_fault
from gateway.supervision.rules.values import date_fault

Place = tuple[int, int]  # channel id, index


@dataclass(slots=True)
class AssessmentFacts:
    """What is known of an assessment beside its content."""

    channel: int
    index: int
    target: Target
    superseded_by: str = ""


@dataclass(slots=True)
class FrameworksFold:
    """The places of versions, the assessments by id, and the names that requests may have made."""

    versions: dict[Place, tuple[str, int]] = field(default_factory=dict)  # framework id and number
    newest: dict[tuple[int, str], int] = field(default_factory=dict)  # number, by channel and framework id
    assessments: dict[str, AssessmentFacts] = field(default_factory=dict)
    places: set[Place] = field(default_factory=set)  # of all of these
    names: set[str] = field(default_factory=set)

    def take(self, channel: VerifiedChannel, index: int, envelope: Envelope) -> bool:
        """Takes a version or an assessment; False: it breaks a rule."""
        if envelope.HasField("framework_version_published"):
            return self._take_version(channel, index, envelope)
        return self._take_assessment(channel, index, envelope)

    def _take_version(self, channel: VerifiedChannel, index: int, envelope: Envelope) -> bool:
        act = envelope.framework_version_published
        known = framework_id(act.framework)
        if id_fault(known, channel.sender) or act.content.header.jurisdiction != channel.sender:
            return False
        if act.version <= self.newest.get((channel.id, known), 0):
            return False
        if any(repeated_ids(act.content.provisions[:], "provisions")):
            return False
        if any(date_fault(each.effective_from) for each in act.content.provisions):
            return False
        self.newest[channel.id, known] = act.version
        self.versions[channel.id, index] = (known, act.version)
        self.places.add((channel.id, index))
        self.names.add(version_name(known, act.version))
        return True

    def _take_assessment(self, channel: VerifiedChannel, index: int, envelope: Envelope) -> bool:
        act = envelope.framework_assessed
        new_id, content = assessment_id(act.assessment), act.content
        sides = {content.first_jurisdiction, content.second_jurisdiction}
        if id_fault(new_id, channel.sender) or sides != {channel.sender, channel.recipient}:
            return False
        if new_id in self.assessments or any(pair_violations(content, "")):
            return False
        facts = self.assessments[new_id] = AssessmentFacts(channel.id, index, target_of(content))
        self.places.add((channel.id, index))
        self.names.add(act.assessment)
        earlier = self.assessments.get(assessment_id(content.supersedes)) if content.supersedes else None
        fits = earlier and earlier is not facts and (earlier.channel, earlier.target) == (channel.id, facts.target)
        if earlier and fits and not earlier.superseded_by:
            earlier.superseded_by = new_id
        return True
