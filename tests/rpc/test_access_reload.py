"""The access file of a node that runs: what changes in it takes effect, and what is wrong with it is an alarm."""

import queue
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import grpc
import pytest
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from regulator.exchange import Client, NotAllowed
from regulator.exchange.v1.admin_service_pb2 import Alarm, ServerInfo
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.identity.access.access import Role
from tests.cli.transcripts import run
from tests.rpc.calls import EVENTS, REFLECTION, client_files, connected, refusal
from tests.support.nodes import Site, eventually, running

FILE = "access.toml"
LIST = ServerReflectionRequest(list_services="").SerializeToString()


@pytest.fixture(scope="module")
def hk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site("HK", tmp_path_factory.mktemp("reload") / "hk").found()
    with running(site):
        yield site


@pytest.fixture
def operator(hk: Site) -> Iterator[Client]:
    with hk.client("HKMA") as client:
        yield client


def alarms(client: Client) -> list[Alarm]:
    return list(client.server_info().alarms)


@contextmanager
def changed(site: Site, text: str) -> Iterator[None]:
    """The file says something else for a while."""
    before = site.home.access_file.read_text()
    site.home.access_file.write_text(text)
    yield
    site.home.access_file.write_text(before)


def without(site: Site, client: str) -> str:
    """The access file without one client."""
    tables = site.home.access_file.read_text().split("\n[[clients]]\n")
    return "\n[[clients]]\n".join(each for each in tables if client not in each)


def is_served(client: Client) -> bool:
    try:
        client.server_info()
    except NotAllowed:
        return False
    return True


def told(client: Client) -> list[str]:
    """The details of all alarms so far, of which the last is known to be told."""
    found = []
    with client.watch_events(kinds=[Event.ALARM]) as watch:
        for each in watch:
            if not each.HasField("event"):
                return found
            assert (each.event.origin, each.event.notice) == ("", "")
            found.append(each.event.detail)
    raise AssertionError


def test_a_client_that_is_added_is_served_and_one_that_is_taken_out_is_not(hk):
    hk.add_client("SFC", [Role.READER], system="late")
    with Client(hk.profile("SFC", "late")) as late:
        eventually(lambda: is_served(late))
        with changed(hk, without(hk, "SFC/late")):
            eventually(lambda: not is_served(late))
        eventually(lambda: is_served(late))


def test_roles_and_clearance_change(hk):
    hk.add_client("SFC", [Role.READER], system="promoted")

    def seen() -> tuple[list[str], int]:
        info: ServerInfo = promoted.server_info()
        return list(info.client_roles), info.client_clearance

    with Client(hk.profile("SFC", "promoted")) as promoted:
        eventually(lambda: is_served(promoted))
        assert seen() == (["reader"], 5)
        first, mark, last = hk.home.access_file.read_text().rpartition("SFC/promoted")
        last = last.replace('["reader"]', '["operator"]').replace('"RED"', '"GREEN"')
        with changed(hk, first + mark + last):
            eventually(lambda: seen() == (["operator"], 2))
            with pytest.raises(NotAllowed):
                next(iter(promoted.list_notices()), None)


@contextmanager
def raw(site: Site, system: str) -> Iterator[grpc.Channel]:
    """The connection of a client of every role, once the node knows it."""
    site.add_client("SFC", list(Role), system=system)
    with Client(site.profile("SFC", system)) as client:
        eventually(lambda: is_served(client))
    with connected(site, site.back_office_port, client_files(site, "SFC", system)) as channel:
        yield channel


def refused(stream: Iterator[bytes]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as error:
        next(stream)
    answer = refusal(error.value)
    return answer.code, answer.reason


def test_a_stream_on_which_nothing_happens_ends_when_its_client_is_taken_out(hk):
    with raw(hk, "idle") as channel:
        watch = channel.unary_stream(f"{EVENTS}WatchEvents")(b"\x10\x01")  # from now
        next(watch)
        with changed(hk, without(hk, "SFC/idle")):
            assert refused(watch) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")


def test_a_message_of_an_open_stream_is_refused_when_its_client_is_taken_out(hk, operator):
    with raw(hk, "sender") as channel:
        sent: queue.Queue[bytes | None] = queue.Queue()
        stream = channel.stream_stream(REFLECTION)(iter(sent.get, None))
        sent.put(LIST)
        next(stream)
        with changed(hk, without(hk, "SFC/sender")):
            assert refused(stream) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")
            sent.put(LIST)
            assert refused(stream) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")
        sent.put(None)


def test_a_stream_does_not_keep_what_its_client_may_no_more(hk):
    with raw(hk, "wider") as channel:
        watch = channel.unary_stream(f"{EVENTS}WatchEvents")(b"\x10\x01")
        next(watch)
        with changed(hk, hk.home.access_file.read_text().replace('"RED"', '"GREEN"')):
            assert refused(watch) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")


def test_a_watch_goes_on_with_what_its_client_may_now(hk, operator):
    hk.add_client("SFC", [Role.READER], system="watcher")
    with Client(hk.profile("SFC", "watcher")) as client:
        eventually(lambda: is_served(client))
        with client.watch_events(kinds=[Event.ALARM]) as watch:
            assert not next(watch).HasField("event")
            first, mark, last = hk.home.access_file.read_text().rpartition("SFC/watcher")
            with changed(hk, first + mark + last.replace('["reader"]', '["auditor"]')):
                eventually(lambda: list(client.server_info().client_roles) == ["auditor"])
                with changed(hk, "nobody = true"):
                    assert next(each for each in watch if each.HasField("event")).event.kind == Event.ALARM
    eventually(lambda: not alarms(operator))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (
            '[[clients]]\nid = "spiffe://gateway.hk.example/SFC/office"\nauthority = "SFC"\nroles = ["boss"]\n',
            "line 4: role",
        ),
        ("nobody = true", "line 1: unknown key 'nobody'"),
        ("[[clients]", "not TOML"),
        ("# \udcff", "line 1: the byte 0xff is not UTF-8"),
    ],
)
def test_a_bad_file_is_an_alarm_and_the_rules_before_stay_in_force(hk, operator, text, wrong):
    before = hk.home.access_file.read_bytes()
    hk.home.access_file.write_bytes(text.encode(errors="surrogateescape"))
    eventually(lambda: bool(alarms(operator)))
    (alarm,) = alarms(operator)
    assert alarm.about == FILE
    assert wrong in alarm.detail
    assert "stays in force" in alarm.detail
    eventually(lambda: told(operator)[-1:] == [f"{FILE}: {alarm.detail}"])
    hk.home.access_file.write_bytes(before)
    eventually(lambda: not alarms(operator))
    eventually(lambda: told(operator)[-1] == f"{FILE}: the alarm is over")
    assert wrong in hk.log_text()
    assert f"alarm_ended about={FILE}" in hk.log_text()


def test_a_file_that_is_gone_is_an_alarm_which_status_and_doctor_tell(hk, operator):
    away = hk.home.access_file.with_name("elsewhere")
    hk.home.access_file.rename(away)
    eventually(lambda: bool(alarms(operator)))
    profile = hk.path / "clients" / "HKMA-office" / "profile.toml"
    status = run("status", "--profile", profile)
    assert status.code == 1
    assert "No such file" in status.out
    assert run("doctor", hk.home.path).code == 1
    away.rename(hk.home.access_file)
    eventually(lambda: not alarms(operator))
    assert run("status", "--profile", profile).code == 0


def test_alarms_are_for_operators_and_auditors(hk, operator):
    with ExitStack() as stack:
        clients = {}
        for role in Role:
            hk.add_client("HKMA", [role], system=f"alarm-{role}")
            clients[role] = stack.enter_context(Client(hk.profile("HKMA", f"alarm-{role}")))
        eventually(lambda: all(map(is_served, clients.values())))
        with changed(hk, "nobody = true"):
            eventually(lambda: bool(alarms(operator)))
            informed = {role for role, client in clients.items() if alarms(client)}
    assert informed == {Role.OPERATOR, Role.AUDITOR}
    eventually(lambda: not alarms(operator))
