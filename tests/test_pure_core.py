"""The pure core is given time and random bytes: it asks for neither, and opens nothing. import-linter holds its imports
of whole modules; here is what it cannot see: a call, a part of a module, and what comes in by way of another module."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ("ledger", "supervision", "journal")
MODULES = sorted(path for name in CORE for path in (ROOT / "gateway" / name).rglob("*.py"))
IMPURE_MODULES = {
    *("asyncio", "concurrent", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "shutil"),
    *("signal", "socket", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid"),
}
IMPURE_OWN = {f"gateway.{name}" for name in ("backoff", "logs", "news", "threads")}
IMPURE_CALLS = {"now", "today", "utcnow", "open", "input", "print", "urandom", "token_bytes", "generate"}


def impure(source: str) -> Iterator[str]:
    """What a module does that a pure one does not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if _is_impure(each.name))
        elif isinstance(node, ast.ImportFrom) and node.module and _is_impure(node.module):
            yield node.module
        elif isinstance(node, ast.Call) and _called(node) in IMPURE_CALLS:
            yield ast.unparse(node)


def _is_impure(module: str) -> bool:
    return module.partition(".")[0] in IMPURE_MODULES or module in IMPURE_OWN


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


@pytest.mark.parametrize("module", MODULES, ids=lambda each: str(each.relative_to(ROOT)))
def test_the_core_asks_for_no_time_no_randomness_and_no_file(module: Path):
    assert list(impure(module.read_text())) == []


@pytest.mark.parametrize(
    "source",
    ["from datetime import date\ndate.today()", "open('x')", "import os.path", "from gateway.backoff import Backoff"],
)
def test_what_is_impure_is_seen(source: str):
    assert list(impure(source))


def test_the_core_is_looked_at():
    assert len(MODULES) > 60
