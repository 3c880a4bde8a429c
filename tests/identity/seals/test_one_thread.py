import os
import threading

import pytest

from gateway.errors import ConfigError, Unavailable
from gateway.identity.seals.one_thread import OneThread
from tests.support.nodes import eventually

LONG = 60.0


def test_calls_are_made_one_after_another_on_one_thread_which_is_not_that_of_the_caller():
    thread = OneThread()
    found = {thread.run(threading.get_ident, LONG) for _ in range(10)}
    assert len(found) == 1
    assert threading.get_ident() not in found


@pytest.mark.parametrize("error", [ConfigError("of ours"), TimeoutError("of the library"), SystemExit()])
def test_what_a_call_raises_is_raised_and_the_next_call_is_made(error):
    thread = OneThread()

    def raising() -> None:
        raise error

    with pytest.raises(type(error)):
        thread.run(raising, LONG)
    assert thread.run(lambda: 5, LONG) == 5


def test_a_call_that_does_not_come_back_is_not_waited_for_and_no_other_is_made_meanwhile():
    thread, goes_on, made = OneThread(), threading.Event(), []
    with pytest.raises(Unavailable, match=r"the token did not answer in 0\.05 s"):
        thread.run(goes_on.wait, 0.05)
    with pytest.raises(Unavailable, match="the token still has not answered"):
        thread.run(lambda: made.append(1), LONG)
    goes_on.set()

    def answers() -> bool:
        try:
            return thread.run(lambda: True, LONG)
        except Unavailable:
            return False

    eventually(answers)
    assert made == []


def test_a_call_that_was_not_begun_in_time_is_never_made():
    thread, begun, goes_on, made = OneThread(), threading.Event(), threading.Event(), []

    def holding() -> None:
        begun.set()
        goes_on.wait(LONG)

    holder = threading.Thread(target=thread.run, args=(holding, LONG))
    holder.start()
    assert begun.wait(LONG)
    with pytest.raises(Unavailable, match="did not answer"):
        thread.run(lambda: made.append(1), 0.05)
    goes_on.set()
    holder.join()
    assert thread.run(lambda: 5, LONG) == 5
    assert made == []


def test_a_process_that_was_forked_is_refused(monkeypatch):
    thread = OneThread()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(Unavailable, match="forked"):
        thread.run(lambda: 5, LONG)
