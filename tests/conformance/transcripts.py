"""Transcripts of one stream: where an end stands, what the other end sends, what must be sent back, what is so at last.

Envelopes, notes and messages are pooled, each under a name that tells what it is, so that a transcript can be read.
"""

from base64 import b64decode
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.identity.certificates.x509 import to_der
from tests.conformance.cases import Subject, encoded
from tests.conformance.materials import head, receipt
from tests.conformance.parties import AFTER_SEALING, HK_TO_KR, HONG_KONG, KOREA, RECEIVED, SEAL_END
from tests.conformance.seal_cases import KEYS
from tests.conformance.signing import KitSeal
from tests.conformance.spelling import b64, root_of

KEY_ID_BYTES, TIME_BYTES = 4, 8


class Transcripts:
    """The cases of one end, with their pools."""

    def __init__(self, name: str, about: str, seed_of: str) -> None:
        certificates = {
            "hk": HONG_KONG.certificates(),
            "hk-second": HONG_KONG.certificates(HONG_KONG.second),
            "hk-third": HONG_KONG.certificates(HONG_KONG.third),
            "hk-replaced": HONG_KONG.certificates(HONG_KONG.third, days=(AFTER_SEALING, SEAL_END)),
            "kr": KOREA.certificates(),
            "kr-second": KOREA.certificates(KOREA.second),
        }
        given: dict[str, Any] = {
            "origin": HK_TO_KR,
            "now": str(RECEIVED),
            "own_seal_seed": KEYS[seed_of].seed.hex(),
            "roots": {"hk": b64(to_der(HONG_KONG.root)), "kr": b64(to_der(KOREA.root))},
            "certificates": {name: [b64(each) for each in pair] for name, pair in certificates.items()},
            "envelopes": {},
            "notes": {},
            "messages": {},
        }
        self.subject = Subject(name, about, given)

    def envelope(self, name: str, data: bytes) -> str:
        return self._pool("envelopes", name, data)

    def note(self, name: str, data: bytes) -> str:
        return self._pool("notes", name, data)

    def message(self, name: str, message: Message) -> str:
        """``message``: of ``ExchangeRequest`` or ``ExchangeResponse``, whole."""
        return self._pool("messages", name, message.SerializeToString(deterministic=True))

    def state(
        self,
        leaves: Sequence[tuple[str, bytes]],
        heads: Sequence[int] = (),
        receipted: int = 0,
        seal: KitSeal = HONG_KONG.seal,
        cosigned: int = RECEIVED,
        **more: Any,
    ) -> dict[str, Any]:
        """Where an end stands: its log, the sizes of its checkpoints, its newest receipt, and when it was made."""
        data = [leaf for _, leaf in leaves]
        sizes = sorted({*heads, len(data)} - {0})
        tag = f" of {leaves[-1][0].split()[0]}" if leaves else ""
        later = f", {cosigned - RECEIVED:+} s" if cosigned != RECEIVED else ""
        told: dict[str, Any] = {
            "log": [self.envelope(name, leaf) for name, leaf in leaves],
            "checkpoints": [self.note(f"checkpoint {size}{tag}", head(data[:size], seal).note) for size in sizes],
            "receipt": self.note(
                f"receipt {receipted}{tag}{later}", receipt(data[:receipted], seal, time=cosigned).note
            )
            if receipted
            else None,
        }
        return {**told, **more}

    def _pool(self, kind: str, name: str, data: bytes) -> str:
        pool = self.subject.given[kind]
        assert pool.setdefault(name, encoded(data)) == encoded(data), f"{name} is two things"
        return name


def after(leaves: Sequence[bytes], receipted: int, halted: str = "", alarms: Sequence[str] = ()) -> dict[str, Any]:
    """What is durable at last."""
    told = {"size": str(len(leaves)), "root": root_of(leaves).hex(), "receipted": str(receipted)}
    return {**told, "halted": halted, "alarms": list(alarms)}


def step(receive: str, *send: dict[str, Any]) -> dict[str, Any]:
    return {"receive": receive, "send": list(send)}


# --- what is sent, as the kit tells it ---------------------------------------------------------------------------


def told(message: wire.ExchangeRequest | wire.ExchangeResponse) -> dict[str, Any]:
    """A message in words that do not depend on random signatures or on how it is serialized."""
    kind = str(message.WhichOneof("step"))
    return {"message": kind, **_TOLD[kind](getattr(message, kind))}


def _size_of(note: bytes) -> str:
    """Of a checkpoint note; empty if there is none."""
    return note.decode().split("\n")[1] if note else ""


def _time_of(note: bytes) -> str:
    """When a receipt was cosigned, as its last line tells; empty if there is none, or no cosignature on it."""
    if not note:
        return ""
    _, name, value = note.decode().splitlines()[-1].split(" ")
    return str(int.from_bytes(b64decode(value)[KEY_ID_BYTES:][:TIME_BYTES])) if name != HK_TO_KR else ""


_TOLD: dict[str, Any] = {
    "hello": lambda said: hello(
        said.size, said.origin, list(said.versions), _size_of(said.checkpoint), _size_of(said.receipt)
    ),
    "batch": lambda said: batch(said.first_index, len(said.envelopes)),
    "recover": lambda said: {"first_index": str(said.first_index)},
    "position": lambda said: {
        "version": said.version,
        "size": str(said.size),
        "receipt": _size_of(said.receipt),
        "time": _time_of(said.receipt),
    },
    "receipt": lambda said: {"size": _size_of(said.note), "time": _time_of(said.note)},
    "recovered": lambda said: batch(said.first_index, len(said.envelopes)),
    "halted": lambda said: halted(
        said.reason, [_size_of(note) for note in said.evidence], said.prefix_root, said.consistency
    ),
}


def hello(
    size: int,
    origin: str = HK_TO_KR,
    versions: Sequence[int] = (1,),
    checkpoint: str | None = None,
    receipt: str = "",
) -> dict[str, Any]:
    shown = str(size) if size else ""
    return {
        "versions": list(versions),
        "origin": origin,
        "size": str(size),
        "checkpoint": shown if checkpoint is None else checkpoint,
        "receipt": receipt,
    }


def halted(
    reason: str, evidence: Sequence[str], prefix_root: bytes = b"", proof: Sequence[bytes] = ()
) -> dict[str, Any]:
    told: dict[str, Any] = {"reason": reason, "evidence": list(evidence)}
    return {**told, "prefix_root": prefix_root.hex(), "consistency": [each.hex() for each in proof]}


def batch(first: int, count: int) -> dict[str, Any]:
    return {"first_index": str(first), "envelopes": str(count)}


def sends(kind: str, **said: Any) -> dict[str, Any]:
    return {"message": kind, **said}


def position(size: int, time: int = RECEIVED) -> dict[str, Any]:
    shown = {"receipt": str(size), "time": str(time)} if size else {"receipt": "", "time": ""}
    return sends("position", version=1, size=str(size), **shown)


def receipt_for(size: int, time: int = RECEIVED) -> dict[str, Any]:
    return sends("receipt", size=str(size), time=str(time))
