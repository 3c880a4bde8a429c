"""Marks what only ``make test-long`` runs: ``@long_form`` a test, ``marks=long_form`` one of its cases.

Until a variable of the environment says how much is to be done, it is left out, and not told as skipped: what is, a
machine lacks something for.
"""

import os

import pytest


def long_form_where(variable: str) -> pytest.MarkDecorator:
    """Of what has a variable of its own."""
    return pytest.mark.long(variable)


long_form = long_form_where("GATEWAY_KILLS")


def is_left_out(item: pytest.Item) -> bool:
    """Whether a variable that it is marked with says nothing."""
    return any(variable not in os.environ for mark in item.iter_markers("long") for variable in mark.args)
