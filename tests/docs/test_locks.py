"""What is installed is what was pinned."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-fuzz.lock"])
def test_every_package_is_pinned_by_its_hash(name: str):
    text = (ROOT / name).read_text().replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert packages
    for line in packages:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", line, re.IGNORECASE), line
        assert "--hash=sha256:" in line, line


def test_make_installs_nothing_that_is_not():
    commands = [line for line in (ROOT / "Makefile").read_text().splitlines() if "pip install" in line]
    assert commands
    for line in commands:
        assert "--require-hashes" in line or "--no-deps" in line, line
