"""What a peer that was taken over may seal: valid signatures over envelopes that are as slow to look into as can be."""

import os
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.envelope_pb2 import Author, Envelope
from regulator.exchange.v1.framework_pb2 import FrameworkVersionContent
from regulator.exchange.v1.notice_pb2 import NoticeContent

from gateway.ledger.checkpoint import Checkpoint, sign_checkpoint
from gateway.ledger.merkle import CompactRange, leaf_hash
from tests.hostile.conftest import SERVED_SECONDS, assert_serves, assert_verifies
from tests.rpc.calls import PEER, connected, node_files, refusal
from tests.support.nodes import Site, found_pair, running

ORIGIN = "gateway.kr.example/to/gateway.hk.example"
AUTHOR = Author(authority="FSS", client="spiffe://gateway.kr.example/FSS/office")
COUNT = 2_500_000  # empty messages: each has two bytes, or three
MOST_MEMORY_BYTES = 700 * 2**20  # more than such a message takes once it is read


def delimited(number: int, data: bytes) -> bytes:
    """A field of a message, with its tag and length."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def sealed(*content: int) -> bytes:
    """An envelope with a list of millions of empty messages, given by the numbers of the fields that lead there."""
    made = Envelope(salt=os.urandom(16), origin=ORIGIN, author=AUTHOR)
    made.sealed_at.GetCurrentTime()
    *outer, last = content
    data = delimited(last, b"") * COUNT
    for number in reversed(outer):
        data = delimited(number, data)
    return made.SerializeToString() + data


REFERENCES = NoticeContent.DESCRIPTOR.fields_by_name["references"].number
TITLES = NoticeContent.DESCRIPTOR.fields_by_name["title"].number
PROVISIONS = FrameworkVersionContent.DESCRIPTOR.fields_by_name["provisions"].number

WAYS = {
    "references": (10, 2, REFERENCES),
    "titles": (10, 2, TITLES),
    "provisions": (20, 4, PROVISIONS),
    "certificates of destruction": (43, 2),
    "what nobody knows": (15,),
}


class Liar:
    """Korea's node, whose keys somebody else has: it seals what it likes, and signs it as it should."""

    def __init__(self, kr: Site, hk: Site) -> None:
        self.kr, self.hk = kr, hk
        self._log, self._keys = CompactRange.EMPTY, kr.home.seals.in_force.keys()

    def _head(self) -> bytes:
        made = Checkpoint(ORIGIN, self._log.size, self._log.root())
        return sign_checkpoint(made, self._keys, int(time.time())).note if made.size else b""

    def send(self, data: bytes) -> wire.ExchangeResponse:
        """Greets, and sends one envelope more; gives the answer."""
        size = self._log.size
        hello = wire.Hello(versions=[1], origin=ORIGIN, size=size, checkpoint=self._head())
        self._log, _ = self._log.extend([leaf_hash(data)])
        batch = wire.Batch(first_index=size, envelopes=[data], checkpoint=self._head())
        with self._stream(wire.ExchangeRequest(hello=hello), wire.ExchangeRequest(batch=batch)) as answers:
            assert next(answers).HasField("position")
            return next(answers)

    @contextmanager
    def _stream(self, *requests: wire.ExchangeRequest) -> Iterator[Iterator[wire.ExchangeResponse]]:
        sent: queue.Queue[bytes | None] = queue.Queue()
        for each in requests:
            sent.put(each.SerializeToString())
        with connected(self.hk, self.hk.peer_port, node_files(self.kr)) as channel:
            call = channel.stream_stream(PEER)(iter(sent.get, None))
            yield map(wire.ExchangeResponse.FromString, call)
            sent.put(None)
            call.cancel()


@pytest.fixture(scope="module")
def liar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Liar]:
    hk, kr = found_pair(tmp_path_factory.mktemp("sealed"))
    with running(hk):
        yield Liar(kr, hk)
    assert_verifies(hk)


def test_who_seals_more_than_its_share_of_a_day_is_told_so_and_its_victim_is(tmp_path: Path):
    hk, kr = found_pair(tmp_path)
    hk.configure(f"[limits]\npeer_bytes_per_day = {2**20}\n")
    with running(hk):
        liar = Liar(kr, hk)
        assert liar.send(os.urandom(2 * 2**20)).HasField("receipt")
        with pytest.raises(grpc.RpcError) as refused:
            liar.send(b"one more")
        told = refusal(refused.value)
        assert (told.code, told.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
        with hk.client() as client:
            (alarm,) = client.server_info().alarms
            assert alarm.about == "envelopes from KR"
            assert [each.size for each in client.list_channels() if each.sender == "KR"] == [1]
        assert_serves(hk)
    assert_verifies(hk)


@pytest.mark.parametrize("name", WAYS)
def test_an_envelope_of_millions_of_empty_messages_is_kept_and_holds_up_nobody(liar: Liar, name: str):
    with liar.hk.spending(SERVED_SECONDS):
        assert liar.send(sealed(*WAYS[name])).HasField("receipt"), "it is sealed, so it is kept"
    assert_serves(liar.hk)
    assert liar.hk.resident_bytes < MOST_MEMORY_BYTES
