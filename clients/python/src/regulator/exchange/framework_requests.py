"""Builds the requests about frameworks and assessments, in the manner of ``requests``.

``hk-digital-assets`` is ``frameworks/hk-digital-assets``.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import TypedDict, Unpack

from regulator.exchange.requests import fields_of, full_name, identified
from regulator.exchange.v1 import framework_service_pb2 as frameworks
from regulator.exchange.v1.framework_pb2 import (
    AssessmentContent,
    FrameworkChangeSet,
    FrameworkVersionContent,
    Provision,
)
from regulator.exchange.v1.framework_service_pb2 import Assessment, FrameworkVersion
from regulator.exchange.v1.values_pb2 import Sector


class ProvisionFilters(TypedDict, total=False):
    """What ``list_provisions`` may be asked for; what is set must all hold."""

    page_size: int  # provisions fetched at once: 0 is 50, more than 1,000 is 1,000
    page_token: str  # where to begin: ``next_page_token`` of a page read before, with the same filters
    jurisdiction: str  # whose, HK
    sector: Sector.ValueType
    topic: str  # reserve_assets
    status: Provision.Status.ValueType
    text: str  # in the id, the citation, or any language of title or requirement
    as_of: date  # only what is in force on this day
    known_at: datetime  # as the node knew it at this moment; with a time zone


class AssessmentFilters(TypedDict, total=False):
    """What ``list_assessments`` may be asked for; what is set must all hold."""

    page_size: int  # assessments fetched at once: 0 is 50, more than 1,000 is 1,000
    page_token: str  # where to begin: ``next_page_token`` of a page read before, with the same filters
    assessor: str  # jurisdiction, HK
    sector: Sector.ValueType  # of the area that is judged
    topic: str  # of the area that is judged
    provision: str  # either one of a pair, ``frameworks/{framework}/provisions/{provision}``
    show_superseded: bool  # those too whose place a later one took


def publish_version(
    framework: str,
    version: FrameworkVersionContent | FrameworkChangeSet,
    *,
    recipients: Iterable[str] = (),
    etag: str = "",
    request_id: str | None = None,
    validate_only: bool = False,
) -> frameworks.PublishVersionRequest:
    """Publishes a version of a framework of the own jurisdiction; what is published already is not published again.

    Args:
        framework: ``frameworks/hk-digital-assets``, or the id alone.
        version: all that it says, or what changes.
        recipients: jurisdictions it is for; empty: all paired ones.
        etag: the framework's etag as the caller knows it; empty: whatever it is now.
        request_id: a UUID; the same one with the same request gives the same answer. None: a new one.
        validate_only: checks everything, answers the difference to the newest version, and publishes nothing.

    Raises:
        InvalidRequest: ``violations`` name the fields.
        NotFound: a change of a framework that is not known.
        Stale: the newest version is another than the change set's base, or the etag's.
    """
    request = frameworks.PublishVersionRequest(
        parent=full_name("frameworks", framework),
        recipients=recipients,
        etag=etag,
        request_id=identified(request_id),
        validate_only=validate_only,
    )
    if isinstance(version, FrameworkChangeSet):
        request.change_set.CopyFrom(version)
    else:
        request.content.CopyFrom(version)
    return request


def get_framework(name: str) -> frameworks.GetFrameworkRequest:
    """Gives one framework as its newest version has it. Raises NotFound."""
    return frameworks.GetFrameworkRequest(name=full_name("frameworks", name))


def list_frameworks(
    *, page_size: int = 0, page_token: str = "", jurisdiction: str = ""
) -> frameworks.ListFrameworksRequest:
    """Lists the frameworks that the node knows, by name; pages are fetched as they are needed."""
    return frameworks.ListFrameworksRequest(page_size=page_size, page_token=page_token, jurisdiction=jurisdiction)


def get_version(framework: str, version: int, *, full: bool = False) -> frameworks.GetVersionRequest:
    """Gives one version of a framework; with ``full``, its provisions too. Raises NotFound."""
    view = FrameworkVersion.FULL if full else FrameworkVersion.BASIC
    return frameworks.GetVersionRequest(name=f"{full_name('frameworks', framework)}/versions/{version}", view=view)


def list_provisions(framework: str = "-", **filters: Unpack[ProvisionFilters]) -> frameworks.ListProvisionsRequest:
    """Lists provisions in the publishers' order; pages are fetched as they are needed.

    ``framework`` is a name or an id, ``-`` all frameworks; ``ProvisionFilters`` says what else to ask for.
    """
    return frameworks.ListProvisionsRequest(parent=full_name("frameworks", framework), **fields_of(**filters))


def diff_versions(
    framework: str, *, old: int = 0, new: int = 0, page_size: int = 0, page_token: str = ""
) -> frameworks.DiffVersionsRequest:
    """Tells how one version of a framework differs from another, a page of its provisions at a time.

    Args:
        framework: its name, or its id.
        old: number of the old version; 0: the one that the new one was made from.
        new: number of the new version; 0: the newest.
        page_size: at most so many provisions; 0: 50.
        page_token: ``next_page_token`` of the page before.

    Raises:
        NotFound: a version is not known here.
    """
    return frameworks.DiffVersionsRequest(
        name=full_name("frameworks", framework),
        old_version=old,
        new_version=new,
        page_size=page_size,
        page_token=page_token,
    )


def compare_jurisdictions(
    first: str, second: str, *, as_of: date | None = None, known_at: datetime | None = None, page_token: str = ""
) -> frameworks.CompareJurisdictionsRequest:
    """Sets the rules of two jurisdictions side by side, as many areas at a time as fit.

    Args:
        first: one of the two, ``HK``.
        second: the other one.
        as_of: the day; None: today, UTC.
        known_at: as the node knew it at this moment, with a time zone; None: now.
        page_token: ``next_page_token`` of the answer before.
    """
    return frameworks.CompareJurisdictionsRequest(
        first_jurisdiction=first,
        second_jurisdiction=second,
        page_token=page_token,
        **fields_of(as_of=as_of, known_at=known_at),
    )


def assess(
    content: AssessmentContent, *, assessment_id: str = "", request_id: str | None = None, validate_only: bool = False
) -> frameworks.AssessRequest:
    """Gives a judgement of the own jurisdiction on its own and a peer's rules, and tells the peer.

    Args:
        content: what it says.
        assessment_id: its id, ``hk-reserve-2026``; empty: the node makes one.
        request_id: as in ``publish_version``.
        validate_only: checks everything and seals nothing.

    Raises:
        InvalidRequest: ``violations`` name the fields.
        AlreadyExists: the id is taken.
        WrongState: another assessment has taken the place of the one it supersedes.
    """
    return frameworks.AssessRequest(
        assessment=Assessment(content=content),
        assessment_id=assessment_id,
        request_id=identified(request_id),
        validate_only=validate_only,
    )


def list_assessments(**filters: Unpack[AssessmentFilters]) -> frameworks.ListAssessmentsRequest:
    """Lists assessments, newest first; pages are fetched as they are needed. ``AssessmentFilters`` says what to ask."""
    return frameworks.ListAssessmentsRequest(**fields_of(**filters))
