"""Every page that people read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
BESIDE_DOCS = (
    "README.md",
    "CHANGELOG.md",
    "certs/README.md",
    "clients/python/README.md",
    "protos/README.md",
    "tests/conformance/README.md",
)
PAGES = sorted([*(ROOT / name for name in BESIDE_DOCS), *(ROOT / "docs").rglob("*.md")])
