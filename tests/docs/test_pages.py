"""The pages that are made from the code are in step with it, and links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import page as performance
from tests.docs.pages import PAGES, ROOT


@pytest.mark.parametrize(
    ("script", "page"),
    [
        ("draw_states", "protocol"),
        ("write_access", "access"),
        ("write_cli", "cli"),
        ("write_configuration", "configuration"),
        ("write_files", "files"),
        ("write_metrics", "observability"),
    ],
)
def test_a_generated_page_is_in_step(script: str, page: str) -> None:
    command = [sys.executable, "-m", f"docs.{script}", "--check", f"docs/{page}.md"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_tables_and_plots_of_a_run_are_in_step_with_its_results() -> None:
    assert performance.main(["--check", str(ROOT / "docs/performance.md")]) == 0


def test_architecture_lists_every_decision():
    page = (ROOT / "docs/architecture.md").read_text()
    listed = re.findall(r"^- \[(\d{4})\]\(adr/(\1-[a-z0-9-]+\.md)\) ", page, re.MULTILINE)
    there = sorted(path.name for path in (ROOT / "docs/adr").iterdir())
    assert [name for _, name in listed] == there
    for number, name in listed:
        assert (ROOT / "docs/adr" / name).read_text().startswith(f"# {int(number)}. ")


def test_every_page_is_reached_from_the_readme():
    readme = (ROOT / "README.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in readme, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text()):
        leads_to = page.parent / target if target else page
        assert leads_to.exists(), target
        assert not heading or heading in anchors(leads_to.read_text()), f"{target}#{heading}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_of_the_project_that_a_page_names_are_there(page: Path) -> None:
    folders, kinds = "gateway|tests|clients|protos|certs|docs", "py|md|toml|yaml|json|proto"
    for name in re.findall(rf"(?<![\w/.-])((?:{folders})/[\w/.-]+\.(?:{kinds}))\b", page.read_text()):
        assert (ROOT / name).is_file(), name


def anchors(text: str) -> set[str]:
    """What the headings of a page are linked by, as GitHub makes it."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_anchors_are_made_of_headings_alone() -> None:
    text = "# 8. Evidence, of `this`\n```toml\n# a remark\n```\n#### `[[four_eyes.rules]]`\n"
    assert anchors(text) == {"8-evidence-of-this", "four_eyesrules"}
