"""Every error of this client, in one tree; the classes of calls follow the gRPC code of the answer.

::

    ExchangeError
    ├── ProfileError       the profile, or a file it names, does not fit
    ├── ClientClosed       a method of a client that was closed
    ├── InvalidRequest     INVALID_ARGUMENT, OUT_OF_RANGE   ``violations`` name the fields
    ├── Unauthenticated    UNAUTHENTICATED                  the node knows no such client
    ├── NotAllowed         PERMISSION_DENIED                this client may not do this, or it is not there for it
    ├── NotFound           NOT_FOUND                        nothing of that name
    ├── AlreadyExists      ALREADY_EXISTS                   the id or request_id stands for something else
    ├── WrongState         FAILED_PRECONDITION              its state does not allow the act, or a rule needs approval
    ├── Stale              ABORTED                          the etag is not the newest any more
    ├── Overloaded         RESOURCE_EXHAUSTED               a bound is reached; try later
    ├── Unavailable        UNAVAILABLE                      no node there, or not the expected one
    ├── DeadlineExceeded   DEADLINE_EXCEEDED                no answer in time; a write may be done all the same
    ├── Cancelled          CANCELLED                        the call was ended before its answer
    ├── Unsupported        UNIMPLEMENTED                    the node does not have this method
    └── NodeFailure        INTERNAL, UNKNOWN, DATA_LOSS     a defect of the node
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import RpcError, StatusCode
from grpc_status import rpc_status


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule of a request: ``field`` as a path (``notice.content.title[0].text``), and what would be right."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class Details:
    """What an answer says beside its code and message (google.rpc error details, AIP-193)."""

    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()
    retry_after_seconds: float | None = None


class ExchangeError(Exception):
    """The root.

    Attributes:
        message: for people.
        code: gRPC code of the answer; None if no call was made.
        reason: stable word for programs (``REQUEST_ID_REUSED``); the code's name where the answer holds none.
        is_told_by_node: whether a node answered with it; else it comes from the way to the node, or from this side.
        metadata: names and numbers that belong to the reason.
        violations: the broken rules of the request, each with its field.
        retry_after_seconds: how long the node asks to wait; None if it does not say.
        request_id: of the write that failed, given or made here: with it the same write can be asked for again, and is
            done once. Empty: of a read, of several writes in one call, of what was only to be checked.
    """

    def __init__(self, message: str, code: StatusCode | None = None, details: Details | None = None) -> None:
        details = details or Details()
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = details.reason or (code.name if code else "")
        self.is_told_by_node = bool(details.reason)
        self.metadata = details.metadata
        self.violations = details.violations
        self.retry_after_seconds = details.retry_after_seconds
        self.request_id = ""


class ProfileError(ExchangeError):
    """A profile does not fit: ``key`` names the setting, ``file`` the profile it stands in, where there is one."""

    def __init__(self, key: str, fault: str, file: Path | None = None) -> None:
        super().__init__(": ".join([*([str(file)] if file else []), *([key] if key else []), fault]))
        self.key = key
        self.fault = fault
        self.file = file

    def within(self, file: Path) -> Self:
        """The same error, told of a file."""
        return type(self)(self.key, self.fault, file)


class ClientClosed(ExchangeError):
    """The client was closed before."""


class InvalidRequest(ExchangeError):
    """The request breaks rules; ``violations`` names the fields."""


class Unauthenticated(ExchangeError):
    """The node accepts no identity behind the call."""


class NotAllowed(ExchangeError):
    """This client may not do this; the words are the same whether the thing exists or not (AIP-211)."""


class NotFound(ExchangeError):
    """Nothing of that name."""


class AlreadyExists(ExchangeError):
    """The notice's id, or the request_id, already stands for something else."""


class WrongState(ExchangeError):
    """Its state does not allow the act; ``metadata`` names the state and what would be allowed.

    Reason ``APPROVAL_REQUIRED``: a rule of the node, named in ``metadata``, asks for four eyes, so ``create_draft``.
    Reason ``CONSENT_REQUIRED``: the originator must agree before a notice is passed on, so ``request_consent``.
    Reason ``ASSISTANCE_CLOSED``: a request for assistance is declined, or answered in full, and takes no more answers.
    """


class Stale(ExchangeError):
    """Another writer came first: the etag is not the newest one (AIP-154)."""


class Overloaded(ExchangeError):
    """A bound is reached; ``retry_after_seconds`` may say when to try again."""


class Unavailable(ExchangeError):
    """No node answers there, or it is not the expected one, or it cannot serve now."""


class DeadlineExceeded(ExchangeError):
    """No answer in time. A write may be done all the same: repeat it with the same ``request_id``."""


class Cancelled(ExchangeError):
    """The call was ended before its answer."""


class Unsupported(ExchangeError):
    """The node does not have this method."""


class NodeFailure(ExchangeError):
    """A defect of the node."""


CLASSES: Mapping[StatusCode, type[ExchangeError]] = {
    StatusCode.INVALID_ARGUMENT: InvalidRequest,
    StatusCode.OUT_OF_RANGE: InvalidRequest,
    StatusCode.UNAUTHENTICATED: Unauthenticated,
    StatusCode.PERMISSION_DENIED: NotAllowed,
    StatusCode.NOT_FOUND: NotFound,
    StatusCode.ALREADY_EXISTS: AlreadyExists,
    StatusCode.FAILED_PRECONDITION: WrongState,
    StatusCode.ABORTED: Stale,
    StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    StatusCode.UNAVAILABLE: Unavailable,
    StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    StatusCode.CANCELLED: Cancelled,
    StatusCode.UNIMPLEMENTED: Unsupported,
    StatusCode.INTERNAL: NodeFailure,
    StatusCode.UNKNOWN: NodeFailure,
    StatusCode.DATA_LOSS: NodeFailure,
}


def from_rpc_error(error: RpcError) -> ExchangeError:
    """The typed error for what a gRPC call raised, blocking or asyncio; details that do not parse are left out."""
    code = error.code()
    return CLASSES[code](error.details() or code.name, code, _details(error))


def error_of(status: Status) -> ExchangeError:
    """The error that a call with this status would have raised, such as for one of ``SubmitNoticesResponse.refusals``.

    A code that is none is that of a ``NodeFailure``; details that do not parse are left out.
    """
    code = next((each for each in CLASSES if each.value[0] == status.code), StatusCode.UNKNOWN)
    try:
        details = details_of(status)
    except DecodeError:
        details = Details()
    return CLASSES[code](status.message or code.name, code, details)


def _details(error: RpcError) -> Details:
    try:
        status: Status | None = rpc_status.from_call(error)
        return details_of(status) if status else Details()
    except (ValueError, DecodeError):  # the status contradicts its code, or is not one
        return Details()


def details_of(status: Status) -> Details:
    """Reads the error details of a status.

    Raises:
        google.protobuf.message.DecodeError: a detail is not what its type says.
    """
    info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
    _unpack(status, (info, bad, retry))
    return Details(
        reason=info.reason,
        metadata=dict(info.metadata),
        violations=tuple(Violation(each.field, each.description) for each in bad.field_violations),
        retry_after_seconds=_seconds(retry) if retry.HasField("retry_delay") else None,
    )


def _seconds(retry: RetryInfo) -> float:
    return max(0.0, float(retry.retry_delay.seconds) + float(retry.retry_delay.nanos) / 1e9)


def _unpack(status: Status, into: Iterable[Message]) -> None:
    for detail in status.details:
        for message in into:
            detail.Unpack(message)
