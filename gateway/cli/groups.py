"""Commands as all modules make them: what is given says something, or the command is refused."""

from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand

# The words of typer's validation, and ours; the first stands before words that tell all.
_OURS = {
    "Value error, ": "",
    "Input should be greater than or equal to ": "must be at least ",
    "Input should be less than or equal to ": "must be at most ",
    "Input should be a valid integer, unable to parse string as an integer": "must be a whole number",
}


class Command(TyperCommand):
    """Refuses an option or argument that is given and empty, whatever it is for.

    It comes from a script whose variable is not set. Taken as one that was left out, an empty filter lists all there
    is, and an empty id makes something under another one.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the command line, once nothing on it is empty."""
        given, _, named = self.make_parser(ctx).parse_args(args=list(args))
        each: Any
        for each in dict.fromkeys(named):
            if _is_empty(given.get(each.name)):
                todo = "" if each.required else ": leave it out where there is none"
                raise typer.BadParameter(f"must not be empty{todo}", ctx=ctx, param=each)
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            for theirs, ours in _OURS.items():
                error.message = error.message.replace(theirs, ours)
            raise


def _is_empty(value: str | Sequence[str] | bool | None) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return any(map(_is_empty, value)) if isinstance(value, Sequence) else False


class Commands(typer.Typer):
    """A group whose commands are of this kind."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Makes what adds a function as a command."""
        return super().command(name, **({"cls": Command} | settings))
