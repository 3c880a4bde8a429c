"""Marks of cases that only `make test-long` runs."""

import os

import pytest

LONG_FORM = (
    pytest.mark.long,
    pytest.mark.skipif("GATEWAY_KILLS" not in os.environ, reason="make test-long sets it"),
)
