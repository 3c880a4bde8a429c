"""What an event is about, by resource name."""

from collections.abc import Iterator

from gateway.supervision.drafts import draft_name
from gateway.supervision.frameworks.names import assessment_name, framework_name, version_name
from gateway.supervision.notices.content import NAME_PREFIX, notice_name
from gateway.supervision.outcomes import EventContent


def event_names(event: EventContent) -> Iterator[str]:
    """Gives the names of what was changed or made."""
    if event.notice:
        yield notice_name(event.notice.removeprefix(NAME_PREFIX))
    if event.framework_id:
        yield version_name(event.framework_id, event.version) if event.version else framework_name(event.framework_id)
    if event.assessment_id:
        yield assessment_name(event.assessment_id)
    if event.consent:
        yield event.consent
    if event.share:
        yield event.share
    if event.draft_id:
        yield draft_name(event.draft_id)
