import json

import pytest
from hypothesis import given
from regulator.exchange.v1.framework_pb2 import FrameworkVersionContent
from regulator.exchange.v1.values_pb2 import LocalizedText

from gateway.errors import BadInput
from gateway.supervision.files.frameworks import FrameworkFile, read_framework, write_framework
from tests.supervision.framework_samples import FILES, english, real, version, versions
from tests.support.properties import examples


def document(jurisdiction: str = "HK") -> dict:
    return json.loads(FILES[jurisdiction].read_text())


def refused(value) -> list[tuple[str, str]]:
    with pytest.raises(BadInput) as caught:
        read_framework(value if isinstance(value, str | bytes) else json.dumps(value))
    return [(each.field, each.description) for each in caught.value.violations]


def altered(path: str, value) -> dict:
    """The Hong Kong file with another value at a path such as ``provisions.0.status``."""
    made = document()
    *above, last = [int(each) if each.isdigit() else each for each in path.split(".")]
    within = made
    for each in above:
        within = within[each]
    within[last] = value
    return made


@pytest.mark.parametrize("jurisdiction", FILES)
def test_a_real_file_comes_back_in_the_same_words_and_order(jurisdiction):
    assert write_framework(real(jurisdiction)).strip() == FILES[jurisdiction].read_text().strip()


@pytest.mark.parametrize(("jurisdiction", "count"), [("HK", 33), ("KR", 29)])
def test_no_provision_of_a_real_file_is_lost(jurisdiction, count):
    file = real(jurisdiction)
    assert file.framework_id == f"{jurisdiction.lower()}-digital-assets"
    assert [each.id for each in file.content.provisions] == [
        each["id"] for each in document(jurisdiction)["provisions"]
    ]
    assert len(file.content.provisions) == count


def test_a_summary_in_english_alone_stands_for_itself():
    assert list(real("HK").content.header.summary) == english(document()["summary"])
    both = [*english("Summary"), LocalizedText(language_tag="ko", text="요약")]
    written = json.loads(write_framework(FrameworkFile("hk-x", version(summary=both))))
    assert written["summary"] == {"en": "Summary", "ko": "요약"}


def test_what_is_null_is_absent():
    without = altered("provisions.0.effective_to", None)
    assert not read_framework(json.dumps(without)).content.provisions[0].HasField("effective_to")
    assert not real("HK").content.provisions[9].HasField("source")


@examples(50)
@given(versions())
def test_any_version_comes_back_as_it_was(content):
    file = FrameworkFile("hk-x", content)
    assert read_framework(write_framework(file)) == file


def test_a_file_may_leave_out_its_id():
    assert "id" not in json.loads(write_framework(FrameworkFile("", version())))
    assert read_framework(write_framework(FrameworkFile("", version()))) == FrameworkFile("", version())


def test_an_empty_framework_is_a_file():
    assert read_framework('{"schema": "framework/1"}').content == FrameworkVersionContent(header={})


@pytest.mark.parametrize(
    ("path", "value", "field", "words"),
    [
        ("schema", "framework/2", "schema", "framework/1"),
        ("author", "me", "author", "not known here"),
        ("title", "text", "title", "an object"),
        ("title.en", 1, "title.en", "a text"),
        ("as_of", "24.11.2026", "as_of", "such as 2026-02-25"),
        ("summary", 1, "summary", "an object"),
        ("authorities", "HKMA", "authorities", "a list"),
        ("provisions", {}, "provisions", "a list"),
        ("provisions.3", "text", "provisions[3]", "an object"),
        ("provisions.3.sector", "bank", "provisions[3].sector", "exchange, stablecoin_issuer, dealing, custody"),
        ("provisions.3.status", "IN_FORCE", "provisions[3].status", "proposed, consultation, enacted"),
        ("provisions.3.effective_from", "2026-02-30", "provisions[3].effective_from", "a date"),
        ("provisions.3.effective_to", 2026, "provisions[3].effective_to", "a date"),
        ("provisions.3.confidence", "sure", "provisions[3].confidence", "seen, from_memory, exercise"),
        ("provisions.3.level", 1, "provisions[3].level", "not known here"),
        ("provisions.4.parameters.0.kind", "sum", "provisions[4].parameters[0].kind", "money, percentage"),
        ("provisions.4.parameters.0.value", 25000000, "provisions[4].parameters[0].value", "a text"),
        ("provisions.0.source.date", "July", "provisions[0].source.date", "a date"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_at_its_place(path, value, field, words):
    ((found, description),) = refused(altered(path, value))
    assert found == field
    assert words in description


def test_all_that_is_wrong_is_told_at_once():
    broken = document()
    broken["as_of"] = broken["provisions"][1]["status"] = broken["provisions"][2]["sector"] = "x"
    broken["colour"] = broken["provisions"][2]["colour"] = "red"
    fields = ["colour", "as_of", "provisions[1].status", "provisions[2].colour", "provisions[2].sector"]
    assert [field for field, _ in refused(broken)] == fields


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "JSON"),
        ("[]", "an object"),
        ("{", "JSON"),
        ('{"id": "a", "id": "b"}', "twice"),
        ('{"id": NaN}', "no number"),
        (b"\xff\xfe{", "Unicode"),
        ('{"id": "\\ud800"}', "Unicode"),
        ("[" * 100_000, "nested"),
    ],
)
def test_what_is_no_file_is_refused(text, words):
    ((field, description),) = refused(text)
    assert field == "file"
    assert words in description
