"""What back offices do about the rules of two jurisdictions: they judge whether these come to the same."""

from collections.abc import Iterator
from typing import Any

from regulator.exchange.v1.framework_pb2 import AssessmentContent
from regulator.exchange.v1.framework_service_pb2 import Assessment, AssessRequest, ListAssessmentsRequest
from regulator.exchange.v1.values_pb2 import SECTOR_STABLECOIN_ISSUER

from tests.simulation.nodes.asking import Asking, Keyed
from tests.simulation.nodes.sealed import english

TOPICS = ("reserve_assets", "redemption")  # so few that offices meet at one
OUTCOMES = (AssessmentContent.EQUIVALENT, AssessmentContent.PARTLY_EQUIVALENT, AssessmentContent.DIVERGENT)


class Assessments:
    """Those of one office."""

    def __init__(self, office: Asking) -> None:
        self._office, self._random = office, office.random
        self.acts = {"assess": self._assess}

    async def _assess(self) -> None:
        """Judges an area; where there is a judgement that stands, it takes its place, unless another one does first."""
        office, recipient = self._office, self._office.recipient()
        area = AssessmentContent.Area(sector=SECTOR_STABLECOIN_ISSUER, topic=self._random.choice(TOPICS))
        standing = await self._standing(recipient, area)
        asked = office.new(recipient, mark=office.mark())
        content = AssessmentContent(
            first_jurisdiction=office.site.name,
            second_jurisdiction=recipient,
            area=area,
            outcome=self._random.choice(OUTCOMES),
            reasons=english(asked.mark),
            supersedes=standing.name if standing else "",
        )
        request = AssessRequest(assessment=Assessment(content=content), request_id=office.request_id())
        made = await office.until_known(
            "FrameworkService/Assess", lambda node: node.frameworks.assess(office.caller, request), asked
        )
        if made:
            asked.key = ("framework_assessed", made.name)

    async def _standing(self, recipient: str, area: AssessmentContent.Area) -> Assessment | None:
        def standing(page: Any) -> list[Assessment]:
            return [
                each
                for each in page.assessments
                if (each.assessor, each.content.second_jurisdiction) == (self._office.site.name, recipient)
                and each.content.area == area
                and not each.superseded_by
            ]

        request = ListAssessmentsRequest(page_size=100)
        found: Assessment | None = await self._office.find(
            "FrameworkService/ListAssessments",
            lambda node: node.framework_questions.list_assessments(request),
            standing,
            looks=1,
        )
        return found


def check_assessments(sent: dict[str, Keyed]) -> Iterator[str]:
    """No two assessments take the place of the same one."""
    for origin, log in sent.items():
        replaced = [each.framework_assessed.content.supersedes for each in log.envelopes]
        for name in {each for each in replaced if each and replaced.count(each) > 1}:
            yield f"{origin}: {name} is superseded more than once (G1)"
