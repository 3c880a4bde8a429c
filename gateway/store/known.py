"""What is known here of what a filter of a list may name. Reads only, on the readers."""

from sqlalchemy import ColumnElement, Connection, or_, select

from gateway.store.tables import JOURNAL, assessments, assistance, channels, framework_versions, notices, provisions
from gateway.store.visibility import visible_notices
from gateway.supervision.disclosure import Scope
from gateway.supervision.frameworks.names import framework_id, provision_id


def is_jurisdiction_known(connection: Connection, code: str) -> bool:
    """Whether there is a channel to or from a jurisdiction, whether or not its pairing document is here."""
    ends = or_(channels.c.sender == code, channels.c.recipient == code)
    return _is_any(connection, channels.c.id, channels.c.id != JOURNAL, ends)


def is_authority_known(connection: Connection, scope: Scope, code: str) -> bool:
    """Whether an authority gave a notice that may be seen, or was asked for assistance by one."""
    seen = visible_notices(scope)
    if _is_any(connection, notices.c.sequence, notices.c.issuing_authority == code, *seen):
        return True
    asked = select(assistance.c.sequence).where(assistance.c.requested_authority == code)
    return _is_any(connection, notices.c.sequence, notices.c.sequence.in_(asked), *seen)


def is_topic_known(connection: Connection, topic: str) -> bool:
    """Whether a version of a framework, or an assessment, was ever about a topic."""
    return any(_is_any(connection, each.c.topic, each.c.topic == topic) for each in (provisions, assessments))


def is_provision_known(connection: Connection, name: str) -> bool:
    """Whether a version of its framework has a provision, or an assessment is about it."""
    of_framework = select(framework_versions.c.cursor).where(framework_versions.c.framework == framework_id(name))
    here = (provisions.c.id == provision_id(name), provisions.c.cursor.in_(of_framework))
    judged = or_(assessments.c.first_provision == name, assessments.c.second_provision == name)
    return _is_any(connection, provisions.c.id, *here) or _is_any(connection, assessments.c.id, judged)


def _is_any(connection: Connection, column: ColumnElement[object], *conditions: ColumnElement[bool]) -> bool:
    return connection.execute(select(column).where(*conditions).limit(1)).first() is not None
