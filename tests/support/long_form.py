"""Marks what only ``make test-long`` runs: a test with ``@long_form``, one case of a test with ``marks=LONG_FORM``."""

import os
from collections.abc import Callable
from typing import TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., object])


def marks_where(variable: str) -> tuple[pytest.MarkDecorator, ...]:
    """Of what runs where a variable of the environment is set."""
    return pytest.mark.long, pytest.mark.skipif(variable not in os.environ, reason=f"make test-long sets {variable}")


LONG_FORM = marks_where("GATEWAY_KILLS")


def long_form_where(variable: str) -> Callable[[Test], Test]:
    """Likewise, of a whole test."""

    def marked(test: Test) -> Test:
        for mark in marks_where(variable):
            test = mark(test)
        return test

    return marked


long_form = long_form_where("GATEWAY_KILLS")
