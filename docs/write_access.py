"""Writes the table of ``docs/access.md`` from the rules that the node asks (``gateway.identity.access.access``).

``--check FILE`` fails if the table of a Markdown file is out of step with the rules, ``--write FILE`` puts it in step.
It stands between ``<!-- rules -->`` and ``<!-- end of rules -->``.
"""

import argparse
import re
import sys
from collections.abc import Collection, Iterator
from itertools import groupby
from pathlib import Path

from gateway.identity.access.access import FILE_METHODS, FILE_ROLES, LABELLED, METHOD_ROLES, Role

_BLOCK = re.compile(r"(<!-- rules -->\n)(.*?)(<!-- end of rules -->)", re.DOTALL)


def table() -> str:
    """Gives a row for each method, under a row for each service; of a file also one for what it may belong to."""
    rows = [("method", *Role, "not covered by clearance and sectors"), ("---", *(":-:" for _ in Role), "---")]
    for service, methods in groupby(METHOD_ROLES, key=lambda method: method.split("/")[1]):
        rows.append((f"**{service.rpartition('.')[2]}**", *("" for _ in Role), ""))
        rows += [row for method in methods for row in _rows(method)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _rows(method: str) -> Iterator[tuple[str, ...]]:
    name = method.rpartition("/")[2]
    yield _row(method, name, METHOD_ROLES[method])
    for collection, roles in FILE_ROLES.items() if method in FILE_METHODS else ():
        yield _row(method, f"{name}, {collection}/...", roles)


def _row(method: str, told: str, allowed: Collection[Role]) -> tuple[str, ...]:
    roles = ("yes" if role in allowed else "" for role in Role)
    return told, *roles, str(LABELLED.get(method, ""))


def in_step(text: str) -> str:
    """Gives the text with its table as the rules are now.

    Raises:
        ValueError: there is not exactly one place for it.
    """
    found, count = _BLOCK.subn(lambda match: match[1] + table() + match[3], text)
    if count != 1:
        raise ValueError("there must be one place for the table")
    return found


def main() -> None:
    """Runs as ``python docs/write_access.py --check FILE | --write FILE``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", type=Path, metavar="FILE", help="fail if the table is not in step")
    what.add_argument("--write", type=Path, metavar="FILE", help="write the table")
    arguments = parser.parse_args()
    if arguments.write:
        arguments.write.write_text(in_step(arguments.write.read_text()))
    elif in_step(arguments.check.read_text()) != arguments.check.read_text():
        sys.exit(f"{arguments.check} is not in step: run python docs/write_access.py --write {arguments.check}")


if __name__ == "__main__":
    main()
