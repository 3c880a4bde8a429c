"""The mutations can be applied, and who finds them is there: the code and the suite go on, and they must follow."""

import ast
import re
from pathlib import Path

import pytest

from tests.mutations.__main__ import applied, chosen_by
from tests.mutations.table import MUTATIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reliability.md").read_text()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.what)
def test_a_mutation_is_applied_at_one_place_and_gives_python(mutation, tmp_path):
    path = tmp_path / mutation.file
    path.parent.mkdir(parents=True)
    path.write_text((ROOT / mutation.file).read_text())
    with applied(mutation, tmp_path):
        ast.parse(path.read_text())
        assert path.read_text() != (ROOT / mutation.file).read_text()
    assert path.read_text() == (ROOT / mutation.file).read_text()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.what)
def test_its_finder_is_there(mutation):
    file, _, name = mutation.finder.partition("::")
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_the_page_about_reliability_has_a_row_for_each():
    rows = re.findall(r"^\| (.+) \| `(tests/[\w/]+\.py::\w+)` \|$", PAGE, re.MULTILINE)
    assert rows == [(each.what, each.finder) for each in MUTATIONS]


def test_words_choose_the_mutations_that_have_one_of_them_and_none_chooses_all():
    first, last = MUTATIONS[0], MUTATIONS[-1]
    assert chosen_by([]) == list(MUTATIONS)
    assert chosen_by([first.what, last.what]) == [first, last]


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["no such invariant"], 2), (["--other"], 2)])
def test_what_chooses_none_runs_nothing(arguments, code, capsys):
    with pytest.raises(SystemExit) as ended:
        chosen_by(arguments)
    assert ended.value.code == code
    assert "python -m tests.mutations" in "".join(capsys.readouterr())
