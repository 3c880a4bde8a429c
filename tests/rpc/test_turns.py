"""Which of a peer's files is asked for next, where nothing comes of some."""

from collections.abc import Iterator

from gateway.rpc.turns import Turns
from gateway.store.attachments.queries import Wanted
from gateway.supervision.attachments import Attached, Owner

PEER, OTHER = "KR", "SG"


def wanted(name: str, stored_bytes: int = 0) -> Wanted:
    return Wanted(Attached(name.encode(), 100), Owner(peer=PEER), None, stored_bytes)


def asked(turns: Turns, names: str, peer: str = PEER) -> Iterator[str]:
    """What is asked for, one after the other, as nothing ever comes."""
    files = [wanted(each) for each in names]
    while True:
        first = turns.ordered(peer, files)[0]
        turns.asks(peer, first)
        yield first.file.sha256.decode()


def of(asking: Iterator[str], count: int) -> str:
    return "".join(next(asking) for _ in range(count))


def test_one_alone_is_asked_for_again_and_again():
    assert of(asked(Turns(), "a"), 3) == "aaa"


def test_all_have_their_turns_though_nothing_comes_of_any():
    came = of(asked(Turns(), "abcdef"), 300)
    assert came.startswith("ab")
    assert all(came.count(each) > 30 for each in "abcdef")


def test_of_what_has_come_further_the_order_is_as_before():
    turns = Turns()
    turns.asks(PEER, wanted("a"))
    assert turns.ordered(PEER, [wanted("a"), wanted("b")])[0] == wanted("b")
    assert turns.ordered(PEER, [wanted("a", 10), wanted("b")])[0] == wanted("a", 10)
    assert turns.waiting(PEER) == 0


def test_peers_do_not_count_for_each_other_and_what_is_not_wanted_any_more_is_forgotten():
    turns = Turns()
    turns.asks(PEER, wanted("a"))
    assert turns.ordered(OTHER, [wanted("a"), wanted("b")])[0] == wanted("a")
    turns.asks(OTHER, wanted("b"))
    assert turns.ordered(PEER, [wanted("a"), wanted("b")])[0] == wanted("b")
    assert (turns.waiting(PEER), turns.waiting(OTHER)) == (1, 1)
    assert turns.ordered(PEER, []) == []
    assert (turns.waiting(PEER), turns.waiting(OTHER)) == (0, 1)
