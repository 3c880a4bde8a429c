"""How far a sender goes ahead of its receipts, and what its Hello shows once it has rotated its seal."""

from tests.conformance.materials import head, receipt
from tests.conformance.parties import HONG_KONG
from tests.conformance.receiver_building import LEAVES, case, named
from tests.conformance.receiver_lost_cases import TURNED
from tests.conformance.sender_building import Sender, opened, sent
from tests.conformance.transcripts import step

LONGER = [*TURNED, LEAVES[4]]


def windows(made: Sender) -> None:
    """Each envelope has a checkpoint of its own here, and so is a batch."""
    log = LEAVES[:6]
    state = made.kit.state(named(log), range(1, 7))
    first = opened(6), step(made.position(0), sent(0, 1), sent(1, 1), sent(2, 1))
    made.accept(
        "three-under-way",
        "six batches are to be sent: the fourth waits for a receipt",
        case(state, *first),
        leaves=log,
        receipted=0,
    )
    made.accept(
        "a-receipt-for-the-first",
        "one of the three is receipted: one more is sent",
        case(state, *first, step(made.receipt(1), sent(3, 1))),
        leaves=log,
        receipted=1,
    )
    made.accept(
        "a-receipt-for-all-three",
        "one receipt covers the three: three more are sent",
        case(state, *first, step(made.receipt(3), sent(3, 1), sent(4, 1), sent(5, 1))),
        leaves=log,
        receipted=3,
    )


def rotated(made: Sender) -> None:
    kit = made.kit
    state = {
        "log": [
            kit.envelope(name, leaf)
            for name, leaf in [*named(LEAVES[:3]), ("rotation 3", TURNED[3]), ("honest 4", LEAVES[4])]
        ],
        "checkpoints": [
            kit.note("checkpoint 3 of honest", head(LEAVES[:3]).note),
            kit.note("checkpoint 4 with a rotation", head(TURNED).note),
            kit.note("checkpoint 5 by the second seal", head(LONGER, HONG_KONG.second).note),
        ],
    }
    made.accept(
        "hello-after-a-rotation",
        "no receipt covers the rotation: the Hello shows its checkpoint, since a later seal may not be known there",
        case({**state, "receipt": None}, opened(4), step(made.position(0), sent(0, 3), sent(3, 1), sent(4, 1))),
        leaves=LONGER,
        receipted=0,
    )
    shown = receipt(TURNED).note
    covered = {**state, "receipt": kit.note("receipt 4 with a rotation", shown)}
    made.accept(
        "hello-after-a-receipted-rotation",
        "a receipt covers the rotation: the Hello shows the newest checkpoint",
        case(covered, opened(5, 4), step(made.position(4, shown, "with a rotation"), sent(4, 1))),
        leaves=LONGER,
        receipted=4,
    )
