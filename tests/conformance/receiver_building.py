"""Builds the transcripts of a receiver."""

from collections.abc import Sequence
from typing import Any

from regulator.exchange.v1 import peer_service_pb2 as wire

from tests.conformance.materials import head, log
from tests.conformance.parties import HK_TO_KR, HONG_KONG
from tests.conformance.signing import KitSeal
from tests.conformance.transcripts import Transcripts, after

LEAVES = log(8)
OTHERS = log(8, "another")
REMOTE, FORKED = "REMOTE_PROTOCOL_ERROR", "FORKED"


def named(leaves: Sequence[bytes], word: str = "") -> list[tuple[str, bytes]]:
    return [(f"{word or 'honest'} {place}", leaf) for place, leaf in enumerate(leaves)]


class Receiver:
    """Builds the cases; each method is one kind of message, pooled under a name."""

    def __init__(self) -> None:
        self.kit = Transcripts(
            "receiver",
            "Take a stream as the receiver of the channel `origin`, standing at `state`. Feed each message of `steps`; "
            "send what is listed, and nothing else. `ends`: null, the stream is still up; empty, it was ended with "
            "nothing wrong; else the reason with which it was ended. `after`: what is durable then.",
            "kr",
        )

    def hello(self, leaves: Sequence[bytes], held: int, word: str = "", **changes: Any) -> str:
        note = head(leaves[:held]).note if held else b""
        said = {"versions": [1], "origin": HK_TO_KR, "size": held, "checkpoint": note, **changes}
        name = f"hello {held}{' ' + word if word else ''}"
        return self.kit.message(name, wire.ExchangeRequest(hello=wire.Hello(**said)))

    def batch(
        self,
        leaves: Sequence[bytes],
        first: int,
        end: int,
        word: str = "",
        seal: KitSeal = HONG_KONG.seal,
        **changes: Any,
    ) -> str:
        said = {"first_index": first, "envelopes": leaves[first:end], "checkpoint": head(leaves[:end], seal).note}
        made = wire.Batch(**{**said, **changes})
        return self.kit.message(f"batch {first} to {end}{' ' + word if word else ''}", wire.ExchangeRequest(batch=made))

    def recover(self, first: int) -> str:
        return self.kit.message(f"recover {first}", wire.ExchangeRequest(recover=wire.Recover(first_index=first)))

    def at(
        self, size: int, receipted: int | None = None, leaves: Sequence[bytes] = LEAVES, **more: Any
    ) -> dict[str, Any]:
        """An end that holds some envelopes, with a checkpoint at 3 and one for all."""
        heads = [3] if size > 3 else []
        return self.kit.state(named(leaves[:size]), heads, size if receipted is None else receipted, **more)

    def accept(
        self,
        name: str,
        differs: str,
        state: dict[str, Any],
        *steps: dict[str, Any],
        ends: str | None = None,
        **more: Any,
    ) -> None:
        self.kit.subject.accept(name, differs, {"state": state, "steps": list(steps)}, ends=ends, after=after(**more))

    def refuse(self, name: str, base: str, differs: str, reason: str, told: dict[str, Any], **more: Any) -> None:
        """The stream ends with an error, or the channel halts."""
        ends = "" if reason == FORKED else reason
        self.kit.subject.refuse(name, base, differs, reason, told, ends=ends, after=after(**more))


def case(state: dict[str, Any], *steps: dict[str, Any]) -> dict[str, Any]:
    return {"state": state, "steps": list(steps)}
