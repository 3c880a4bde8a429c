"""Each attack is in the access journal: by whom, by which certificate, and how it was refused; never what it said."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from google.protobuf.message import Message
from regulator.exchange.v1 import notice_service_pb2 as pb
from regulator.exchange.v1.journal_pb2 import JournalEntry

from tests.hostile.conftest import FOE, SLOW, Target
from tests.hostile.texts import MARK, TEXTS
from tests.rpc import strangers
from tests.rpc.calls import CREATE, NOTICES, PEER, SERVER_INFO, call, client_files, connected, files
from tests.rpc.raw import Http2, prefixed, tls, tls_context
from tests.support.nodes import eventually

Pair = tuple[bytes | None, bytes | None]


def asked(method: str, request: Message | bytes, times: int = 1) -> Callable[[Target, Pair], None]:
    def attack(target: Target, pair: Pair) -> None:
        with connected(target.hk, target.hk.back_office_port, pair) as channel:
            for _ in range(times):
                call(channel, method, request)

    return attack


def by_hand(path: bytes) -> Callable[[Target, Pair], None]:
    def attack(target: Target, pair: Pair) -> None:
        with tls(target.hk, target.hk.back_office_port, tls_context(target.hk, pair)) as wire:
            Http2(wire).answer(path, b"")

    return attack


def half(target: Target, pair: Pair) -> None:
    """Opens more calls than it may, and finishes none."""
    with (
        tls(target.hk, target.hk.back_office_port, tls_context(target.hk, pair)) as wire,
        tls(target.hk, target.hk.back_office_port, tls_context(target.hk, pair)) as other,
    ):
        for opened in (Http2(wire), Http2(other)):
            for _ in range(200):
                opened.send(opened.begin(CREATE), prefixed(bytes(1000))[:10])
            opened.read(seconds=0.2)


def to_peers(target: Target, pair: Pair) -> None:
    with connected(target.hk, target.hk.peer_port, pair) as channel:
        call(channel, PEER, b"")


def of_foe(target: Target) -> Pair:
    return target.foe


def of_slow(target: Target) -> Pair:
    return client_files(target.hk, *SLOW)


def of_two_names(target: Target) -> Pair:
    return files(strangers.desk(target, uris=[strangers.DESK, f"{strangers.DESK}-2"]))


def of_nobody(target: Target) -> Pair:
    return files(strangers.desk(target, "spiffe://gateway.hk.example/SFC/printer"))


def of_a_node_of_two_names(target: Target) -> Pair:
    return files(strangers.node(target, uris=[strangers.SG_NODE, "spiffe://gateway.kr.example/node"]))


ATTACKS = {
    "a name of bytes": (of_foe, by_hand(b"/\xff\xfe"), "NOT_SERVED"),
    "a hostile name": (of_foe, asked(f"{NOTICES}GetNotice", pb.GetNoticeRequest(name=TEXTS["a union"])), "BAD_INPUT"),
    "garbage": (of_foe, asked(CREATE, b"\xff" * 64), "BAD_INPUT"),
    "too large": (of_foe, asked(f"{NOTICES}GetNotice", bytes(100_000)), "BAD_INPUT"),
    "half calls": (of_foe, half, "OVERLOADED"),
    "too fast": (of_slow, asked(SERVER_INFO, b"", times=30), "RATE_LIMITED"),
    "two names": (of_two_names, asked(SERVER_INFO, b""), "UNAUTHENTICATED"),
    "a client that is not known": (of_nobody, asked(SERVER_INFO, b""), "NOT_ALLOWED"),
    "a peer of two names": (of_a_node_of_two_names, to_peers, "UNAUTHENTICATED"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_told_by_whom_and_how_it_was_refused(target, name):
    who, attack, outcome = ATTACKS[name]
    pair = who(target)
    attack(target, pair)
    shown = sha256(load_pem_x509_certificate(pair[1]).public_bytes(Encoding.DER)).digest()

    def told() -> bool:
        return any(entry.certificate_sha256 == shown for entry in refused(target, outcome))

    eventually(told)


def refused(target: Target, outcome: str) -> list[JournalEntry]:
    with target.hk.client() as client:
        return [each.entry for each in client.list_journal_entries(outcome=outcome)]


def test_the_journal_names_the_attacker_and_repeats_nothing_of_what_it_said(target):
    with target.hk.client() as client:
        entries = [
            each.entry for each in client.list_journal_entries(client=f"spiffe://{target.hk.domain}/{'/'.join(FOE)}")
        ]
    assert entries
    for entry in entries:
        assert MARK.encode() not in entry.SerializeToString()
