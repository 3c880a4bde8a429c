"""The officer's token goes with each call and stream, is asked for each time, and is seen by nobody else."""

import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc import StatusCode
from regulator.exchange import AsyncClient, Client, Profile, ProfileError, Unauthenticated
from regulator.exchange.tokens import MAX_TOKEN_BYTES, token_of

from tests.clients.python.fake_node import status

EXPIRED = status(StatusCode.UNAUTHENTICATED, "no", ErrorInfo(reason="UNAUTHENTICATED", metadata={"token": "EXPIRED"}))


class SignIn:
    """Gives a new token each time."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self) -> str:
        self.given += 1
        return f"t{self.given}"


class Missing(Exception):
    """Nobody is signed in."""


def missing():
    raise Missing


def test_a_system_alone_sends_none(client, node):
    client.server_info()
    assert node.authorizations == []


def test_each_call_bears_the_token_of_that_moment(client, node):
    office = client.acting_for(SignIn())
    office.server_info()
    list(office.list_notices())
    office.submit_notices([])
    with office.watch_events() as watch:
        next(watch)
    assert node.authorizations == [f"Bearer t{number}" for number in range(1, 5)]


def test_officers_share_a_connection_and_nothing_else(client, node):
    one, two = client.acting_for(lambda: "one"), client.acting_for(lambda: "two")
    for each in (one, two, client, one):
        each.server_info()
    assert node.authorizations == ["Bearer one", "Bearer two", "Bearer one"]
    client.close()
    with pytest.raises(Exception, match="closed"):
        one.server_info()


def test_a_call_that_is_tried_again_bears_a_new_token(client, node):
    node.fail("GetServerInfo", status(StatusCode.UNAVAILABLE))
    client.acting_for(SignIn()).server_info()
    assert node.authorizations == ["Bearer t1", "Bearer t2"]


def test_what_the_sign_in_raises_ends_the_call(client, node):
    office = client.acting_for(missing)
    with pytest.raises(Missing):
        office.server_info()
    with pytest.raises(Missing):
        office.submit_notices([])
    with office.watch_events() as watch, pytest.raises(Missing):
        next(watch)
    assert node.requests == []


def test_a_watch_goes_on_with_a_new_token_when_its_own_has_expired(client, node):
    node.happen("kr-1", "kr-2")
    node.cuts.append(1)
    node.cut_by = EXPIRED
    with client.acting_for(SignIn()).watch_events() as watch:
        assert [next(watch).event.notice for _ in range(2)] == ["notices/kr-1", "notices/kr-2"]
    assert node.authorizations == ["Bearer t1", "Bearer t2"]


def test_a_watch_ends_when_the_new_token_has_expired_too(client, node):
    node.happen("kr-1", "kr-2")
    node.cuts.extend([1, 0])
    node.cut_by = EXPIRED
    with client.acting_for(SignIn()).watch_events() as watch:
        next(watch)
        with pytest.raises(Unauthenticated):
            next(watch)


def test_another_refusal_ends_a_watch(client, node):
    node.fail("WatchEvents", status(StatusCode.UNAUTHENTICATED, "no"))
    with client.acting_for(SignIn()).watch_events() as watch, pytest.raises(Unauthenticated):
        next(watch)


@pytest.mark.parametrize("made", ["plain", "coroutine"])
def test_the_asyncio_client_takes_both_kinds_of_callable(loop, profile, node, made):
    async def later() -> str:
        return "later"

    def now() -> str:
        return "now"

    async def ask() -> None:
        async with AsyncClient(profile, now if made == "plain" else later) as client:
            await client.server_info()

    loop.run(ask)
    assert node.authorizations == ["Bearer now" if made == "plain" else "Bearer later"]


def test_a_profile_may_name_a_file_that_is_read_each_time(profile_file, node, tmp_path):
    with profile_file.open("a") as file:
        file.write('\ntoken = "officer.jwt"\n')
    with Client(Profile.load(profile_file)) as client:
        with pytest.raises(ProfileError, match=r"token: .*officer.jwt cannot be read"):
            client.server_info()
        for token in ("one", "two\n"):
            (tmp_path / "officer.jwt").write_text(token)
            client.server_info()
    assert node.authorizations == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("content", [b"", b"\n", b"a b", b"\xff", b"a\nb", b"x" * (MAX_TOKEN_BYTES + 1)])
def test_a_file_that_holds_something_else_is_refused_and_not_quoted(tmp_path, content):
    file = tmp_path / "officer.jwt"
    file.write_bytes(content)
    with pytest.raises(ProfileError, match="must hold one token") as error:
        token_of(file)()
    assert "xxx" not in str(error.value)


def test_a_token_that_is_no_path_is_refused(profile_file):
    with profile_file.open("a") as file:
        file.write("\ntoken = 7\n")
    with pytest.raises(ProfileError, match="token: must be the path of a file"):
        Profile.load(profile_file)
