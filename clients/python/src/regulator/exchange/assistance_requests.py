"""Builds the requests about cases of assistance, in the manner of ``requests``.

Asking and answering are notices: ``create_notice`` with an ``assistance_request`` or an ``assistance_answer``. A case
has the id of the notice that asks: ``hk-2026-021`` is ``assistanceCases/hk-2026-021``.
"""

from datetime import date
from typing import TypedDict, Unpack

from regulator.exchange.requests import fields_of, full_name
from regulator.exchange.v1 import assistance_service_pb2 as assistance
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase
from regulator.exchange.v1.notice_service_pb2 import Notice


class AssistanceFilters(TypedDict, total=False):
    """What ``list_assistance_cases`` may be asked for; what is set must all hold."""

    page_size: int  # cases fetched at once: 0 is 50, more than 1,000 is 1,000
    page_token: str  # where to begin: ``next_page_token`` of a page read before, with the same filters
    direction: Notice.Direction.ValueType  # INCOMING: a peer asks
    state: AssistanceCase.State.ValueType
    peer: str  # the jurisdiction on the other side, KR
    requested_authority: str  # its code, FSS; requests to none by name are left out
    overdue_only: bool  # their day is past, and they are not closed
    due_by: date  # an answer is hoped for on this day (UTC) or before, and they are not closed
    answerable_by: str  # code of an authority of the own jurisdiction, which may answer them now


def get_assistance_case(name: str) -> assistance.GetAssistanceCaseRequest:
    """Gives one request for assistance with the answers to it.

    ``name`` is ``assistanceCases/hk-2026-021``, or the id alone. Raises NotFound.
    """
    return assistance.GetAssistanceCaseRequest(name=full_name("assistanceCases", name))


def list_assistance_cases(**filters: Unpack[AssistanceFilters]) -> assistance.ListAssistanceCasesRequest:
    """Lists cases, newest first; pages are fetched as they are needed. ``AssistanceFilters`` says what to ask for."""
    return assistance.ListAssistanceCasesRequest(**fields_of(**filters))
