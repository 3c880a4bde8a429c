import pytest

from gateway.errors import Unavailable
from gateway.identity.officers.issuer_keys import IssuerKeys
from gateway.identity.officers.key_sources import RETRY_SECONDS, SOONEST_SECONDS, FetchedKeys
from gateway.identity.officers.rules import Algorithm
from tests.support.issuers import Issuer

REFRESH_SECONDS, KEEP_SECONDS = 300, 1000


class Server:
    """A clock, and an issuer's server that answers or does not."""

    def __init__(self) -> None:
        self.now, self.fetches, self.works = 0.0, 0, True
        self.keys = FetchedKeys("https://a.example/keys", self._fetch, REFRESH_SECONDS, KEEP_SECONDS, lambda: self.now)

    def _fetch(self):
        self.fetches += 1
        if not self.works:
            raise Unavailable("cannot be fetched: it is down")
        return f"keys {self.fetches}"

    def after(self, seconds: float) -> str:
        """Looks when so much time has passed; gives what is wrong."""
        self.now += seconds
        try:
            self.keys.look()
        except Unavailable as error:
            return error.message
        return ""


@pytest.fixture
def server() -> Server:
    return Server()


def test_there_are_no_keys_before_they_were_fetched(server):
    with pytest.raises(Unavailable):
        server.keys.keys()
    assert server.after(0) == ""
    assert server.keys.keys() == "keys 1"


def test_keys_are_fetched_again_when_it_is_time_and_not_before(server):
    server.after(0)
    server.after(REFRESH_SECONDS - 1)
    assert server.fetches == 1
    server.after(1)
    assert server.keys.keys() == "keys 2"


def test_keys_that_cannot_be_fetched_again_stay_in_force_for_a_while(server):
    server.after(0)
    server.works = False
    assert server.after(REFRESH_SECONDS) == (
        "the issuer's keys: cannot be fetched: it is down; those fetched before stay in force"
    )
    assert server.keys.keys() == "keys 1"
    assert "no token of the issuer is accepted" in server.after(KEEP_SECONDS - REFRESH_SECONDS)
    with pytest.raises(Unavailable):
        server.keys.keys()
    server.works = True
    assert server.after(RETRY_SECONDS) == ""
    assert server.keys.keys().startswith("keys")


def test_what_failed_is_told_until_it_works_and_tried_again_soon(server):
    server.works = False
    assert server.after(0)
    assert server.after(1)
    assert server.fetches == 1
    server.after(RETRY_SECONDS)
    assert server.fetches == 2


def test_a_token_with_another_key_has_them_fetched_sooner_but_not_all_the_time(server):
    server.after(0)
    for _ in range(5):
        server.keys.miss()
        server.after(1)
    assert server.fetches == 1
    server.after(SOONEST_SECONDS)
    assert server.fetches == 2
    server.after(SOONEST_SECONDS)
    assert server.fetches == 2


def test_keys_that_are_the_same_again_stay_the_very_same():
    """Else each token would have to be verified again."""
    data = Issuer().jwks()
    keys = FetchedKeys("https://a.example/keys", lambda: IssuerKeys.parse(data, list(Algorithm)), 0, 10, lambda: 0.0)
    keys.look()
    first = keys.keys()
    keys.look()
    assert keys.keys() is first
    data = Issuer().jwks()
    keys.look()
    assert keys.keys() is not first
