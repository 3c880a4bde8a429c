"""Which notice an envelope gives, or is about."""

from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.supervision.notices.content import notice_id
from gateway.supervision.sharing.names import shared_notice

_NAMING = frozenset(
    {"notice_released", "notice_acknowledged", "notice_withdrawn", "content_destroyed", "attachments_received"}
)
"""The acts that have a member ``notice``; those of onward sharing name it within the name of a consent or a share."""


def notice_in(envelope: Envelope) -> str:
    """The id of the notice that an envelope gives or is about; empty: it is about none."""
    act = envelope.WhichOneof("content")
    return notice_id(getattr(envelope, act).notice) if act and act in _NAMING else shared_notice(envelope)
