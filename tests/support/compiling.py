"""Compiles each statement once a run, for however many databases: else tests spend half their time on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import URL, Engine, create_engine, event

from gateway.store.engines import postgresql, sqlite


@contextmanager
def compiled_once() -> Iterator[None]:
    """What is compiled for one database serves all of its kind; within another one, it serves by itself."""
    dialects, compiled = {}, {}

    def engine(url: URL, **options: Any) -> Engine:
        made = create_engine(url, **options)
        backend = url.get_backend_name()
        if backend in dialects:
            made.dialect = dialects[backend]
            made.update_execution_options(compiled_cache=compiled.setdefault(backend, {}))
        else:
            event.listen(made, "engine_connect", lambda _: dialects.setdefault(backend, made.dialect))
        return made

    with pytest.MonkeyPatch.context() as patch:
        for module in (sqlite, postgresql):
            patch.setattr(module, "create_engine", engine)
        yield
