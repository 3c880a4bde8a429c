"""The clients that ``access.toml`` admits, checked so that every mistake is told with its line and value.

::

    [[clients]]
    id = "spiffe://node.hk.example/SFC/case-desk"
    authority = "SFC"
    roles = ["author", "reader"]
    clearance = "AMBER_STRICT"   # the highest TLP label that it may see; AMBER if it is not said
    sectors = ["custody"]        # optional; without it, all
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.errors import ConfigError, Malformed
from gateway.identity.access.access import Access, Caller, Role
from gateway.identity.access.file import Table, read_tables
from gateway.identity.access.toml_text import toml_of
from gateway.identity.names import ClientId
from gateway.words import capitals, words

KEYS = ("id", "authority", "roles", "clearance", "sectors")

CLEARANCES, SECTORS = capitals(Handling.Tlp), words(Sector, "SECTOR_")


def read_access(text: str, domain: str, authorities: Collection[str]) -> Access:
    """Reads an access file.

    Args:
        text: TOML
        domain: of this node: clients of another one do not belong here
        authorities: codes of the authorities that this node serves

    Raises:
        ConfigError: with a line for each mistake: where it is, what stands there, what would be right.
    """
    callers: dict[str, Caller] = {}
    mistakes: list[str] = []
    for table in read_tables(text):
        found = list(_mistakes(table, domain, authorities))
        mistakes += found
        if found:
            continue
        caller = _caller(table.values)
        if caller.client in callers:
            mistakes.append(f"line {table.line_of('id', caller.client)}: {caller.client} stands here twice")
        callers[caller.client] = caller
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return Access(domain, callers)


def _caller(values: Mapping[str, Any]) -> Caller:
    return Caller(
        values["id"],
        values["authority"],
        frozenset(map(Role, values["roles"])),
        CLEARANCES[values.get("clearance", "AMBER")],
        frozenset(SECTORS[each] for each in values.get("sectors", ())),
    )


def client_table(caller: Caller) -> str:
    """Writes a client as it stands in an access file."""
    values: dict[str, str | list[str]] = {
        "id": caller.client,
        "authority": caller.authority,
        "roles": [role for role in Role if role in caller.roles],
        "clearance": Handling.Tlp.Name(caller.clearance),
    }
    if caller.sectors:
        values["sectors"] = [word for word, sector in SECTORS.items() if sector in caller.sectors]
    return "[[clients]]\n" + "".join(f"{key} = {toml_of(value)}\n" for key, value in values.items())


def _mistakes(table: Table, domain: str, authorities: Collection[str]) -> Iterator[str]:
    for key in table.values:
        if key not in KEYS:
            yield f"line {table.line_of(key)}: unknown key {key!r}; a client has {', '.join(KEYS)}"
    for key, fault in (
        ("id", _id_fault(table.values, domain)),
        ("authority", _authority_fault(table.values, authorities)),
        ("clearance", _clearance_fault(table.values)),
    ):
        if fault:
            value = table.values.get(key, "")
            yield f"line {table.line_of(key, value)}: {key} {value!r} {fault}"
    yield from _list_mistakes(table, "roles", "role", list(Role))
    if "sectors" in table.values:
        yield from _list_mistakes(table, "sectors", "sector", list(SECTORS))


def _id_fault(values: Mapping[str, Any], domain: str) -> str | None:
    try:
        client = ClientId.parse(str(values.get("id", "")))
    except Malformed as error:
        return f"must be the ID of a client: {error.message}"
    if client.domain != domain:
        return f"must be of the domain of this node, {domain}"
    if client.authority != values.get("authority"):
        return f"names the authority {client.authority}, and authority = {values.get('authority')!r}"
    return None


def _authority_fault(values: Mapping[str, Any], authorities: Collection[str]) -> str | None:
    if values.get("authority") not in tuple(authorities):  # of whatever type it is
        return f"must be one of {', '.join(sorted(authorities))}"
    return None


def _clearance_fault(values: Mapping[str, Any]) -> str | None:
    if values.get("clearance", "AMBER") not in tuple(CLEARANCES):  # of whatever type it is
        return f"must be one of {', '.join(CLEARANCES)}"
    return None


def _list_mistakes(table: Table, key: str, word: str, known: Sequence[str]) -> Iterator[str]:
    values, told = table.values.get(key), ", ".join(known)
    if not isinstance(values, list) or not values:
        yield f"line {table.line_of(key)}: {key} must be a list of at least one of {told}"
        return
    for place, value in enumerate(values):
        if value not in known:
            yield f"line {table.line_of(key, value)}: {word} {value!r} must be one of {told}"
        elif value in values[:place]:
            yield f"line {table.line_of(key, value)}: {word} {value!r} stands here twice"
