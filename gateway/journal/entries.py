"""One entry of the journal, as a value; and the call that is served now, from which entries are made."""

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass

from regulator.exchange.v1.journal_pb2 import JournalEntry

from gateway.moments import timestamp_of

MAX_RESOURCES = 1000  # named in one entry; a page of a list has no more
OK = "OK"


@dataclass(frozen=True, slots=True)
class Requester:
    """Who calls, as far as it is known.

    Attributes:
        client: the SPIFFE ID in the certificate, whether it was accepted or not; empty: it has no such one
        certificate_sha256: over the DER; empty: there is none
        authority: code; empty of a stranger and of a peer
        officer: ``issuer#subject``; empty of a system alone
    """

    client: str = ""
    certificate_sha256: bytes = b""
    authority: str = ""
    officer: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry before it has a time and a salt; its fields are those of ``JournalEntry``."""

    requester: Requester
    method: str
    step: JournalEntry.Step.ValueType
    outcome: str = OK
    resources: tuple[str, ...] = ()
    left_out: int = 0
    request_id: str = ""
    count: int = 1
    draft_digest: bytes = b""

    def encode(self, salt: bytes, micros: int) -> bytes:
        """Gives the leaf.

        Args:
            salt: 16 random bytes
            micros: when it is written, microseconds since 1970
        """
        return JournalEntry(
            salt=salt,
            time=timestamp_of(micros),
            client=self.requester.client,
            certificate_sha256=self.requester.certificate_sha256,
            officer=self.requester.officer,
            authority=self.requester.authority,
            method=self.method,
            step=self.step,
            outcome=self.outcome,
            resources=self.resources,
            resources_left_out=self.left_out,
            request_id=self.request_id,
            count=self.count,
            draft_digest=self.draft_digest,
        ).SerializeToString()


@dataclass(slots=True)
class CallRecord:
    """A call that is served now.

    Attributes:
        requester: who makes it; replaced once more is known of it
        method: ``/package.Service/Method``
        asked: what its request names
        request_id: of its request
        is_journaled: whether a durable entry tells of it
        ask: asks on the loop whether its caller still may, and raises if not; None: nobody is to be asked for
    """

    requester: Requester
    method: str
    asked: tuple[str, ...] = ()
    request_id: str = ""
    is_journaled: bool = False
    ask: Callable[[], None] | None = None

    def entry(self, step: JournalEntry.Step.ValueType, named: Iterable[str] = (), draft_digest: bytes = b"") -> Entry:
        """Makes the entry of what was done: what was asked for, and what else was read or written."""
        resources = tuple(dict.fromkeys([*self.asked, *named]))
        kept, left_out = resources[:MAX_RESOURCES], max(0, len(resources) - MAX_RESOURCES)
        return Entry(self.requester, self.method, step, OK, kept, left_out, self.request_id, draft_digest=draft_digest)


CALL_RECORD: ContextVar[CallRecord | None] = ContextVar("call", default=None)
"""The call that is served now; None: the node acts by itself, and nothing of it goes into the journal."""
