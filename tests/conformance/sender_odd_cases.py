"""The sender's end: under a seal of the receiver that is told elsewhere, and of answers that come out of turn."""

from regulator.exchange.v1 import peer_service_pb2 as wire

from tests.conformance.materials import head, receipt
from tests.conformance.parties import KOREA
from tests.conformance.receiver_building import FORKED, LEAVES, OTHERS, REMOTE, case
from tests.conformance.sender_building import AHEAD, Sender, opened, sent
from tests.conformance.spelling import line_of
from tests.conformance.transcripts import sends, step


def coming_seals(made: Sender) -> None:
    """The channel the other way tells the receiver's next seal, and may be behind this one."""
    five, log = made.at(5), LEAVES[:5]
    coming = receipt(LEAVES[:3], cosigner=KOREA.second).note
    shown = made.position(3, coming, "under a coming seal")
    made.accept(
        "position-under-a-coming-seal",
        "a seal cosigned it that is not known: it shows where the receiver stands, and is no receipt yet",
        case(five, opened(5), step(shown, sent(3, 2))),
        leaves=log,
        receipted=0,
    )
    lie = receipt(OTHERS[:3], cosigner=KOREA.second).note
    made.refuse(
        "fork-in-position-under-a-coming-seal",
        "position-under-a-coming-seal",
        "it is for another root, under the sender's own signature",
        FORKED,
        case(five, opened(5), step(made.position(3, lie, "of another history under a coming seal"))),
        leaves=log,
        receipted=0,
        halted=FORKED,
    )
    more = made.position(5, receipt(LEAVES[:5], cosigner=KOREA.second).note, "under a coming seal")
    made.refuse(
        "position-of-more-under-a-coming-seal",
        "sender-rolled-back",
        "such a seal cosigned more than is here: nothing shows that it is the receiver's",
        "UNKNOWN_SEAL",
        case(made.at(3, 3), opened(3, 3), step(more)),
        leaves=LEAVES[:3],
        receipted=3,
    )


def odd_receipts(made: Sender) -> None:
    five, log = made.at(5), LEAVES[:5]
    first = [opened(5), step(made.position(0), sent(0, 3), sent(3, 2))]
    witnessed = receipt(LEAVES[:3]).note + line_of("witness.example", b"\1\2\3\4", bytes(72)).encode()
    line = made.response("receipt 3 with a further line", receipt=wire.Receipt(note=witnessed))
    made.accept(
        "receipt-with-a-further-line",
        "a line of somebody else is on it, which is dropped",
        case(five, *first, step(line)),
        leaves=log,
        receipted=3,
    )
    made.refuse(
        "receipt-of-another-history",
        "receipts-in-order",
        "it is for another root under the sender's own signature: none that is under way, and the next Position tells",
        REMOTE,
        case(five, *first, step(made.receipt(3, "of another history", leaves=OTHERS))),
        leaves=log,
        receipted=0,
    )
    made.refuse(
        "receipts-out-of-order",
        "receipts-in-order",
        "the receipt for less comes after that for more",
        REMOTE,
        case(five, *first, step(made.receipt(5)), step(made.receipt(3))),
        leaves=log,
        receipted=5,
    )


def odd_recoveries(made: Sender) -> None:
    three = made.at(3, 3)
    ask = step(made.position(5), sends("recover", first_index="3"))
    under = made.recovered(3, 5, word="under a receipt", checkpoint=receipt(LEAVES[:5]).note)
    made.accept(
        "recovered-under-a-receipt",
        "the receipt serves as the checkpoint that it is made of",
        case(three, opened(3, 3), ask, step(under)),
        leaves=LEAVES[:5],
        receipted=5,
    )
    for name, differs, message in (
        ("recovered-again", "what comes back begins before the end of the log", made.recovered(1, 5)),
        ("recovered-nothing", "nothing comes back", made.recovered(3, 5, word="without any", envelopes=[])),
        ("receipt-while-recovering", "a receipt comes in its place", made.receipt(3)),
        (
            "halted-while-recovering",
            "evidence of a fork comes in its place",
            made.halted("meanwhile", head(LEAVES[:3]).note, head(OTHERS[:3]).note),
        ),
    ):
        made.refuse(
            name,
            "sender-rolled-back",
            differs,
            REMOTE,
            case(three, opened(3, 3), ask, step(message)),
            leaves=LEAVES[:3],
            receipted=3,
            halted=AHEAD,
        )


def odd_halts(made: Sender) -> None:
    five, log = made.at(5), LEAVES[:5]
    own, other, beyond = head(LEAVES[:3]).note, head(OTHERS[:3]).note, head(LEAVES[:6]).note
    made.refuse(
        "halted-at-once",
        "receipt-for-both",
        "the receiver shows another root in place of its Position",
        FORKED,
        case(five, opened(5), step(made.halted("at once", own, other))),
        leaves=log,
        receipted=0,
        halted=FORKED,
    )
    first = [opened(5), step(made.position(0), sent(0, 3), sent(3, 2))]
    made.refuse(
        "halted-with-one-note-twice",
        "receipt-for-both",
        "it shows one larger log twice, which contradicts nothing: the sender was rolled back",
        "BAD_PROOF",
        case(five, *first, step(made.halted("with one note twice", beyond, beyond))),
        leaves=log,
        receipted=0,
        halted=AHEAD,
    )
    made.refuse(
        "halted-with-three-notes",
        "receipt-for-both",
        "there are three notes",
        REMOTE,
        case(five, *first, step(made.halted("with three notes", own, other, own))),
        leaves=log,
        receipted=0,
    )
