"""Between two real nodes: content whose day is past is gone from both, byte for byte, and what is left proves it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.type.date_pb2 import Date
from regulator.exchange.v1.evidence_service_pb2 import GetEvidenceRequest
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Entity, LocalizedText

from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.evidence.evidence import verify_evidence
from tests.supervision.samples import content, handling
from tests.support.nodes import Site, eventually, found_pair, running
from tests.support.offline import give

CANARY = "A canary in the mine of Gwangmyeong"
ID = "hk-2020-canary"


def kept_for_a_day() -> dict[str, object]:
    """A notice of long ago, so that its last day is past."""
    return {
        "event_date": Date(year=2020, month=1, day=1),
        "handling": handling(retain_until=Date(year=2020, month=1, day=2)),
        "summary": [LocalizedText(language_tag="en", text=CANARY)],
        "subjects": [Entity(name=CANARY)],
    }


def files_with(site: Site) -> list[str]:
    """The files of a node's home in which the content is found."""
    return [path.name for path in site.home.path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


@pytest.fixture
def own_pair(tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(tmp_path)
    give(hk, "KR", {ID: content(**kept_for_a_day())})
    with running(hk, kr):
        yield hk, kr


def test_content_whose_day_is_past_is_nowhere_and_its_proof_is(own_pair: tuple[Site, Site]) -> None:
    hk, kr = own_pair
    roots = [site.authority(AuthorityKind.NODE).certificate for site in own_pair]
    with hk.client("SFC") as sfc, kr.client("FSS") as fss:
        eventually(lambda: sfc.get_notice(ID).state == Notice.DELIVERED)
        fss.acknowledge_notice(ID, comment={"en": CANARY})
        eventually(lambda: sfc.get_notice(ID).state == Notice.ACKNOWLEDGED)
        before = sfc.get_evidence(ID).tlog_proof
    assert all(files_with(site) for site in own_pair)

    for site in own_pair:  # what is past is destroyed as a node starts, and after midnight
        site.stop()
        site.start()

    with hk.client("SFC") as sfc, kr.client("FSS") as fss:
        for client in (sfc, fss):
            eventually(lambda client=client: client.get_notice(ID).HasField("destruction"))
            eventually(lambda client=client: client.get_notice(ID).HasField("peer_destruction"))
            told = client.get_notice(ID)
            assert (told.HasField("content"), told.state) == (False, Notice.ACKNOWLEDGED)
            assert ID in {each.name.removeprefix("notices/") for each in client.list_notices()}
        for site in own_pair:
            eventually(lambda site=site: files_with(site) == [])

        assert verify_evidence(before, roots).envelope is not None  # what was exported is its holder's to destroy
        for act in (GetEvidenceRequest.RELEASE, GetEvidenceRequest.ACKNOWLEDGEMENT):
            proven = verify_evidence(fss.get_evidence(ID, act=act).tlog_proof, roots)
            assert proven.envelope is None
            assert proven.destruction is not None
            assert proven.destruction.sender.domain == kr.domain
        certificate = verify_evidence(sfc.get_evidence(ID, act=GetEvidenceRequest.PEER_DESTRUCTION).tlog_proof, roots)
        assert certificate.sender.domain == kr.domain
        assert certificate.envelope is not None
        assert certificate.envelope.content_destroyed.notice == f"notices/{ID}"
