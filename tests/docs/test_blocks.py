from pathlib import Path

import pytest

from docs.blocks import in_step, run

PAGE = """\
# Of two blocks
<!-- first -->
old
<!-- end of first -->
between them
<!-- second: here -->
<!-- end of second: here -->
"""
BLOCKS = {"first": "new\n", "second: here": "two\nlines\n"}
MEANT = """\
# Of two blocks
<!-- first -->
new
<!-- end of first -->
between them
<!-- second: here -->
two
lines
<!-- end of second: here -->
"""


def meant(text: str) -> str:
    return in_step(text, BLOCKS)


def test_a_page_out_of_step_is_found_and_put_in_step(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    with pytest.raises(SystemExit, match=r"page\.md is out of step: python -m docs\.a_script --write .*page\.md"):
        run("a_script", meant, ["--check", str(page)])
    assert page.read_text() == PAGE
    run("a_script", meant, ["--write", str(page)])
    assert page.read_text() == MEANT
    run("a_script", meant, ["--check", str(page)])


@pytest.mark.parametrize("text", [PAGE.replace("end of first", "end of other"), PAGE + PAGE])
def test_a_page_has_one_place_for_each_block(text: str) -> None:
    with pytest.raises(ValueError, match="one place for the block 'first'"):
        meant(text)
