"""A place at which the code is broken on purpose."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change that must not pass.

    Attributes:
        what: is broken, in the words of docs/reliability.md
        file: below the root
        old: text of it, there exactly once
        new: what takes its place
        finder: the test that fails with it, as pytest names it
    """

    what: str
    file: str
    old: str
    new: str
    finder: str
