"""This node against the kit; the kit against what it says of itself; and a runner that notices whatever is wrong."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from tests.conformance.cases import ACCEPT, REFUSE
from tests.conformance.make import KIT, made, readme
from tests.conformance.runner import TAKERS, Result, differences, run

HERE = Path(__file__).parent
DOCUMENTS = {path.stem: json.loads(path.read_text()) for path in sorted(KIT.glob("*.json"))}
CASES = [(subject, case) for subject, document in DOCUMENTS.items() for case in document["cases"]]
README = (HERE / "README.md").read_text()


def ids(cases: list[tuple[str, Any]]) -> list[str]:
    return [f"{subject}-{case['id']}" for subject, case in cases]


@cache
def came_of(subject: str, name: str) -> Result:
    """What came of a case: it is run once, and asked about several times."""
    (case,) = (case for case in DOCUMENTS[subject]["cases"] if case["id"] == name)
    return run(subject, DOCUMENTS[subject]["given"], case)


def difference(subject: str, case: Any) -> list[str]:
    return differences(case, came_of(subject, case["id"]))


@cache
def accepted(subject: str) -> dict[str, Any]:
    return {case["id"]: case for case in DOCUMENTS[subject]["cases"] if case["outcome"] == ACCEPT}


# --- this node --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("subject", "case"), CASES, ids=ids(CASES))
def test_this_node_conforms(subject: str, case: Any):
    assert difference(subject, case) == []


# --- the kit ----------------------------------------------------------------------------------------------------


def test_every_file_is_as_it_would_be_written():
    for path, text in made().items():
        assert path.read_text() == text, f"{path.name}: run python -m tests.conformance.make --write"
    assert {*DOCUMENTS} == {*TAKERS}


@pytest.mark.parametrize("subject", DOCUMENTS)
def test_a_file_has_the_form_that_is_published(subject: str):
    validate = fastjsonschema.compile(json.loads((HERE / "schema.json").read_text()))
    validate(DOCUMENTS[subject])
    for broken in _broken(DOCUMENTS[subject]):
        with pytest.raises(fastjsonschema.JsonSchemaValueException):
            validate(broken)


def _broken(document: Any) -> Iterator[Any]:
    """A file of another format, with an unknown member, with an input that is none of its subject."""
    yield {**document, "format": "regulator.exchange/conformance@v2"}
    yield {**document, "more": 1}
    yield {**document, "cases": [{**document["cases"][0], "input": {"more": 1}}]}


def test_there_are_many_cases_and_two_thirds_of_them_are_refused():
    outcomes = Counter(case["outcome"] for _, case in CASES)
    assert len(CASES) >= 150
    assert outcomes[REFUSE] * 3 >= len(CASES) * 2
    for subject in DOCUMENTS:
        assert accepted(subject), subject


@pytest.mark.parametrize("subject", DOCUMENTS)
def test_a_refused_case_differs_from_an_accepted_one_of_its_file(subject: str):
    cases = DOCUMENTS[subject]["cases"]
    assert len({case["id"] for case in cases}) == len(cases)
    for case in cases:
        if case["outcome"] == REFUSE:
            assert accepted(subject)[case["base"]]["input"] != case["input"], case["id"]


@pytest.mark.parametrize("subject", ["receiver", "sender"])
def test_everything_that_is_pooled_is_used(subject: str):
    document = DOCUMENTS[subject]
    inputs = [case["input"] for case in document["cases"]]
    used = {step["receive"] for each in inputs for step in each["steps"]} - {None}
    notes = {note for each in inputs for note in each["state"]["checkpoints"]}
    notes |= {each["state"]["receipt"] for each in inputs} - {None}
    notes |= {note for each in inputs for note in each["state"].get("halt", {}).get("evidence", ())}
    assert {*document["given"]["messages"]} == used
    assert {*document["given"]["notes"]} == notes
    assert {*document["given"]["envelopes"]} == {name for each in inputs for name in each["state"]["log"]}


def test_the_readme_counts_the_cases_and_explains_every_reason():
    assert readme(README) == README, "run python -m tests.conformance.make --write"
    told = {*re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)}
    assert told == {case["reason"] for _, case in CASES if case["outcome"] == REFUSE}
    schema = json.loads((HERE / "schema.json").read_text())
    assert told == {*schema["definitions"]["case"]["properties"]["reason"]["enum"]}


def test_what_is_said_of_reliability_counts_the_cases():
    page = (HERE.parents[1] / "docs/reliability.md").read_text()
    refused = sum(case["outcome"] == REFUSE for _, case in CASES)
    assert f"{len(CASES)} cases, {refused} of them to be refused" in page
    assert f"the runner notices all {refused} " in page


# --- the runner -------------------------------------------------------------------------------------------------

REFUSED = [(subject, case) for subject, case in CASES if case["outcome"] == REFUSE]


@pytest.mark.parametrize(("subject", "case"), REFUSED, ids=ids(REFUSED))
def test_a_node_that_lacks_the_check_is_noticed(subject: str, case: Any):
    """Such a node takes the input as it takes that of the accepted case."""
    taken = came_of(subject, case["base"])
    assert differences(case, taken), "it passes for one that refuses"


@pytest.mark.parametrize("subject", DOCUMENTS)
def test_any_other_outcome_reason_or_value_is_noticed(subject: str):
    for case in DOCUMENTS[subject]["cases"]:
        result = came_of(subject, case["id"])
        assert differences({**case, "outcome": "other"}, result)
        assert differences({**case, "reason": "OTHER"}, result)
        for key in case.get("expect", {}):
            other = deepcopy(case)
            other["expect"][key] = "other"
            assert differences(other, result), (case["id"], key)


@pytest.mark.parametrize("subject", ["receiver", "sender", "holding", "wanting"])
def test_a_message_that_is_not_sent_or_is_sent_too_much_is_noticed(subject: str):
    for case in accepted(subject).values():
        result = came_of(subject, case["id"])
        other = deepcopy(case)
        other["input"]["steps"][-1]["send"].append({"message": "receipt", "size": "1"})
        assert differences(other, result), case["id"]
        for number, step in enumerate(case["input"]["steps"]):
            if step["send"]:
                other = deepcopy(case)
                other["input"]["steps"][number]["send"].pop()
                assert differences(other, result), case["id"]
