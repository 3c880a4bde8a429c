"""What the simulation looks for is found: each defect is put into a node's file, and told."""

from collections.abc import Callable
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest
from regulator.exchange.v1.envelope_pb2 import Author, Envelope
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.values_pb2 import Attachment, Handling

from gateway.supervision.envelopes import envelopes
from gateway.supervision.envelopes import frameworks as framework_envelopes
from gateway.supervision.envelopes.envelopes import Seal
from tests.simulation.nodes.audit import Audit
from tests.supervision import sharing_samples as sharing
from tests.supervision.framework_samples import provision, version
from tests.supervision.samples import APPROVER, AUTHOR, HK_TO_KR, KR_TO_HK, content, handling, seal

ALLOWED = handling(onward_sharing=Handling.ALLOWED)


FILE = Attachment(file_name="a.pdf", media_type="application/pdf", size_bytes=6, sha256=sha256(b"a file").digest())


class File:
    """In the place of a node's file: the envelopes of both channels, notices that are delivered too soon, chunks."""

    def __init__(
        self,
        *outgoing: Envelope,
        incoming: tuple[Envelope, ...] = (),
        too_soon: tuple[str, ...] = (),
        chunks: tuple[bytes, ...] = (),
    ) -> None:
        self.logs = {1: outgoing, 2: incoming}
        self._answers = {
            "FROM channels": [(1, HK_TO_KR, len(outgoing)), (2, KR_TO_HK, len(incoming))],
            "FROM notice_attachments": [(0, FILE.sha256, FILE.size_bytes, 1)],
            "FROM attachment_chunks": [(each,) for each in chunks],
            "destroyed_index": [],
            "DELIVERED": [(each,) for each in too_soon],
        }

    def read(self, query: str, *values: int) -> list[tuple[Any, ...]]:
        if "FROM leaves" in query:
            channel, first = values
            return [(each.SerializeToString(),) for each in self.logs[channel][first:]]
        return next((rows for words, rows in self._answers.items() if words in query), self._answers["DELIVERED"])


def told_of(file: File, *, publishes_by_draft: bool = False) -> list[str]:
    site = SimpleNamespace(
        name="HK",
        domain="gateway.hk.example",
        publishes_by_draft=publishes_by_draft,
        disk=file,
        restored=0,
        marks={},
        was_far_behind=False,
        is_misled=False,
    )
    audit = Audit(site)  # type: ignore[arg-type]
    audit.look()
    audit.look()  # what was seen is not told again
    return audit.wrong


def notice(notice_id: str = "hk-1", approver: Author | None = None, **changes: object) -> Envelope:
    return envelopes.released(_seal(approver), notice_id, content(**changes))


def _seal(approver: Author | None = None) -> Seal:
    return seal(salt=bytes(15) + b"\x01", approver=approver)


def published(approver: Author | None = None) -> Envelope:
    return framework_envelopes.published(_seal(approver), "hk-rules", 1, 0, version(provision()))


def of_sharing(build: Callable[..., Envelope]) -> Envelope:
    return build(_seal())


def test_what_holds_is_not_told() -> None:
    granted = (notice(), of_sharing(sharing.deciding()))
    passed_on = (of_sharing(sharing.asking()), of_sharing(sharing.sharing()))
    assert told_of(File(*passed_on, incoming=granted)) == []
    assert told_of(File(notice(handling=ALLOWED), of_sharing(sharing.sharing(consent_id="", decision=0)))) == []
    assert told_of(File(notice(urgency=NoticeContent.IMMEDIATE, approver=APPROVER), published())) == []
    assert told_of(File(published(APPROVER)), publishes_by_draft=True) == []


def test_the_same_act_twice_in_a_channel_is_told() -> None:
    (told,) = told_of(File(notice(), notice()))
    assert "stands twice" in told


@pytest.mark.parametrize("approver", [None, AUTHOR], ids=["nobody", "its author"])
def test_an_urgent_notice_without_a_second_person_is_told(approver: Author | None) -> None:
    (told,) = told_of(File(notice(urgency=NoticeContent.IMMEDIATE, approver=approver)))
    assert "was approved by" in told


def test_a_version_without_a_second_person_is_told_where_a_rule_asks_for_one() -> None:
    (told,) = told_of(File(published()), publishes_by_draft=True)
    assert "approved by nobody" in told


@pytest.mark.parametrize(
    ("decision", "shared", "because"),
    [
        ({"granted": False}, {}, "refused"),
        ({"valid_until": 20251231}, {}, "over"),
        ({}, {"recipients": [sharing.FINMA]}, "other recipients"),
        ({}, {"decision": 2}, "nothing is decided"),
        ({}, {"use": Handling.ENFORCEMENT}, "does not permit"),
        ({}, {"consent_id": "", "decision": 0}, "asks for consent"),
    ],
)
def test_what_is_passed_on_beyond_the_decision_is_told(
    decision: dict[str, object], shared: dict[str, object], because: str
) -> None:
    granted = (notice(), of_sharing(sharing.deciding(**decision)))
    passed_on = (of_sharing(sharing.asking()), of_sharing(sharing.sharing(**shared)))
    (told,) = told_of(File(*passed_on, incoming=granted))
    assert "beyond what was granted" in told
    assert because in told


def test_whoever_says_that_all_files_are_there_has_every_byte() -> None:
    said = envelopes.attachments_received(_seal(), "kr-1")
    came = (notice("kr-1", attachments=[FILE]),)
    assert told_of(File(said, incoming=came, chunks=(b"a f", b"ile"))) == []
    for chunks in ((), (b"a f",), (b"a f", b"ilf")):
        (told,) = told_of(File(said, incoming=came, chunks=chunks))
        assert "was sealed without the files [0]" in told


def test_a_word_on_files_of_a_notice_that_has_none_is_told() -> None:
    said = envelopes.attachments_received(_seal(), "kr-1")
    (told,) = told_of(File(said, incoming=(notice("kr-1"),), chunks=(b"a file",)))
    assert "about a notice without files" in told


def test_what_is_dated_before_what_it_follows_is_told() -> None:
    first, second = notice(), notice("hk-2")
    second.sealed_at.FromMicroseconds(first.sealed_at.ToMicroseconds() - 1)
    (told,) = told_of(File(first, second))
    assert "dated 1 us before what it follows" in told
    assert told_of(File(second, first)) == []


def test_a_notice_that_is_delivered_too_soon_is_told() -> None:
    told = told_of(File(notice(), too_soon=("hk-1",)))
    assert "hk-1 is DELIVERED without a receipt" in told[0]
