"""Notices as they are read, made into what back offices see."""

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.store.notice_queries import NoticeView
from gateway.supervision.messages.notices import notice_message


def notice_of(view: NoticeView) -> Notice:
    """A notice as back offices see it."""
    return notice_message(
        view.record,
        Envelope.FromString(view.released),
        *(
            Envelope.FromString(data) if data else None
            for data in (view.acknowledged, view.withdrawn, view.destroyed, view.peer_destroyed, view.attached)
        ),
    )
