"""The page about reliability speaks of inputs that are kept, of every parser, and of the kit as it is."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reliability.md").read_text()
CORPUS, KIT = ROOT / "tests/fuzz/corpus", ROOT / "tests/conformance/kit"


def test_every_input_that_it_names_is_kept():
    named = re.findall(r"`([a-z_]+/[a-z-]+)`", PAGE)
    assert named
    for path in named:
        assert (CORPUS / path).is_file(), path


def test_every_kept_input_that_has_a_name_is_told_of():
    """The others are named by their hash."""
    for path in CORPUS.glob("*/*"):
        if not re.fullmatch("[0-9a-f]{16}", path.name):
            assert f"`{path.parent.name}/{path.name}`" in PAGE, path


def test_it_has_a_figure_for_every_target():
    told = {*re.findall(r"^\| ([a-z_]+) \| [0-9,]+ \| [0-9,]+ \|$", PAGE, re.MULTILINE)}
    assert told == {path.name for path in CORPUS.iterdir()}


def test_it_counts_the_cases_of_the_kit():
    cases = [case for path in KIT.iterdir() for case in json.loads(path.read_text())["cases"]]
    refused = sum(case["outcome"] == "refuse" for case in cases)
    assert f"{len(cases)} cases, {refused} of them to be refused" in PAGE
    assert f"notices all {refused}" in PAGE


def test_every_test_that_it_names_is_there():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert named
    for file, name in named:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), f"{file}::{name}"


def test_each_of_the_29_faults_has_a_row_with_a_test():
    rows = re.findall(r"^\| (\d+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert [int(number) for number, *_ in rows] == list(range(1, 30))
    for number, _, shown, database, _ in rows:
        assert "::" in shown or shown == "the same", number
        assert database in {"SQLite", "PostgreSQL", "both", "–"}, number  # noqa: RUF001 - as the page has it
