"""What docstrings name is there: a module that was renamed leads nobody to where it was."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted(ROOT.glob("gateway/**/*.py"))
FOREIGN = {  # names of others
    "GRPC_SSL_CIPHER_SUITES",  # of gRPC's environment
    "_bucket",  # of Prometheus
    "_server_main_loop",  # of grpc.aio
    "cosigned_message",  # of C2SP's tlog-cosignature, as the next one
    "timestamped_signature",
    "get_matching_blocks",  # of difflib
    "partly_equivalent",  # of the contract, as a person writes it
    "sharing_request",  # a field that there might be
    "pg_amcheck",  # of PostgreSQL
    "set_exception_handler",  # of asyncio
    "tcp_user_timeout",  # of libpq
}


def _words(tree: ast.AST) -> Iterator[str]:
    """Every name that a module has or uses, and what it takes by name."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case ast.keyword(arg=str(name)):
                yield name
            case _:
                pass


def _said(tree: ast.AST) -> Iterator[str]:
    """The names that docstrings quote, part by part."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for name in re.findall(r"``([\w.]+)``", ast.get_docstring(node) or ""):
                yield from (part for part in name.split(".") if "_" in part)


def test_what_docstrings_name_is_there():
    clients, protos = ROOT.glob("clients/python/src/regulator/exchange/*.py"), list(ROOT.glob("protos/**/*.proto"))
    sources = {path: ast.parse(path.read_text()) for path in SOURCES}
    trees = (*sources.values(), *(ast.parse(path.read_text()) for path in clients))
    known = {word for tree in trees for word in _words(tree)}
    known |= {word for path in protos for word in re.findall(r"\w+", path.read_text())}
    known |= {part for path in (*SOURCES, *protos) for part in (path.stem, path.parent.name)}
    wrong = {path: lost for path, tree in sources.items() if (lost := {*_said(tree)} - known - FOREIGN)}
    assert wrong == {}
