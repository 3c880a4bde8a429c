"""A pairing ends, and a node of two replicas goes back to before that: nothing moves until both sides have it again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from regulator.exchange import ExchangeError
from regulator.exchange.v1.admin_service_pb2 import Channel

from tests.cli.transcripts import run
from tests.pair.test_ended import alarms, import_again, states
from tests.pair.test_replicas import Office, arrived, received
from tests.supervision.samples import content
from tests.support.forking import finished
from tests.support.long_form import long_form
from tests.support.nodes import Site, eventually, running
from tests.support.postgresql import Server
from tests.support.replicas import Replicated, found_replicas

WHY = "it is over"


@pytest.fixture
def shared(database: Server, tmp_path: Path) -> Iterator[Replicated]:
    found = found_replicas(tmp_path, database)
    with running(*found.replicas, found.kr):
        yield found


def give(shared: Replicated, count: int) -> Office:
    """Some notices, which arrive."""
    with Office(shared.replicas) as office:
        eventually(lambda: len(office.given) >= count)
    eventually(lambda: arrived(office, shared.kr))
    return office


def end(site: Site, peer: str) -> None:
    ran = run("pair", "end", site.home.path, peer, "--reason", WHY, "--yes")
    assert ran.code == 0, ran.err


def stand(site: Site) -> set[Channel.State.ValueType]:
    """The states of its channels; none while it does not answer."""
    try:
        with site.client() as client:
            return states(client)
    except ExchangeError:
        return set()


def go_on(shared: Replicated, before: list[Office]) -> None:
    """All that had arrived is here again, what is given now arrives, and both nodes verify."""
    for site in (*shared.replicas, shared.kr):
        eventually(lambda site=site: stand(site) == {Channel.OPEN}, 120)
    after = give(shared, 3)
    given = [name for office in (*before, after) for name in office.given]
    for site in shared.replicas:
        with site.client("SFC") as client:
            assert set(given) <= {each.name for each in client.list_notices(page_size=1000)}
    assert [name for name in received(shared.kr) if name in set(given)] == given[::-1]
    for site in (shared.replicas[0], shared.kr):
        check = finished("check", site.home.path)
        assert check.returncode == 0, check.stdout + check.stderr


@long_form
def test_replicas_that_are_put_back_to_before_their_peer_ended_the_pairing_wait_and_have_all_back(
    shared: Replicated, database: Server, tmp_path: Path
) -> None:
    a, b = shared.replicas
    first = give(shared, 3)
    copy = database.copy(tmp_path / "copy")
    second = give(shared, 3)
    end(shared.kr, "HK")
    with a.client() as one, b.client() as other:  # the one that moves the channel hears of it
        eventually(lambda: any("pairing with KR" in alarms(each) for each in (one, other)))
    database.put_back(copy)
    for site in (a, b):
        eventually(lambda site=site: Channel.HALTED in stand(site))
    size = len(received(shared.kr))
    with a.client("SFC") as client, pytest.raises(ExchangeError):
        client.create_notice(content(), recipient="KR")
    assert len(received(shared.kr)) == size
    import_again(shared.kr)
    go_on(shared, [first, second])


@long_form
def test_replicas_that_are_put_back_to_before_they_ended_a_pairing_are_told_of_it_by_the_home_that_knows(
    shared: Replicated, database: Server, tmp_path: Path
) -> None:
    a, b = shared.replicas
    first = give(shared, 3)
    copy = database.copy(tmp_path / "copy")
    second = give(shared, 3)
    end(a, "KR")
    for site in (a, b):
        eventually(lambda site=site: stand(site) == {Channel.ENDED})
    database.put_back(copy)
    for site in (a, b):
        eventually(lambda site=site: stand(site) == {Channel.ENDED})
    import_again(b)
    go_on(shared, [first, second])


@long_form
def test_replicas_that_are_restored_after_their_peer_ended_the_pairing_wait_and_have_all_back(
    shared: Replicated, database: Server, tmp_path: Path
) -> None:
    """From a backup, on another database, which both homes name then."""
    a, b = shared.replicas
    first = give(shared, 3)
    ran = run("backup", a.home.path, tmp_path / "backup")
    assert ran.code == 0, ran.text()
    second = give(shared, 3)
    end(shared.kr, "HK")
    url = database.new_schema()
    for site in (a, b):
        site.stop()
        site.home.config_file.write_text(site.home.config_file.read_text().replace(shared.url, url))
    ran = run("restore", a.home.path, tmp_path / "backup")
    assert ran.code == 0, ran.text()
    for site in (a, b):
        site.start()
        assert Channel.HALTED in stand(site)
    import_again(shared.kr)
    go_on(shared, [first, second])
