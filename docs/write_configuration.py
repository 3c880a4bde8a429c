"""Writes docs/configuration.md from the fields of ``gateway.home.config`` and their descriptions."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from docs.blocks import run
from gateway.home.config import Config

HEAD = """\
# Configuration

`config.toml` in a node's home, written by `gateway init`. An unknown key or a wrong value is refused at start, with
its name and what would be right. This page is made from the code by `docs/write_configuration.py`.
"""


def page() -> str:
    """The whole page."""
    sections = [text for name, field in Config.model_fields.items() for text in _with_tables(name, field.annotation)]
    return "\n".join([HEAD, *sections])


def _with_tables(name: str, section: Any) -> Iterator[str]:
    """A section, and those of which it holds any number, in a list or each by its name."""
    yield _section(f"[{name}]", section)
    for key, field in section.model_fields.items():
        kinds = [each for each in get_args(field.annotation) if isinstance(each, type) and issubclass(each, BaseModel)]
        named = get_origin(field.annotation) is dict
        for kind in kinds:
            yield _section(f'[{name}.{key}."NAME"]' if named else f"[[{name}.{key}]]", kind)


def _section(title: str, section: Any) -> str:
    rows = [
        f"| `{key}` | {_default(field.default)} | {field.description} |" for key, field in section.model_fields.items()
    ]
    assert None not in [field.description for field in section.model_fields.values()], f"{title}: a key without meaning"
    return "\n".join(
        [f"## `{title}`", "", str(section.__doc__), "", "| key | default | meaning |", "|---|---|---|", *rows, ""]
    )


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{value}`".lower()
    shown = [str(each) for each in value] if isinstance(value, tuple) else value
    return f"`{shown!r}`".replace("'", '"')


if __name__ == "__main__":
    run("write_configuration", lambda _: page())
