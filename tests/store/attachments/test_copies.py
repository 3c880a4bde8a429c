"""One file that an authority has twice, since who sent it again may not see the notice that the first belongs to."""

from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest
from regulator.exchange.v1.values_pb2 import Handling

from gateway.commands.acting import Acting
from gateway.commands.notice_sealing import NoticeSealing
from gateway.store.attachments.queries import read_attachment
from gateway.store.tables import notice_attachments
from gateway.supervision.acts.submissions import new_notice
from gateway.supervision.disclosure import EVERYTHING, Scope
from tests.store.attaching import named, stored
from tests.store.stores import CLIENT, Opened
from tests.supervision.samples import content, handling

AMBER = Scope(Handling.AMBER)


async def give(store: Opened, notice_id: str, scope: Scope, tlp: Handling.Tlp.ValueType = Handling.AMBER) -> None:
    """Gives a notice with the file, as a client of SFC does that sees so much."""
    request = CreateNoticeRequest(notice_id=notice_id)
    request.notice.recipient = "KR"
    request.notice.content.CopyFrom(content(attachments=[named()], handling=handling(tlp=tlp)))
    submission, sealing = new_notice(request, ["KR"], "SFC", scope, ""), NoticeSealing(store.parties, ())
    acting = Acting(Author(authority="SFC", client=CLIENT), scope)
    await store.committer.submit(lambda tx: sealing.release(tx, acting, submission))


async def ties(store: Opened) -> list[int]:
    return [row["attachment"] for row in await store.rows(notice_attachments)]


async def test_the_own_copy_is_the_one_that_the_own_notice_names(hk: Opened):
    """Were it the other one, the own would be named by nothing, and that would show that there is another."""
    await stored(hk)
    await give(hk, "hk-1", EVERYTHING, Handling.RED)
    own = await stored(hk)
    await give(hk, "hk-2", AMBER)
    told = await hk.read(read_attachment, own.id, "SFC", AMBER)
    assert (told.notices, told.is_named) == (("hk-2",), True)
    assert await ties(hk) == [1, 2]


async def test_a_rebuild_ties_each_notice_to_the_copy_that_it_was_tied_to(hk: Opened):
    await stored(hk)
    await give(hk, "hk-1", EVERYTHING, Handling.RED)
    await stored(hk)
    await give(hk, "hk-2", AMBER)
    await give(hk, "hk-3", EVERYTHING)
    await hk.release("hk-4", attachments=[named()])
    assert await ties(hk) == [1, 2, 2, 1], (
        "who sees both names that of the notice's readers; what comes back, the first"
    )
    await hk.rebuilt()
    assert await ties(hk) == [1, 2, 2, 1]


async def test_a_notice_of_who_sees_more_names_the_copy_that_its_readers_know(hk: Opened):
    """Else who sent that would see it named by nothing, beside a notice that names its like."""
    await stored(hk)
    await give(hk, "hk-1", EVERYTHING, Handling.RED)
    own = await stored(hk)
    await give(hk, "hk-2", EVERYTHING, Handling.RED)
    assert (await hk.read(read_attachment, own.id, "SFC", AMBER)).is_named is False
    await give(hk, "hk-3", EVERYTHING)
    assert (await hk.read(read_attachment, own.id, "SFC", AMBER)).notices == ("hk-3",)
    assert await ties(hk) == [1, 1, 2]


async def test_notices_that_name_one_file_are_told_together_whichever_copy_each_has(hk: Opened):
    await stored(hk)
    await give(hk, "hk-1", EVERYTHING, Handling.RED)
    own = await stored(hk)
    await give(hk, "hk-2", AMBER)
    await hk.release("hk-3", attachments=[named()])
    assert await ties(hk) == [1, 2, 1]
    assert (await hk.read(read_attachment, own.id, "SFC", AMBER)).notices == ("hk-2", "hk-3")
