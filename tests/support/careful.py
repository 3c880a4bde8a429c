"""A careful back office: it asks under one request_id until there is an answer, whatever happens to its node."""

import time
import uuid
from dataclasses import dataclass, replace

from regulator.exchange import Client, DeadlineExceeded, ExchangeError, Unavailable

from tests.supervision.samples import content
from tests.support.invariants import Witness
from tests.support.nodes import AUTHORITIES, Site

PATIENCE_SECONDS = 120


class Careful:
    """Gives notices at one site.

    Attributes:
        answered: the names of those that it was told are released
        refusals: what it was told instead, in order
    """

    def __init__(self, site: Site, recipient: str) -> None:
        self.answered: list[str] = []
        self.refusals: list[ExchangeError] = []
        self._site, self._recipient = site, recipient
        self._authority = AUTHORITIES[site.jurisdiction][1]
        self._profile = replace(site.profile(self._authority), max_attempts=1)

    def try_once(self, request_id: str, deadline_seconds: float = 20) -> bool:
        """Asks once; tells whether there was an answer."""
        with Client(replace(self._profile, deadline_seconds=deadline_seconds)) as client:
            try:
                made = client.create_notice(
                    content(issuing_authority=self._authority),
                    recipient=self._recipient,
                    notice_id=f"{self._site.jurisdiction.lower()}-{request_id}",
                    request_id=request_id,
                )
            except (Unavailable, DeadlineExceeded) as error:
                self.refusals.append(error)
                return False  # whether it was done is not known
        self.answered.append(made.name)
        return True

    def give(self) -> bool:
        """Asks once for one more."""
        return self.try_once(str(uuid.uuid4()))

    def insist(self, request_id: str = "") -> None:
        """Asks until there is an answer."""
        request_id = request_id or str(uuid.uuid4())
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.try_once(request_id):
            assert time.monotonic() < deadline, "a node does not answer any more"
            time.sleep(0.1)


@dataclass
class CarefulPair:
    """Two nodes, an office of each, and what was seen of them."""

    hk: Site
    kr: Site

    def __post_init__(self) -> None:
        self.offices = {"HK": Careful(self.hk, "KR"), "KR": Careful(self.kr, "HK")}
        self.witness = Witness(self.hk, self.kr)

    def settle(self) -> None:
        """Has one more given at each, and waits until both are at rest; passes if all that was answered is there."""
        for office in self.offices.values():
            office.insist()
        self.witness.settle({code: office.answered for code, office in self.offices.items()})
