"""The inputs of the conformance kit, as the targets take them: each of its subjects is a good start for one of them."""

import json
from collections.abc import Iterator
from typing import Any

from tests.conformance.cases import decoded
from tests.conformance.make import KIT

BYTES = {
    "note": ("note", "note"),
    "checkpoint": ("checkpoint", "note"),
    "receipt": ("receipt", "note"),
    "seals": ("receipt", "note"),
    "envelope": ("envelope", "envelope"),
    "remainder": ("remainder", "remainder"),
    "evidence": ("evidence", "file"),
    "journal": ("journal", "file"),
    "pairing": ("pairing", "file"),
}
"""Subject of the kit -> the target, and the member of the input."""


def kit_inputs() -> Iterator[tuple[str, bytes]]:
    """Name of a target, and an input for it."""
    for subject, (target, member) in BYTES.items():
        for given in _inputs(subject):
            yield target, decoded(given[member])
    for given in _inputs("inclusion"):
        yield "inclusion", _proof([given["index"], given["size"]], [given["leaf_hash"], given["root"]], given["proof"])
    for given in _inputs("consistency"):
        sizes, roots = ([given[f"{which}_{what}"] for which in ("first", "second")] for what in ("size", "root"))
        yield "consistency", _proof(sizes, roots, given["proof"])


def _inputs(subject: str) -> Iterator[dict[str, Any]]:
    document = json.loads((KIT / f"{subject}.json").read_text())
    return (case["input"] for case in document["cases"])


def _proof(numbers: list[str], hashes: list[str], proof: list[str]) -> bytes:
    heads = b"".join(int(number).to_bytes(9) for number in numbers)
    return heads + b"".join(bytes.fromhex(each) for each in (*hashes, *proof))
