"""kill -9 around approvals: afterwards a draft is pending, or it is released and its one envelope is there."""

import os
import random
import threading
import time
import uuid
from pathlib import Path

import pytest
from regulator.exchange import DeadlineExceeded, Stale, Unavailable, WrongState, notice_request
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.identity.access.access import Role
from tests.conftest import FOUR_EYES
from tests.crash.killing import check, log_of
from tests.supervision.samples import content, handling
from tests.support.nodes import Site, eventually, found_pair, running

DRAFTS, KILLS = 60, 8
AGAIN = (Unavailable, DeadlineExceeded)  # what became of it is unknown: asked again, under the same request_id


class Approver:
    """Approves drafts in order, each until there is an answer, as a careful back office does."""

    def __init__(self, site: Site, system: str, drafts: list[Draft]) -> None:
        self.answered: list[str] = []  # drafts that it was told to have released
        self.done = 0
        self._site, self._system, self._drafts = site, system, drafts
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        with self._site.client("SFC", self._system) as client:
            for draft in self._drafts:
                request_id = str(uuid.uuid4())
                while True:
                    try:
                        client.approve_draft(draft.name, etag=draft.etag, request_id=request_id)
                    except AGAIN:
                        continue
                    except (Stale, WrongState):
                        break  # the other one was first
                    self.answered.append(draft.name)
                    break
                self.done += 1


def pending_drafts(site: Site) -> list[Draft]:
    narrow = content(handling=handling(tlp="RED"))
    with site.client("SFC") as office:
        made = [
            office.create_draft(notice_request(narrow, recipient="KR", notice_id=f"hk-{number}"))
            for number in range(DRAFTS)
        ]
        return [office.submit_draft(each.name) for each in made]


def kill_while_approving(site: Site, approvers: list[Approver], chance: random.Random) -> None:
    for _ in range(KILLS):
        further = min(DRAFTS, min(each.done for each in approvers) + 3)
        eventually(lambda further=further: all(each.done >= further for each in approvers), 60)
        time.sleep(chance.uniform(0, 0.05))  # the moment of the kill is what is random here
        site.kill()
        site.start()


@pytest.mark.timeout(300)
def test_kills_around_approvals_release_each_draft_once(tmp_path: Path) -> None:
    hk, kr = found_pair(tmp_path)
    hk.configure(FOUR_EYES)
    for system in ("desk", "board"):
        hk.add_client("SFC", [Role.APPROVER], system=system)
    with running(hk):
        drafts = pending_drafts(hk)
        approvers = [Approver(hk, system, drafts) for system in ("desk", "board")]
        for each in approvers:
            each.start()
        kill_while_approving(hk, approvers, random.Random(int(os.environ.get("GATEWAY_SEED", "2026"))))
        for each in approvers:
            each.join()
        with hk.client("SFC") as office:
            found = {each.name: each for each in office.list_drafts()}
    sealed = [Envelope.FromString(data) for data in log_of(hk, f"{hk.domain}/to/{kr.domain}")]
    assert sorted(each.notice_released.notice for each in sealed) == sorted(f"notices/hk-{n}" for n in range(DRAFTS))
    assert all(each.approver.client.endswith(("/desk", "/board")) for each in sealed)
    assert {each.state for each in found.values()} == {Draft.RELEASED}
    released = [name for each in approvers for name in each.answered]
    assert sorted(released) == sorted(each.name for each in drafts), "each was told to one of the two"
    check(hk)
