"""Writes the table of ``docs/access.md`` from the rules that the node asks (``gateway.identity.access.access``)."""

from collections.abc import Collection, Iterator
from itertools import groupby

from docs.blocks import in_step, run
from gateway.identity.access.access import FILE_METHODS, FILE_ROLES, LABELLED, METHOD_ROLES, Role


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


if __name__ == "__main__":
    run("write_access", lambda text: in_step(text, {"rules": table()}))
