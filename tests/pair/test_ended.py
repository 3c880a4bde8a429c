"""A pairing is ended while both nodes run, and taken up again: nothing moves meanwhile, and nothing is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from regulator.exchange import Client, ExchangeError, InvalidRequest
from regulator.exchange.v1.admin_service_pb2 import Channel, Peer
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import Notice

from tests.cli.sites import acknowledged_notice, profile_path
from tests.cli.transcripts import run
from tests.supervision.samples import content
from tests.support.load import check_delivered, working
from tests.support.nodes import Site, eventually, found_pair, running

BEFORE, WAITING, AFTER = "hk-1", "kr-1", "hk-2"
REASON = "the memorandum was terminated"


@pytest.fixture(scope="module")
def own_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(tmp_path_factory.mktemp("ended"))
    with running(hk, kr):
        yield hk, kr


def states(client: Client) -> set[Channel.State.ValueType]:
    return {each.state for each in client.list_channels()}


def alarms(client: Client) -> dict[str, str]:
    return {each.about: each.detail for each in client.server_info().alarms}


def details(site: Site, kind: Event.Kind.ValueType) -> list[str]:
    """Of all events of a kind."""
    found = []
    with site.client() as client, client.watch_events(kinds=[kind]) as watch:
        for each in watch:
            if not each.HasField("event"):
                return found
            found.append(each.event.detail)
    return found


def import_again(site: Site) -> str:
    """Imports the document that the home has of its one peer; gives what was said."""
    (document,) = site.home.peer_documents()
    file = site.home.peer_file(document.jurisdiction)
    ran = run("pair", "import", site.home.path, file, "--fingerprint", document.fingerprint())
    assert ran.code == 0, ran.err
    return ran.out


def test_a_pairing_is_ended_and_taken_up_again(own_pair: tuple[Site, Site], tmp_path: Path) -> None:
    hk, kr = own_pair
    acknowledged_notice(hk, kr, BEFORE)
    ran = run("pair", "end", hk.home.path, "kr", "--reason", REASON, "--by", "Chan", "--yes")
    assert ran.code == 0, ran.err

    with hk.client() as ours, hk.client("SFC") as author, kr.client() as theirs, kr.client("FSS") as their_author:
        eventually(lambda: states(ours) == {Channel.ENDED})
        (peer,) = ours.list_peers()
        assert (peer.state, peer.ended_by, peer.end_reason) == (Peer.ENDED, "Chan", REASON)
        with pytest.raises(InvalidRequest) as refused:
            author.create_notice(content(), recipient="KR", notice_id="hk-never")
        (violation,) = refused.value.violations
        assert violation.field == "notice.recipient"
        assert "the pairing with KR ended" in violation.description
        with pytest.raises(ExchangeError) as precondition:
            author.withdraw_notice(BEFORE, explanation={"en": "nobody would hear of it"})
        assert precondition.value.reason == "PAIRING_ENDED"

        eventually(lambda: "pairing with HK" in alarms(theirs))
        assert "the pairing with HK ended" in theirs.get_channel("kr-to-hk").last_error
        assert REASON not in theirs.get_channel("kr-to-hk").last_error
        assert alarms(ours) == {}
        their_author.create_notice(content(issuing_authority="FSS"), recipient="HK", notice_id=WAITING)
        assert states(theirs) == {Channel.OPEN}

        told = run("status", "--profile", profile_path(hk, "HKMA"))
        assert told.code == 0, told.out
        assert "ended" in told.out
        assert run("check", hk.home.path).code == 0
        file, roots = tmp_path / "evidence", [str(each.home.root("node-authority")) for each in own_pair]
        assert run("evidence", "export", BEFORE, "--profile", profile_path(hk, "SFC"), "--out", file).code == 0
        assert "PROVEN" in run("evidence", "verify", file, "--root", roots[0], "--root", roots[1]).out
        looked = run("doctor", hk.home.path).out
        for said in ("ended at", "has ended with its pairing", "it is not dialled"):
            assert said in looked
        looked = run("doctor", kr.home.path)
        assert (looked.code, "an operator there ended the pairing" in looked.out) == (1, True), looked.out
        assert f"gateway pair end {kr.home.path} HK --reason WHY" in looked.out
        assert [each for each in details(hk, Event.PAIRING_ENDED) if REASON in each and "Chan" in each]

        hk.stop()
        hk.start()
        eventually(lambda: states(ours) == {Channel.ENDED})
        assert len(details(hk, Event.PAIRING_ENDED)) == 1, "what the database knows is not told again"

        assert "is paired again" in import_again(hk)
        eventually(lambda: states(ours) == {Channel.OPEN})
        eventually(lambda: f"notices/{WAITING}" in [each.name for each in author.list_notices()])
        author.create_notice(content(), recipient="KR", notice_id=AFTER)
        eventually(lambda: author.get_notice(AFTER).state == Notice.DELIVERED)
        eventually(lambda: alarms(theirs) == {})
        assert len(details(hk, Event.PAIRING_RESUMED)) == 1
    for site in own_pair:
        assert run("check", site.home.path).code == 0


def test_ended_at_both_sides_nobody_asks_nobody_is_alarmed_and_one_that_was_killed_meanwhile_keeps_to_it(
    own_pair: tuple[Site, Site],
) -> None:
    hk, kr = own_pair
    kr.kill()
    for site, peer in ((hk, "KR"), (kr, "HK")):
        assert run("pair", "end", site.home.path, peer, "--reason", REASON, "--yes").code == 0
    kr.start()
    with hk.client() as ours, kr.client() as theirs:
        for client in (ours, theirs):
            eventually(lambda client=client: states(client) == {Channel.ENDED})
            eventually(lambda client=client: alarms(client) == {})  # one may have asked before it knew
        for client, author, recipient in ((ours, "HKMA", "KR"), (theirs, "FSC", "HK")):
            with pytest.raises(InvalidRequest, match="the pairing with"):
                client.create_notice(content(issuing_authority=author), recipient=recipient)
    for site, authority in ((hk, "HKMA"), (kr, "FSC")):
        assert run("status", "--profile", profile_path(site, authority)).code == 0
        assert run("check", site.home.path).code == 0
    import_again(kr)
    with kr.client() as theirs:
        eventually(lambda: "pairing with HK" in alarms(theirs))
    import_again(hk)
    with hk.client() as ours, kr.client() as theirs:
        for client in (ours, theirs):
            eventually(lambda client=client: all(each.connected for each in client.list_channels()))
            eventually(lambda client=client: states(client) == {Channel.OPEN})
        eventually(lambda: alarms(theirs) == {})


def test_an_end_amid_traffic_loses_nothing_and_refuses_what_is_for_that_peer_alone(own_pair: tuple[Site, Site]) -> None:
    hk, kr = own_pair
    with working(hk, kr, calls_per_second=20) as (ours, theirs):
        eventually(lambda: len(ours.given) > 5 and len(theirs.given) > 5)
        assert run("pair", "end", hk.home.path, "KR", "--reason", REASON, "--yes").code == 0
        eventually(lambda: len(ours.failures) > 3)
        count = len(theirs.given)
        eventually(lambda: len(theirs.given) > count + 5)
        import_again(hk)
        count = len(ours.given)
        eventually(lambda: len(ours.given) > count + 5)
    assert theirs.failures == []
    assert [each for each in ours.failures if "the pairing with KR ended" not in str(each)] == []
    for work, peer in ((ours, kr), (theirs, hk)):
        eventually(lambda work=work, peer=peer: check_delivered(work, peer))
    for site in own_pair:
        assert run("check", site.home.path).code == 0
