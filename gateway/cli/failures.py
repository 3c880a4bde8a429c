"""Errors as a person at a terminal meets them: a message and an exit code."""

from collections.abc import Iterable
from dataclasses import dataclass
from errno import EBADF, EDQUOT, EFBIG, EIO, ENOSPC, EPIPE

from regulator.exchange import (
    Cancelled,
    DeadlineExceeded,
    ExchangeError,
    InvalidRequest,
    Overloaded,
    ProfileError,
    Unavailable,
    Violation,
)

from gateway.errors import BadInput, ConfigError, GatewayError, Malformed, StoreError, VerificationError
from gateway.errors import Unavailable as PartUnavailable
from gateway.errors import Violation as OwnViolation

DOES_NOT_HOLD, USED_WRONGLY, REFUSED, NOT_REACHED, DOES_NOT_FIT, NOT_ALL_CHECKED = 1, 2, 3, 4, 5, 6
APPROVAL_REQUIRED = "APPROVAL_REQUIRED"
INTERRUPTED, READER_GONE = 130, 141  # as a shell tells of a program that SIGINT, or SIGPIPE, ended

_CODES: tuple[tuple[type[GatewayError], int], ...] = (
    (ConfigError, DOES_NOT_FIT),
    (StoreError, DOES_NOT_FIT),
    (Malformed, USED_WRONGLY),  # a file that it was given; of evidence, the command itself tells that it does not hold
    (VerificationError, DOES_NOT_HOLD),
    (PartUnavailable, NOT_REACHED),
)


_OF_OUTPUT = {
    ENOSPC,
    EDQUOT,
    EFBIG,
    EIO,
    EBADF,
    EPIPE,
}  # of a file that has no name here, such as where standard output goes


# What gRPC says of a handshake that failed, and what of the profile is to be looked at then.
_SIGNS = {
    "Hostname Verification": "another node answers: see that address and server_name in the profile are the node's",
    "CERTIFICATE_VERIFY_FAILED": "see that ca in the profile is this very node's authority; gateway certs show tells",
    "Socket closed": (
        "if no call with this profile went through before, its certificate has ended, or another authority issued it: "
        "gateway certs show tells. Else, on the node's machine, gateway doctor HOME tells why"
    ),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What to print, and how to exit."""

    message: str
    exit_code: int


def told(error: Exception) -> Failure | None:
    """Gives how an error is told; None: it is a defect, and its traceback is wanted."""
    if isinstance(error, ExchangeError):
        return _told_of_a_call(error)
    if isinstance(error, OSError):
        return _told_of_a_file(error)
    if isinstance(error, UnicodeEncodeError):  # bytes of the shell that are no UTF-8 are lone surrogates in Python
        said = f"{error.object!a} is not UTF-8: give words, and names of files that others are told, in UTF-8"
        return Failure(said, USED_WRONGLY)
    return _told_of_ours(error) if isinstance(error, GatewayError) else None


def told_of_interrupt(ended: BaseException) -> str:
    """What is told of Ctrl-C, with what is to be known of a write that was under way."""
    within: BaseException | None = ended
    while within and not isinstance(within, KeyboardInterrupt):
        within = within.__cause__ or within.__context__
    return "\n".join(["interrupted", *getattr(within, "__notes__", ())])


def _told_of_a_file(error: OSError) -> Failure | None:
    if error.filename is not None:
        return Failure(f"{error.filename}: {error.strerror}", DOES_NOT_FIT)
    if error.errno in _OF_OUTPUT:
        said = f"the output cannot be written: {error.strerror}; what was asked of a node may be done all the same"
        return Failure(said, DOES_NOT_FIT)
    return None


def _told_of_ours(error: GatewayError) -> Failure:
    if isinstance(error, BadInput):
        return Failure(_with_violations("the input breaks rules", error.violations), USED_WRONGLY)
    code = next((code for kind, code in _CODES if isinstance(error, kind)), USED_WRONGLY)
    return Failure(error.message, code)


def _told_of_a_call(error: ExchangeError) -> Failure:
    if isinstance(error, ProfileError):
        return Failure(error.message, USED_WRONGLY)
    if isinstance(error, InvalidRequest) and error.violations:
        return Failure(_with_violations("the node refused: the request breaks rules", error.violations), REFUSED)
    if isinstance(error, Unavailable | DeadlineExceeded | Cancelled):
        todo = [_of_profile(error) or "on the node's machine, gateway doctor HOME tells why"]
        if error.request_id:
            todo.insert(0, f"it may be done all the same: repeat it with --request-id {error.request_id}")
        return Failure("\n".join([f"{_not_served(error)}: {error.message}", *todo]), NOT_REACHED)
    if isinstance(error, Overloaded):
        return Failure(f"the node did not do it: {error.message}", NOT_REACHED)
    if not error.reason:  # no node said it
        return Failure(error.message, USED_WRONGLY if isinstance(error, InvalidRequest) else DOES_NOT_FIT)
    return Failure(f"the node refused: {_said(error)} ({error.reason})", REFUSED)


def _said(error: ExchangeError) -> str:
    """What a node said, but where it names a call: what does the same here."""
    if error.reason == APPROVAL_REQUIRED:
        rule = error.metadata.get("rule", "")
        return f"the rule {rule!r} of this node asks for four eyes: give --draft, and another identity releases it"
    return error.message


def _of_profile(error: ExchangeError) -> str:
    """What to look at in the client's own profile, where the handshake says that it does not fit the node."""
    return "" if error.is_told_by_node else next((told for sign, told in _SIGNS.items() if sign in error.message), "")


def _not_served(error: Unavailable | DeadlineExceeded | Cancelled) -> str:
    if isinstance(error, Cancelled):
        return "the call was ended before its answer"
    if isinstance(error, DeadlineExceeded):
        return "the node did not answer in time"
    return "the node answers, and cannot do it now" if error.is_told_by_node else "the node was not reached"


def _with_violations(message: str, violations: Iterable[Violation | OwnViolation]) -> str:
    return "\n".join([message, *(f"{each.field}: {each.description}" for each in violations)])
