"""PostgreSQL's server ends the writer's connection at each statement of an act, and after its commit."""

import uuid
from typing import Any

import psycopg
from regulator.exchange.v1 import notice_service_pb2 as pb
from regulator.exchange.v1.values_pb2 import Handling
from sqlalchemy import Connection, event

from gateway.commands.notice_sealing import NoticeSealing
from gateway.commands.notices import NoticeCommands
from gateway.errors import Unavailable
from gateway.identity.access.access import Caller, Role
from gateway.questions.notices import NoticeQuestions
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.tables import leaves
from tests.store.stores import NOW, RANDOM, Opened
from tests.supervision.samples import content
from tests.support.long_form import long_form
from tests.support.postgresql import administrator

CALLER = Caller("spiffe://gateway.hk.example/SFC/office", "SFC", frozenset(Role), Handling.RED)
COMMIT = "COMMIT"


class Ending:
    """Ends the connection of a store's writer at a step of a number: before it, or, of a commit, after it.

    ``taken``: the steps since it was armed last: statements, and ``COMMIT``.
    """

    def __init__(self, store: Opened, server: psycopg.Connection) -> None:
        self.taken: list[str] = []
        self._server, self._at, self._after = server, -1, False
        engine = store.database._writers
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "commit", lambda connection: self._step(connection, COMMIT))
        self._do_commit = engine.dialect.do_commit
        engine.dialect.do_commit = self._committed

    def arm(self, at: int = -1, *, after: bool = False) -> None:
        """Has it happen at a step from here on; never, if no number is given."""
        self.taken.clear()
        self._at, self._after = at, after

    def _statement(self, connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        self._step(connection, statement)

    def _step(self, connection: Connection, what: str) -> None:
        self.taken.append(what)
        if len(self.taken) - 1 == self._at and not self._after:
            self._end(connection.connection.driver_connection)

    def _committed(self, connection: Any) -> None:
        self._do_commit(connection)
        if self._after and len(self.taken) - 1 == self._at:
            self._end(getattr(connection, "driver_connection", connection))
            raise psycopg.OperationalError("the server closed the connection unexpectedly")

    def _end(self, driver: Any) -> None:
        self._server.execute("SELECT pg_terminate_backend(%s, 60000)", [driver.info.backend_pid])


def giving(store: Opened) -> NoticeCommands:
    questions = NoticeQuestions(store.readers, SealedTokens(bytes(32), RANDOM.randbytes), store.filters)
    sealing = NoticeSealing(store.parties, ())
    return NoticeCommands(store.parties, store.committer, sealing, questions, lambda: NOW, RANDOM.randbytes)


def asked(number: int) -> pb.CreateNoticeRequest:
    notice = pb.Notice(recipient="KR", content=content())
    return pb.CreateNoticeRequest(notice=notice, notice_id=f"hk-{number}", request_id=str(uuid.uuid4()))


@long_form
async def test_an_act_whose_connection_is_lost_at_any_step_is_done_once_at_either_replica(postgresql, replicas):
    hk, other = replicas
    with administrator(postgresql) as server:
        ending = Ending(hk, server)
        await giving(hk).create_notice(CALLER, asked(0))
        commits = [place for place, step in enumerate(ending.taken) if step == COMMIT]
        places = [*((place, False) for place in range(len(ending.taken))), *((place, True) for place in commits)]
        for number, (place, after) in enumerate(places, 1):
            request, told = asked(number), None
            ending.arm(place, after=after)
            try:
                told = await giving(hk).create_notice(CALLER, request)
            except Unavailable:
                assert len(ending.taken) > place
            ending.arm()
            there = await giving(other).create_notice(CALLER, request)
            assert await giving(hk).create_notice(CALLER, request) == there
            assert told in (None, there)
            assert len(await hk.rows(leaves)) == hk.state().log.size == number + 1
        assert hk.failures == other.failures == []
