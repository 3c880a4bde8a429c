"""The drawing of a draft's states is that of the table."""

import re
from pathlib import Path

from regulator.exchange.v1.draft_service_pb2 import Draft

from gateway.supervision.drafts import AFTER

PAGE = Path(__file__).parents[2] / "docs" / "access.md"


def test_the_drawing_shows_every_step_of_a_draft_and_no_other():
    drawn = re.findall(r"^    ([A-Z_]+) --> ([A-Z_]+): (\w+)$", PAGE.read_text(), re.MULTILINE)
    name = Draft.State.Name
    assert sorted(drawn) == sorted(
        (name(state), name(after), step.name.lower()) for (state, step), after in AFTER.items()
    )
