"""Errors as ``google.rpc.Status`` (AIP-193): the one table that maps the node's errors to gRPC codes."""

import math
from collections.abc import Mapping, Sequence

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from gateway import errors

DOMAIN = "exchange.regulator"
MAX_MESSAGE_CHARACTERS = 512  # with all details it must fit into 8 KiB of trailers, which every client takes
MAX_VIOLATIONS_BYTES = 4096  # of names and descriptions of fields; the rest is left out

CODES: Mapping[type[errors.GatewayError], Code.ValueType] = {
    errors.BadInput: Code.INVALID_ARGUMENT,
    errors.Unauthenticated: Code.UNAUTHENTICATED,
    errors.NotAllowed: Code.PERMISSION_DENIED,
    errors.NotFound: Code.NOT_FOUND,
    errors.NotServed: Code.UNIMPLEMENTED,
    errors.AlreadyExists: Code.ALREADY_EXISTS,
    errors.WrongState: Code.FAILED_PRECONDITION,
    errors.Stale: Code.ABORTED,
    errors.Overloaded: Code.RESOURCE_EXHAUSTED,
    errors.Unavailable: Code.UNAVAILABLE,
    errors.VerificationError: Code.INVALID_ARGUMENT,
    errors.ChannelError: Code.FAILED_PRECONDITION,
    errors.StoreError: Code.INTERNAL,
    errors.ConfigError: Code.INTERNAL,
    errors.GatewayError: Code.INTERNAL,
}
"""By class; a subclass without a row of its own has that of its nearest parent."""


def code_of(error: errors.GatewayError) -> Code.ValueType:
    """The gRPC code of an error."""
    return next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)


def reason_of(error: errors.GatewayError) -> str:
    """The reason of an error as it is told outside: of what goes wrong inside the node, only that it does."""
    return errors.GatewayError.reason if code_of(error) == Code.INTERNAL else error.reason


def status_of(error: errors.GatewayError) -> Status:
    """The status of an error: code, message, one ErrorInfo, and what helps the caller.

    What goes wrong inside the node is not told outside: its message is for the log.
    """
    code = code_of(error)
    if code == Code.INTERNAL:
        info = ErrorInfo(reason=errors.GatewayError.reason, domain=DOMAIN)
        return Status(code=code, message="internal error; the node's log tells more", details=[_packed(info)])
    details = [_packed(ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata))]
    if isinstance(error, errors.BadInput):
        details.append(_packed(_bad_request(error.violations)))
    if isinstance(error, errors.Overloaded):
        details.append(_packed(RetryInfo(retry_delay=_duration(error.retry_after_seconds))))
    return Status(code=code, message=_shortened(error.message), details=details)


def _duration(seconds: float) -> Duration:
    """In whole milliseconds, rounded up: who waits so long has waited long enough."""
    duration = Duration()
    duration.FromMilliseconds(math.ceil(seconds * 1000))
    return duration


def _bad_request(violations: Sequence[errors.Violation]) -> BadRequest:
    bad, used_bytes = BadRequest(), 0
    for each in violations:
        used_bytes += len(each.field.encode()) + len(each.description.encode())
        if used_bytes > MAX_VIOLATIONS_BYTES:
            break
        bad.field_violations.add(field=each.field, description=each.description)
    return bad


def _shortened(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE_CHARACTERS else f"{message[:MAX_MESSAGE_CHARACTERS]}..."


def _packed(detail: BadRequest | ErrorInfo | RetryInfo) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed
