"""Every part of a configuration that a page shows is one: a node takes it as it stands there."""

import re
from pathlib import Path

import pytest

from gateway.home.config import Config

DOCS = Path(__file__).parents[2] / "docs"
OTHER_FILES = ("[[clients]]",)  # access.toml
NODE = """
[node]
jurisdiction = "HK"
domain = "gateway.hk.example"
display_name = "Hong Kong"
authorities = ["HKMA", "SFC"]
[back_office]
listen = "127.0.0.1:7401"
[peer]
listen = "127.0.0.1:7402"
"""
EXAMPLES = [
    pytest.param(example, id=f"{page.name}: {example.partition(chr(10))[0]}")
    for page in sorted(DOCS.glob("*.md"))
    for example in re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL)
    if not example.startswith(OTHER_FILES)
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_a_configuration_is_taken(example: str):
    (section,) = {name.partition(".")[0] for name in re.findall(r"^\[+([a-z_.0-9]+)\]+", example, re.MULTILINE)}
    taken = Config.parse(f"{NODE}\n{example}")
    assert getattr(taken, section) != getattr(Config.parse(NODE), section), "it says something"


def test_there_are_examples_of_several_sections():
    assert len(EXAMPLES) > 3
