"""Both ends of a stream under seals that no envelope here tells: of an operator's hand, or told in what was lost."""

from typing import Any

from tests.conformance.materials import head, receipt
from tests.conformance.parties import HONG_KONG
from tests.conformance.receiver_building import LEAVES, REMOTE, Receiver, case
from tests.conformance.receiver_lost_cases import TURNED
from tests.conformance.sender_building import AHEAD, Sender, opened
from tests.conformance.transcripts import position, receipt_for, sends, step

SECOND, THIRD = HONG_KONG.second, HONG_KONG.third
HERE = [*TURNED, LEAVES[4]]


def rotations_overtaken(made: Receiver) -> None:
    """The second seal was lost before the receiver knew of it, and the third one took its place, by an operator."""
    replaced = made.at(3, sender=_at_three("hk-replaced"))
    hello = step(made.hello(LEAVES, 3), position(3))
    turn = made.batch(TURNED, 3, 4, "by the third seal", THIRD)
    on = made.batch(HERE, 4, 5, "by the third seal", THIRD)
    made.accept(
        "rotation-overtaken",
        "it was sealed before the seal was certified that signed its checkpoint, which goes on to sign",
        replaced,
        hello,
        step(turn, receipt_for(4)),
        step(on, receipt_for(5)),
        leaves=HERE,
        receipted=5,
    )
    made.accept(
        "rotation-overtaken-amid-a-batch",
        "an envelope follows it in its batch",
        replaced,
        hello,
        step(made.batch(HERE, 3, 5, "by the third seal", THIRD), receipt_for(5)),
        leaves=HERE,
        receipted=5,
    )
    lost = made.batch(HERE, 4, 5, "by the second seal", SECOND)
    made.refuse(
        "lost-seal-after-a-rotation-overtaken",
        "rotation-overtaken",
        "the lost seal signs on",
        "UNKNOWN_SEAL",
        case(replaced, hello, step(turn, receipt_for(4)), step(lost)),
        leaves=TURNED,
        receipted=4,
    )
    older = made.at(3, sender=_at_three("hk-third"))
    made.accept(
        "rotation-by-a-seal-that-was-replaced",
        "the third seal was certified before it was sealed: it is a rotation, to the second one",
        older,
        hello,
        step(turn, receipt_for(4)),
        step(lost, receipt_for(5)),
        leaves=HERE,
        receipted=5,
    )
    made.refuse(
        "replaced-seal-after-its-rotation",
        "rotation-by-a-seal-that-was-replaced",
        "the third seal signs on",
        "UNTRUSTED",
        case(older, hello, step(turn, receipt_for(4)), step(on)),
        leaves=TURNED,
        receipted=4,
    )


def seals_told_in_what_was_lost(made: Sender) -> None:
    """A sender knows which seals it had, and learns from what comes back where they hold; it takes all of that back."""
    three, shown = made.at(3, 3, coming=["hk-second"]), receipt(HERE, SECOND).note
    beyond = made.position(5, shown, "with a rotation below it")
    ask = step(beyond, sends("recover", first_index="3"))
    turn = made.recovered(3, 4, TURNED, "with a rotation")
    rest = made.recovered(4, 5, HERE, "by the second seal", checkpoint=head(HERE, SECOND).note)
    made.accept(
        "position-under-a-seal-told-in-what-was-lost",
        "its second seal signed what is shown, and is told in what comes back",
        case(three, opened(3, 3), ask, step(turn), step(rest)),
        leaves=HERE,
        receipted=5,
    )
    halted = {**three, "halt": {"reason": AHEAD, "evidence": [made.kit.note("receipt 5 by the second seal", shown)]}}
    made.accept(
        "hello-after-a-position-under-a-seal-told-in-what-was-lost",
        "that seal was not given up here: the Hello shows the newest checkpoint",
        case(halted, opened(3, 3), ask, step(turn)),
        leaves=TURNED,
        receipted=3,
        halted=AHEAD,
    )


def positions_below_what_is_owed(made: Sender) -> None:
    """A rolled-back sender was shown five: who shows less has put it back, or keeps something from it."""
    note = made.kit.note("receipt 5", receipt(LEAVES[:5]).note)
    owing = {**made.at(3, 3), "halt": {"reason": AHEAD, "evidence": [note]}}
    back = step(made.position(5), sends("recover", first_index="3"))
    made.accept(
        "position-of-what-is-owed",
        "the receiver shows what it showed before",
        case(owing, opened(3, 3), back, step(made.recovered(3, 5))),
        leaves=LEAVES[:5],
        receipted=5,
    )
    for name, size in (("position-below-what-is-owed", 3), ("position-of-nothing-where-some-is-owed", 0)):
        made.refuse(
            name,
            "position-of-what-is-owed",
            f"it shows {size}: the sender would seal others in the place of what is missing",
            REMOTE,
            case(owing, opened(3, 3), step(made.position(size))),
            leaves=LEAVES[:3],
            receipted=3,
            halted=AHEAD,
        )


def _at_three(name: str) -> list[dict[str, Any]]:
    return [{"seal": "hk", "above": "0"}, {"seal": name, "above": "3"}]
