"""Errors as a person at a terminal meets them: a message and an exit code."""

from dataclasses import dataclass

from gateway.errors import BadInput, ConfigError, GatewayError, StoreError, VerificationError

DOES_NOT_HOLD, USED_WRONGLY, REFUSED, NOT_REACHED, DOES_NOT_FIT = 1, 2, 3, 4, 5


@dataclass(frozen=True, slots=True)
class Failure:
    """What to print, and how to exit."""

    message: str
    exit_code: int


def told(error: Exception) -> Failure | None:
    """Gives how an error is told; None: it is a defect, and its traceback is wanted."""
    if isinstance(error, BadInput):
        return Failure("; ".join(f"{each.field}: {each.description}" for each in error.violations), USED_WRONGLY)
    if isinstance(error, ConfigError | StoreError):
        return Failure(error.message, DOES_NOT_FIT)
    if isinstance(error, VerificationError):
        return Failure(error.message, DOES_NOT_HOLD)
    if isinstance(error, GatewayError):
        return Failure(error.message, USED_WRONGLY)
    return None
