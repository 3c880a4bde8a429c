"""The page about logs lists every event that the code can write, and no other."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
METHODS = {"info", "warning", "error", "critical", "defect"}
BY_OTHERS = {"library"}  # made of what libraries log


def written(source: str) -> set[str]:
    """The events of a module: what the methods of its ``_log`` are called with first."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in METHODS:
            continue
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "_log":
            name = node.args[0]
            assert isinstance(name, ast.Constant), ast.unparse(node)
            found.add(name.value)
    return found


def test_every_event_stands_on_the_page_and_every_one_there_is_written():
    events = {event for file in (ROOT / "gateway").rglob("*.py") for event in written(file.read_text())}
    table = (ROOT / "docs/logs.md").read_text().partition("## Events")[2]
    listed = {
        name for row in re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert listed == events | BY_OTHERS


def test_nothing_logs_past_that_door():
    others = [
        str(file.relative_to(ROOT))
        for file in (ROOT / "gateway").rglob("*.py")
        if file.name != "logs.py" and "logging.getLogger" in file.read_text()
    ]
    assert others == []
