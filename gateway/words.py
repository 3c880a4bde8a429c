"""The words by which people give and read the values of the contract, in files and commands."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

NumberT_co = TypeVar("NumberT_co", bound=int, covariant=True)


class Enum(Protocol[NumberT_co]):
    """An enumeration of the contract."""

    def items(self) -> Sequence[tuple[str, NumberT_co]]:
        """Gives its names and numbers."""


def words(enum: Enum[NumberT_co], prefix: str = "") -> Mapping[str, NumberT_co]:
    """A word for each value but the unspecified one, with its number: in lower case, without the prefix of its name."""
    return {name.removeprefix(prefix).lower(): number for name, number in enum.items() if number}


def capitals(enum: Enum[NumberT_co]) -> Mapping[str, NumberT_co]:
    """The same in capitals, as labels of the Traffic Light Protocol are written."""
    return {name: number for name, number in enum.items() if number}


def so_many(number: int, one: str, many: str = "") -> str:
    """So many of what ``one`` names, for people; ``many`` where that is not ``one`` and an s."""
    return f"1 {one}" if number == 1 else f"{number} {many or one + 's'}"


def envelopes(number: int) -> str:
    """So many envelopes, for people."""
    return so_many(number, "envelope")
