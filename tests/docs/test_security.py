"""The page about security speaks of every threat, and of tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
ROWS = re.findall(r"^\| (\d+) \| (.+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)


def test_every_test_that_it_names_is_there():
    for file, name in NAMED:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), f"{file}::{name}"


def test_each_of_the_fifty_threats_has_a_row_with_a_test_or_the_reason_for_none():
    assert [int(number) for number, *_ in ROWS] == list(range(1, 51))
    for number, _, done, shown in ROWS:
        assert "tests/" in shown or "no console yet" in done, number
