"""The pages that are made from the code are in step with it, and links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import page as performance

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "page"),
    [("access", "access"), ("configuration", "configuration"), ("cli", "cli"), ("metrics", "observability")],
)
def test_a_generated_page_is_in_step(name: str, page: str) -> None:
    command = [sys.executable, f"docs/write_{name}.py", "--check", f"docs/{page}.md"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_tables_and_plots_of_a_run_are_in_step_with_its_results() -> None:
    assert performance.main(["--check", str(ROOT / "docs/performance.md")]) == 0


OTHERS = [ROOT / name for name in ("README.md", "certs/README.md", "tests/conformance/README.md")]
PAGES = sorted([*OTHERS, *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target
