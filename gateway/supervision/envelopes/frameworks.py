"""Builds the envelopes of frameworks and assessments; see ``envelopes``."""

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.framework_pb2 import AssessmentContent, FrameworkVersionContent

from gateway.supervision.envelopes.envelopes import Seal, envelope_of
from gateway.supervision.frameworks.names import assessment_name, framework_name


def published(
    seal: Seal, framework_id: str, version: int, base_version: int, content: FrameworkVersionContent
) -> Envelope:
    """A version of a framework is published; ``base_version`` is 0 for the first."""
    envelope = envelope_of(seal)
    envelope.framework_version_published.framework = framework_name(framework_id)
    envelope.framework_version_published.version = version
    envelope.framework_version_published.base_version = base_version
    envelope.framework_version_published.content.CopyFrom(content)
    return envelope


def assessed(seal: Seal, assessment_id: str, content: AssessmentContent) -> Envelope:
    """The rules of the sender and the recipient are judged."""
    envelope = envelope_of(seal)
    envelope.framework_assessed.assessment = assessment_name(assessment_id)
    envelope.framework_assessed.content.CopyFrom(content)
    return envelope
