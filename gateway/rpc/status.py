"""Errors as ``google.rpc.Status`` (AIP-193): the one table that maps the node's errors to gRPC codes."""

from collections.abc import Mapping

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from gateway import errors

DOMAIN = "exchange.regulator"
RETRY_AFTER_SECONDS = 1

CODES: Mapping[type[errors.GatewayError], Code.ValueType] = {
    errors.BadInput: Code.INVALID_ARGUMENT,
    errors.Unauthenticated: Code.UNAUTHENTICATED,
    errors.NotAllowed: Code.PERMISSION_DENIED,
    errors.NotFound: Code.NOT_FOUND,
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
        violations = (
            BadRequest.FieldViolation(field=each.field, description=each.description) for each in error.violations
        )
        details.append(_packed(BadRequest(field_violations=violations)))
    if isinstance(error, errors.Overloaded):
        details.append(_packed(RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_SECONDS))))
    return Status(code=code, message=error.message, details=details)


def _packed(detail: BadRequest | ErrorInfo | RetryInfo) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed
