"""What is asked before a version or an assessment is sealed: may this be done, now? Reads inside the transaction."""

from collections.abc import Callable

from regulator.exchange.v1.framework_pb2 import AssessmentContent, FrameworkHeader

from gateway.errors import AlreadyExists, BadInput, NotAllowed, NotFound, Stale, WrongState
from gateway.supervision.frameworks.content import ASSESSMENT_CONTENT
from gateway.supervision.frameworks.names import assessment_id, framework_name
from gateway.supervision.frameworks.records import (
    FindAssessment,
    FrameworkVersionRecord,
    framework_etag,
    has_target,
    target_of,
)
from gateway.supervision.notices.content import id_fault
from gateway.supervision.notices.records import ChannelEnds


def check_publish(
    framework_id: str, jurisdiction: str, newest: FrameworkVersionRecord | None, base_version: int = 0, etag: str = ""
) -> int:
    """The number of the version that may be sealed now.

    Args:
        framework_id: of the framework
        jurisdiction: the own one, ISO 3166-1 alpha-2
        newest: the newest version, to whomever it went; None: there is none
        base_version: that a change set was made for; 0: the version is told whole
        etag: of the framework, as the caller knows it; empty: any

    Raises:
        BadInput: the id is not the own jurisdiction's.
        NotFound: there is no version that could be changed.
        Stale: The newest version is another one; metadata ``base_version`` and ``newest_version``.
    """
    if fault := id_fault(framework_id, jurisdiction):
        raise BadInput.of("parent", fault)
    if newest is None:
        if base_version or etag:
            raise NotFound(f"there is no framework {framework_id}", framework=framework_id)
        return 1
    if base_version and base_version != newest.version:
        raise Stale(
            f"{framework_name(framework_id)} is at version {newest.version}, the change was made for {base_version}",
            framework=framework_id,
            base_version=base_version,
            newest_version=newest.version,
        )
    if etag and etag != framework_etag(newest):
        raise Stale(
            f"{framework_name(framework_id)} has changed since: its etag is now {framework_etag(newest)}, not {etag}",
            framework=framework_id,
            newest_version=newest.version,
        )
    return newest.version + 1


def check_publisher(header: FrameworkHeader, jurisdiction: str, authority: str, path: str) -> None:
    """Passes if an authority of ``jurisdiction`` may publish under this header, which stands at ``path``.

    Raises:
        BadInput: the header is another jurisdiction's.
        NotAllowed: the authority is not among the header's.
    """
    if header.jurisdiction != jurisdiction:
        raise BadInput.of(f"{path}.jurisdiction", f"must be the own jurisdiction, {jurisdiction}")
    if authority not in header.authorities:
        raise NotAllowed(f"{path}.authorities must hold the caller's own authority, {authority}")


def assessed_peer(content: AssessmentContent, jurisdiction: str) -> str:
    """The jurisdiction that ``jurisdiction`` assesses beside its own: the one to be told.

    Raises:
        BadInput: neither side is the own one.
    """
    if content.first_jurisdiction == jurisdiction:
        return content.second_jurisdiction
    if content.second_jurisdiction == jurisdiction:
        return content.first_jurisdiction
    words = f"must be the own jurisdiction, {jurisdiction}, or the second one"
    raise BadInput.of(f"{ASSESSMENT_CONTENT}.first_jurisdiction", words)


def check_assess(
    new_id: str,
    content: AssessmentContent,
    channel: ChannelEnds,
    find: FindAssessment,
    has_provision: Callable[[str], bool],
) -> None:
    """Passes if ``content`` can be given as the assessment ``new_id`` to the recipient of ``channel``.

    Args:
        new_id: its id
        content: valid by its fields and by ``frameworks.assessment_violations``
        channel: where it would be sealed
        find: gives earlier assessments
        has_provision: whether the newest version that is known holds the provision of that name

    Raises:
        BadInput: the id is not the sender's to give, a provision is not known, or what it supersedes is not an earlier
            assessment by the sender of the same target.
        AlreadyExists: the id is taken.
        WrongState: another one has already taken the place of what it supersedes.
    """
    if fault := id_fault(new_id, channel.sender):
        raise BadInput.of("assessment_id", fault)
    if find(new_id):
        raise AlreadyExists(f"there is an assessment {new_id}", assessment=new_id)
    if content.HasField("pair"):
        for side in ("first", "second"):
            if not has_provision(getattr(content.pair, side)):
                field = f"{ASSESSMENT_CONTENT}.pair.{side}"
                raise BadInput.of(field, "must be a provision of a version that is known here")
    if content.supersedes:
        _check_superseded(content, channel, find)


def _check_superseded(content: AssessmentContent, channel: ChannelEnds, find: FindAssessment) -> None:
    earlier = find(assessment_id(content.supersedes))
    if (
        earlier is None
        or (earlier.assessor, earlier.recipient) != (channel.sender, channel.recipient)
        or not has_target(earlier, target_of(content))
    ):
        words = f"must be an earlier assessment of the same target by {channel.sender}"
        raise BadInput.of(f"{ASSESSMENT_CONTENT}.supersedes", words)
    if earlier.superseded_by:
        raise WrongState(
            f"{earlier.id} has been superseded by {earlier.superseded_by}",
            assessment=earlier.id,
            superseded_by=earlier.superseded_by,
        )
