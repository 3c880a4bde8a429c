"""Keeps what pages tell of the code in step with it: each script beside this one makes the blocks of one page.

A block stands between ``<!-- NAME -->`` and ``<!-- end of NAME -->``.
"""

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path


def in_step(text: str, blocks: Mapping[str, str]) -> str:
    """Gives the text with these blocks in it, by their names.

    Raises:
        ValueError: it has not exactly one place for each.
    """
    for name, made in blocks.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        text, count = place.subn(lambda match, made=made: match[1] + made + match[2], text)
        if count != 1:
            raise ValueError(f"there must be one place for the block {name!r}, and there are {count}")
    return text


def run(script: str, meant: Callable[[str], str], arguments: list[str] | None = None) -> None:
    """Runs as ``python -m docs.SCRIPT --check FILE | --write FILE``.

    Args:
        script: its name
        meant: gives the text of the page as it is to be, from what it is
        arguments: those of the process, if none are given
    """
    parser = argparse.ArgumentParser(prog=f"python -m docs.{script}")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--check", type=Path, metavar="FILE", help="fail if FILE is out of step with the code")
    choice.add_argument("--write", type=Path, metavar="FILE", help="put FILE in step")
    options = parser.parse_args(arguments)
    page = options.write or options.check
    text = page.read_text()
    if options.write:
        page.write_text(meant(text))
    elif meant(text) != text:
        sys.exit(f"{page} is out of step: python -m docs.{script} --write {page}")
