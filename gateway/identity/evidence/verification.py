"""What an auditor is told of a verification: the steps that passed, and the name of the one that did not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.errors import VerificationError

Check = Callable[[], str]
"""Gives what it found, for people; empty: there was nothing to check."""


@dataclass(frozen=True, slots=True)
class Step:
    """One check that passed: its name, and what was found, for people."""

    name: str
    found: str


def passing(*checks: tuple[str, Check]) -> Iterator[Step]:
    """Gives each check, by its name, as it passes.

    Raises:
        VerificationError: one did not; ``metadata["step"]`` is its name.
    """
    for name, check in checks:
        try:
            found = check()
        except VerificationError as error:
            raise type(error)(error.message, **{**error.metadata, "step": name}) from error
        if found:
            yield Step(name, found)
