"""What back offices do about frameworks: they publish versions, directly or, where a rule asks for it, as drafts."""

from datetime import date, timedelta

from google.type.date_pb2 import Date
from regulator.exchange.v1.framework_pb2 import FrameworkVersionContent
from regulator.exchange.v1.framework_service_pb2 import PublishVersionRequest

from tests.simulation.nodes.asking import Asking
from tests.simulation.nodes.drafting import Drafts
from tests.simulation.nodes.sealed import english
from tests.supervision.framework_samples import provision, version

FRAMEWORKS = 2  # of an authority, so that two offices meet at one
LAST_DAY = 4  # on which a provision begins, from the first one of a schedule


class Versions:
    """Those of one office."""

    def __init__(self, office: Asking, drafts: Drafts, *, needs_approval: bool) -> None:
        self._office, self._random, self._drafts, self._needs_approval = office, office.random, drafts, needs_approval
        self.acts = {"publish": self._publish}

    async def _publish(self) -> None:
        office = self._office
        asked = office.new(*sorted(office.site.parties.peers), mark=office.mark())
        request = PublishVersionRequest(
            parent=f"frameworks/{office.site.name.lower()}-{self._random.randint(1, FRAMEWORKS)}",
            content=self._content(asked.mark),
        )
        if self._needs_approval:
            await self._drafts.write(asked, publish_version=request)
            return
        request.request_id = office.request_id()
        made = await office.until_known(
            "FrameworkService/PublishVersion",
            lambda node: node.frameworks.publish_version(office.caller, request),
            asked,
        )
        if made:
            asked.key = ("framework_version_published", made.version.name)

    def _content(self, mark: str) -> FrameworkVersionContent:
        """Provisions that came into force, or will in these days."""
        provisions = [
            provision(f"p{number}", effective_from=self._day()) for number in range(self._random.randint(1, 3))
        ]
        own = self._office.site.name
        return version(*provisions, jurisdiction=own, title=english(mark), authorities=[self._office.authority])

    def _day(self) -> Date:
        day = date(2026, 1, 1) + timedelta(days=self._random.randint(0, LAST_DAY))
        return Date(year=day.year, month=day.month, day=day.day)
