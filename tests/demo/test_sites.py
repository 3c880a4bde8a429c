"""The ports of a demonstration: easy to remember, free, and not such as somebody else may be given meanwhile."""

import socket
from contextlib import ExitStack

import pytest

from gateway.demo import sites
from gateway.errors import ConfigError


def take(stack: ExitStack, port: int) -> None:
    wire = stack.enter_context(socket.socket())
    try:
        wire.bind(("127.0.0.1", port))
    except OSError:  # somebody has it: as good
        return
    wire.listen()


def test_where_one_is_taken_that_of_another_thousand_is() -> None:
    with ExitStack() as stack:
        take(stack, 7401)
        take(stack, 8401)
        ports = list(sites._ports(sites.FIRST_PORT))
    assert [port % 1000 for port in ports] == [401, 402, 501, 502]
    assert 9401 <= ports[0] < 32_768


def test_where_all_are_taken_that_is_said(monkeypatch) -> None:
    monkeypatch.setattr(sites, "_is_free", lambda port: port < 7500)
    ports = sites._ports(sites.FIRST_PORT)
    assert [next(ports), next(ports)] == [7401, 7402]
    with pytest.raises(ConfigError, match="port 7501 is taken"):
        next(ports)
