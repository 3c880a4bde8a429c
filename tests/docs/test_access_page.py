"""What ``docs/access.md`` shows as examples is what a node takes."""

import re
import tomllib
from pathlib import Path

from gateway.identity.access.access import Role
from gateway.identity.access.clients import KEYS, read_access
from gateway.identity.officers.claims import Fault
from gateway.identity.officers.rules import OfficerRules

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text()
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def example(begin: str) -> str:
    return next(each for each in EXAMPLES if each.startswith(begin))


def test_the_example_of_the_access_file_is_one():
    text = example("[[clients]]")
    known = read_access(text, "gateway.hk.example", ["SFC"]).caller("spiffe://gateway.hk.example/SFC/case-desk")
    assert known.roles == {Role.AUTHOR, Role.READER}
    assert set(tomllib.loads(text)["clients"][0]) == set(KEYS)
    assert all(f"| `{key}` |" in PAGE for key in KEYS)


def test_the_example_of_officers_is_one():
    rules = OfficerRules.model_validate(tomllib.loads(example("[officers]"))["officers"])
    assert rules.person_roles == {Role.APPROVER}
    assert len(rules.person_methods) == 1


def test_every_fault_of_a_token_is_told():
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE)) == set(Fault)


def test_every_role_is_told():
    assert all(f"\n| {role} |" in PAGE for role in Role)
