"""What the demonstration publishes is real, and changes what it says."""

from google.type.date_pb2 import Date

from gateway.demo.frameworks import BEFORE_THE_PLAN, as_it_stood
from gateway.supervision.frameworks.content import framework_violations
from gateway.supervision.frameworks.diff import diff_versions
from tests.supervision.framework_samples import real


def test_the_korean_bill_before_and_after_the_plan_of_2026():
    content = real("KR").content
    stood = as_it_stood(content, BEFORE_THE_PLAN)
    assert framework_violations(stood) == []
    diff = diff_versions(stood, content)
    assert (diff.removed_count, diff.changed_count) == (0, 1)
    added = {each.provision: each.new for each in diff.provisions if each.new and not each.HasField("old")}
    assert added["kr-db-capital-2026"].source.title == "Korea nears launch of won stablecoin"
    (changed,) = [each for each in diff.provisions if each.HasField("old")]
    assert (changed.provision, list(changed.fields)) == ("kr-db-capital-2025", ["effective_to"])


def test_a_framework_stands_as_it_is_after_its_last_change():
    content = real("HK").content
    stood = as_it_stood(content, Date(year=2026, month=11, day=24))
    assert list(stood.provisions) == list(content.provisions)
