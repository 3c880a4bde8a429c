"""docs/files.md tells every key of the files that notices and frameworks are given in."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from gateway.errors import BadInput
from gateway.supervision.files.codecs import Codec, Field
from gateway.supervision.files.framework_form import HEADER, PROVISIONS
from gateway.supervision.files.notice_form import CONTENT, DETAILS
from gateway.supervision.files.notices import read_notices
from gateway.supervision.rules.fields import field_violations

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "files.md").read_text()
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def keys(fields: Iterable[Field]) -> Iterator[str]:
    for field in fields:
        yield field.key
        yield from keys_within(field.codec)


def keys_within(codec: Codec) -> Iterator[str]:
    yield from keys(codec.fields)
    if codec.item:
        yield from keys_within(codec.item)


def test_every_key_has_a_form_and_a_meaning():
    details = [key for name, codec in DETAILS.values() for key in (name, *keys_within(codec))]
    wanted = {*keys(CONTENT), *details, *keys(HEADER), *keys(PROVISIONS)}
    assert len(wanted) > 80
    told = dict(re.findall(r"^\| `(\w+)` \| (?:yes)? ?\| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE))
    told |= {key: kind for kind, key in re.findall(r"^\| `(\w+)` \| `(\w+)` \| \[", PAGE, re.MULTILINE)}
    assert wanted <= set(told)
    assert all(meaning.strip() for meaning in told.values())


def test_the_examples_are_notices_that_keep_to_the_rules():
    given = [*EXAMPLES, *(path.read_text() for path in (ROOT / "docs" / "examples").glob("*.json"))]
    assert len(given) > 1
    for (file,) in map(read_notices, given):
        assert not field_violations(file.content)


NEEDED = re.findall(r"^\| `(\w+)` \| yes[ ,]", PAGE.partition("#### ")[0], re.MULTILINE)


@pytest.mark.parametrize("key", NEEDED)
def test_what_is_needed_cannot_be_left_out(key):
    given = json.loads(EXAMPLES[0])
    del given[key]
    try:
        (file,) = read_notices(json.dumps(given))
        refused = {each.field for each in field_violations(file.content)}
    except BadInput as bad:
        refused = {each.field for each in bad.violations}
    assert key in refused or (key == "recipient" and not file.recipient)


def test_what_is_not_needed_can_be_left_out():
    given = json.loads(EXAMPLES[0])
    (file,) = read_notices(json.dumps({key: given[key] for key in NEEDED}))
    assert not field_violations(file.content)
