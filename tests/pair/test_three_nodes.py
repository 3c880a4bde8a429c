"""Three nodes, each paired with both others: one channel forks, and all that is not this channel goes on."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from regulator.exchange import InvalidRequest, WrongState
from regulator.exchange.v1.admin_service_pb2 import Channel
from regulator.exchange.v1.event_service_pb2 import Event

from tests.cli.transcripts import run
from tests.crash.killing import log_of
from tests.pair.asking import checked, done, events
from tests.pair.test_forks import copy_of_disk, is_forked, profile, put_back
from tests.supervision.framework_samples import provision, version
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually, pair, running

AUTHORS = {"HK": "SFC", "KR": "FSS", "SG": "MAS"}
FORKED = "hk-to-kr"


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site, Site]]:
    folder = tmp_path_factory.mktemp("three")
    hk, kr, sg = (Site(code, folder / code.lower()).found() for code in ("HK", "KR", "SG"))
    for one, other in itertools.combinations((hk, kr, sg), 2):
        pair(one, other)
    with running(hk, kr, sg):
        yield hk, kr, sg


def give(sender: Site, recipient: Site, count: int = 2) -> list[str]:
    author = AUTHORS[sender.jurisdiction]
    with sender.client(author) as client:
        return [
            client.create_notice(content(issuing_authority=author), recipient=recipient.jurisdiction).name
            for _ in range(count)
        ]


def channels(site: Site) -> dict[str, Channel]:
    with site.client() as client:
        return {each.name.removeprefix("channels/"): each for each in client.list_channels()}


def exchanged(*sites: Site) -> None:
    """Gives notices in every channel that is open, and waits until all are receipted."""
    for sender, recipient in itertools.permutations(sites, 2):
        if channels(sender)[name_of(sender, recipient)].state == Channel.OPEN:
            give(sender, recipient)
    for site in sites:
        eventually(lambda site=site: all(is_receipted(each) for each in channels(site).values()))


def is_receipted(channel: Channel) -> bool:
    """Or halted as forked: what that one has is looked at by itself."""
    if channel.state == Channel.ENDED:
        return True
    if channel.name == f"channels/{FORKED}" and channel.state == Channel.HALTED:
        return channel.halt_reason.startswith("FORKED")
    return channel.state == Channel.OPEN and channel.receipted_size == channel.size


def name_of(sender: Site, recipient: Site) -> str:
    return f"{sender.jurisdiction.lower()}-to-{recipient.jurisdiction.lower()}"


def halts(site: Site) -> list[str]:
    """Why channels of a node have halted, one after the other."""
    return [each.detail.partition(":")[0] for each in events(site, Event.CHANNEL_HALTED)]


@pytest.fixture(scope="module")
def forked(three: tuple[Site, Site, Site], tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Site, Site]:
    """Hong Kong's whole disk is put back, so both channels that it sends are; and it seals anew for Korea alone."""
    hk, kr, _ = three
    exchanged(*three)
    copy = copy_of_disk(hk, tmp_path_factory.mktemp("disk") / "copy")
    exchanged(*three)
    for site in (hk, kr):
        site.stop()
    put_back(hk, copy)
    hk.start()
    give(hk, kr)
    kr.start()
    for site in (hk, kr):
        with site.client() as client:
            eventually(lambda client=client: is_forked(client, FORKED))
    return three


def test_every_channel_but_the_forked_one_goes_on(forked: tuple[Site, Site, Site]) -> None:
    hk, _, _ = forked
    exchanged(*forked)  # also from Hong Kong to Singapore, whence what the disk had lost is back
    assert [halts(site) for site in forked] == [["SENDER_ROLLED_BACK", "FORKED"], ["FORKED"], []]
    with hk.client("SFC") as client, pytest.raises(WrongState, match="FORKED"):
        client.create_notice(content(), recipient="KR")
    for sender, recipient in itertools.permutations(forked, 2):
        origin = f"{sender.domain}/to/{recipient.domain}"
        assert (log_of(sender, origin) == log_of(recipient, origin)) is (name_of(sender, recipient) != FORKED)
    checked(*forked)


def test_what_goes_to_all_goes_to_the_third_one_alone_if_it_is_asked_so(forked: tuple[Site, Site, Site]) -> None:
    hk, _, sg = forked
    rules = version(provision("a"))
    with hk.client() as client:
        with pytest.raises(WrongState, match="has halted: FORKED"):
            client.publish_version("hk-rules", rules)
        client.publish_version("hk-rules", rules, recipients=["SG"])
        eventually(lambda: client.get_version("hk-rules", 1).deliveries[0].HasField("receipt_time"))
    with sg.client() as client:
        assert client.get_framework("hk-rules").latest_version == 1


def test_the_proof_convinces_the_third_one_who_has_never_seen_the_channel(
    forked: tuple[Site, Site, Site], tmp_path: Path
) -> None:
    """With the roots that it pinned as it was paired, and nobody else's."""
    _, kr, sg = forked
    proof = tmp_path / "fork.proof"
    done("evidence", "fork", FORKED, *profile(kr), "--out", proof)
    pinned = {}
    for document in sg.home.peer_documents():
        pinned[document.jurisdiction] = tmp_path / f"{document.jurisdiction}.crt"
        pinned[document.jurisdiction].write_bytes(document.node_authority.public_bytes(Encoding.PEM))
    told = done("evidence", "verify", proof, "--root", pinned["HK"], "--root", pinned["KR"])
    assert "signed two histories of gateway.hk.example/to/gateway.kr.example" in told
    for roots in (["--root", pinned["KR"]], ["--root", sg.home.root("node-authority")]):
        assert run("evidence", "verify", proof, *roots).code == 1, "another root says nothing of Hong Kong's seal"
    none = run("evidence", "fork", name_of(sg, kr), *profile(sg), "--out", tmp_path / "none")
    assert (none.code, none.out) == (3, "")


def test_what_goes_to_all_leaves_out_a_peer_whose_pairing_has_ended(forked: tuple[Site, Site, Site]) -> None:
    hk, _, sg = forked
    done("pair", "end", hk.home.path, "KR", "--reason", "it forked too often", "--yes")
    eventually(
        lambda: {name for name, each in channels(hk).items() if each.state == Channel.ENDED} == {FORKED, "kr-to-hk"}
    )
    with hk.client() as client:
        with pytest.raises(InvalidRequest) as refused:
            client.publish_version("hk-more", version(provision("a")), recipients=["SG", "KR"])
        assert [each.field for each in refused.value.violations] == ["recipients[1]"]
        client.publish_version("hk-more", version(provision("a")))
        eventually(lambda: client.get_version("hk-more", 1).deliveries[0].HasField("receipt_time"))
        assert [each.recipient for each in client.get_version("hk-more", 1).deliveries] == ["SG"]
    exchanged(hk, sg)
    checked(hk)
