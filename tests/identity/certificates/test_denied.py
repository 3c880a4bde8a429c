from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.identity.certificates.denied import Denied


@pytest.mark.parametrize(
    "line",
    [
        "sha256 abc",
        f"sha256 {'A' * 64}",
        "serial xyz",
        "serial",
        "id spiffe://hk.test",
        "id spiffe://hk.test/SFC/desk and more",
        "name desk",
        "spiffe://hk.test/SFC/desk",
    ],
)
def test_a_line_that_names_nothing_is_refused_with_its_number(line):
    with pytest.raises(ConfigError, match="line 2: "):
        Denied.parse(f"# first\n{line}\n")


@given(st.text(max_size=200))
def test_any_text_is_a_list_or_a_mistake(text):
    with suppress(ConfigError):
        Denied.parse(text)
