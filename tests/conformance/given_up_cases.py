"""Both ends of a stream under seals that were given up: what such a seal signed in another history shows all the same.

The sender turned its seal in its log; the receiver did so in its own, which tells how far its receipts bear which seal.
"""

from collections.abc import Sequence
from typing import Any

from tests.conformance.materials import head, receipt
from tests.conformance.parties import HONG_KONG, KOREA, RECEIVED, STRANGER
from tests.conformance.receiver_building import FORKED, LEAVES, OTHERS, Receiver, case, named
from tests.conformance.receiver_lost_cases import TURNED, rotation
from tests.conformance.seal_cases import KEYS
from tests.conformance.sender_building import AHEAD, Sender, opened, sent
from tests.conformance.signing import KitSeal
from tests.conformance.spelling import root_of
from tests.conformance.transcripts import Transcripts, halted, position, receipt_for, sends, step
from tests.ledger import oracle

FIRST, SECOND, THIRD = HONG_KONG.seal, HONG_KONG.second, HONG_KONG.third
HERE = [*TURNED, LEAVES[4]]
TWICE = [*HERE, rotation(THIRD), *LEAVES[6:8]]  # the third seal signs what is larger than six
THERE = [*TURNED, *OTHERS[4:8]]  # the first turn is there, too, and not the second
MINUTE = 60


# --- the receiver -----------------------------------------------------------------------------------------------


def hellos_under_seals_given_up(made: Receiver) -> None:
    """In another history the sender did not turn its seal, or later: the seal before signed on there."""
    here = _turned_at_four(made.kit)
    made.accept(
        "hello-under-a-seal-given-up",
        "the first seal signed more than the size at which it was given up: it is compared, and is what is held",
        here,
        step(made.hello(HERE, 5, "under a seal given up"), position(5)),
        leaves=HERE,
        receipted=5,
    )
    made.accept(
        "hello-of-more-under-a-seal-given-up",
        "it signed more than is held: nothing can be compared",
        here,
        step(made.hello(OTHERS, 6, "of another history"), position(5)),
        leaves=HERE,
        receipted=5,
    )
    told = sends("halted", **halted(FORKED, ["5", "5"]))
    made.refuse(
        "fork-in-hello-under-a-seal-given-up",
        "hello-under-a-seal-given-up",
        "it signed another root for the size that is held",
        FORKED,
        case(here, step(made.hello(OTHERS, 5, "of another history"), told)),
        leaves=HERE,
        receipted=5,
        halted=FORKED,
    )


def receipts_by_seals_given_up(made: Receiver) -> None:
    """The receiver was put back to before it turned its own seal, countersigned on, and learnt of the turn later."""
    hello = step(made.hello(LEAVES, 5), position(5))
    five, further = made.at(5, **_learnt(3)), made.batch(LEAVES, 5, 6)
    made.accept(
        "receipt-by-a-seal-given-up",
        "its seal was given up for more than three, and countersigned five: the second one does so anew",
        five,
        hello,
        step(further, receipt_for(6)),
        leaves=LEAVES[:6],
        receipted=6,
    )
    earlier = made.at(5, cosigned=RECEIVED - MINUTE, **_learnt(3))
    made.accept(
        "receipt-by-a-seal-given-up-of-before",
        "the receipt is a minute old: what takes its place bears its time",
        earlier,
        step(made.hello(LEAVES, 5), position(5, RECEIVED - MINUTE)),
        leaves=LEAVES[:5],
        receipted=5,
    )
    made.accept(
        "receipt-by-the-seal-of-before",
        "its seal was given up for more than five: what it countersigned stays",
        made.at(5, **_learnt(5)),
        hello,
        step(further, receipt_for(6)),
        leaves=LEAVES[:6],
        receipted=6,
    )


def _learnt(above: int) -> dict[str, Any]:
    """That the second seal alone countersigns what is larger."""
    return {**_cosigners(above), "own_seal_seed": KEYS["kr-second"].seed.hex()}


def _cosigners(above: int) -> dict[str, Any]:
    return {"receiver": [{"seal": "kr", "above": "0"}, {"seal": "kr-second", "above": str(above)}]}


def _turned_at_four(kit: Transcripts) -> dict[str, Any]:
    signers = [(3, FIRST), (4, FIRST), (5, SECOND)]
    return _turned(kit, HERE, signers, receipt(HERE, SECOND).note, "receipt 5 after a turn")


# --- the sender -------------------------------------------------------------------------------------------------


def greetings_of_rolled_back(made: Sender) -> None:
    """A sender that turned its seal twice, and has no receipt for either, was shown more than it holds."""
    seven = TWICE[:7]
    before = _twice(made, None)
    beyond = made.position(8, receipt(THERE, SECOND).note, "under a seal given up")
    ask = step(beyond, sends("recover", first_index="7"))
    made.accept(
        "position-under-a-seal-given-up",
        "the second seal signed more than the size at which it was given up: the sender was rolled back",
        case(before, opened(4, 3), ask),
        leaves=seven,
        receipted=3,
        halted=AHEAD,
    )
    strange = made.position(8, receipt(THERE, STRANGER.seal).note, "under a stranger's seal")
    made.refuse(
        "position-of-more-by-a-stranger",
        "position-under-a-seal-given-up",
        "a stranger signed it: no seal that the sender ever had",
        "UNKNOWN_SEAL",
        case(before, opened(4, 3), step(strange)),
        leaves=seven,
        receipted=3,
    )
    fork = _twice(made, receipt(THERE, SECOND).note, "receipt 8 under a seal given up")
    made.accept(
        "hello-after-a-position-under-a-seal-given-up",
        "both histories may have the first turn: the Hello shows the last checkpoint that the second seal could sign",
        case(fork, opened(6, 3)),
        leaves=seven,
        receipted=3,
        halted=AHEAD,
    )
    proof = [root_of(THERE[:6]), *oracle.proof(6, THERE)]
    shown = made.halted("at a turn", head(THERE, SECOND).note, head(TWICE[:6], SECOND).note, proof=proof)
    made.refuse(
        "fork-after-a-position-under-a-seal-given-up",
        "hello-after-a-position-under-a-seal-given-up",
        "the receiver compared that, and shows the other history",
        FORKED,
        case(fork, opened(6, 3), step(shown)),
        leaves=seven,
        receipted=3,
        halted=FORKED,
    )
    whole = receipt(TWICE, THIRD).note
    again = made.position(8, whole, "by the third seal")
    back = made.recovered(7, 8, TWICE, "by the third seal", checkpoint=head(TWICE, THIRD).note)
    own = _twice(made, whole, "receipt 8 by the third seal")
    made.accept(
        "hello-after-a-position-under-the-seal-in-force",
        "the seal in force signed what was shown: the Hello shows the newest checkpoint, and all comes back",
        case(own, opened(7, 3), step(again, sends("recover", first_index="7")), step(back)),
        leaves=TWICE,
        receipted=8,
    )
    old = made.recovered(7, 8, TWICE, "by the second seal", checkpoint=head(TWICE, SECOND).note)
    made.refuse(
        "recovered-under-a-seal-given-up",
        "hello-after-a-position-under-the-seal-in-force",
        "what comes back is under a checkpoint by the second seal, which was given up for so much",
        "UNTRUSTED",
        case(own, opened(7, 3), step(again, sends("recover", first_index="7")), step(old)),
        leaves=seven,
        receipted=3,
        halted=AHEAD,
    )


def positions_by_seals_given_up(made: Sender) -> None:
    """What a receiver countersigns anew is kept; what it countersigned by keys that it had given up is not."""
    log, five = LEAVES[:5], made.at(5, **_cosigners(3))
    anew = made.position(5, receipt(log, cosigner=KOREA.second).note, "by the second seal")
    made.accept(
        "position-by-the-second-seal",
        "the receiver's second seal, which is known, countersigned five",
        case(five, opened(5), step(anew)),
        leaves=log,
        receipted=5,
    )
    made.refuse(
        "position-by-a-seal-given-up",
        "position-by-the-second-seal",
        "the receiver's first seal did, which it gave up for more than three",
        "UNTRUSTED",
        case(five, opened(5), step(made.position(5))),
        leaves=log,
        receipted=0,
    )
    made.accept(
        "position-by-the-seal-of-before",
        "the receiver's first seal countersigned three, as it might",
        case(five, opened(5), step(made.position(3), sent(3, 2))),
        leaves=log,
        receipted=3,
    )


def _twice(made: Sender, shown: bytes | None, name: str = "") -> dict[str, Any]:
    kit, signers = made.kit, [(3, FIRST), (4, FIRST), (6, SECOND), (7, THIRD)]
    state = _turned(kit, TWICE[:7], signers, receipt(LEAVES[:3]).note, "receipt 3 of honest")
    return {**state, "halt": {"reason": AHEAD, "evidence": [kit.note(name, shown)]}} if shown else state


def _turned(
    kit: Transcripts, leaves: Sequence[bytes], signers: Sequence[tuple[int, KitSeal]], cosigned: bytes, name: str
) -> dict[str, Any]:
    """Where an end stands that holds a log with turns, each checkpoint by the seal of its time."""
    words = {TWICE[3]: "rotation 3", TWICE[5]: "rotation 5"}
    words = {leaf: words.get(leaf, honest) for honest, leaf in named(leaves)}
    by = {FIRST: "first", SECOND: "second", THIRD: "third"}
    return {
        "log": [kit.envelope(words[leaf], leaf) for leaf in leaves],
        "checkpoints": [
            kit.note(f"checkpoint {size} of turns by the {by[seal]} seal", head(leaves[:size], seal).note)
            for size, seal in signers
        ],
        "receipt": kit.note(name, cosigned),
    }
