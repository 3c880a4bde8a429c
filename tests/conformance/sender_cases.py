"""The sender's end of a stream: Hong Kong, which dials, sends its log, and keeps receipts."""

from collections.abc import Sequence

from tests.conformance.cases import Subject
from tests.conformance.clock_cases import clocks_in_positions, clocks_of_receivers, clocks_of_what_comes_back
from tests.conformance.given_up_cases import greetings_of_rolled_back, positions_by_seals_given_up
from tests.conformance.materials import head, receipt
from tests.conformance.parties import RECEIVED, STRANGER
from tests.conformance.receiver_building import FORKED, LEAVES, OTHERS, REMOTE, case
from tests.conformance.replaced_cases import positions_below_what_is_owed, seals_told_in_what_was_lost
from tests.conformance.sender_building import AHEAD, BEHIND, Sender, opened, sent
from tests.conformance.sender_flow_cases import rotated, windows
from tests.conformance.sender_odd_cases import coming_seals, odd_halts, odd_receipts, odd_recoveries
from tests.conformance.spelling import altered, root_of
from tests.conformance.transcripts import sends, step
from tests.ledger import oracle


def senders() -> Subject:
    made = Sender()
    odd, clocks = (
        (coming_seals, odd_receipts, odd_recoveries, odd_halts),
        (clocks_of_receivers, clocks_in_positions, clocks_of_what_comes_back),
    )
    given_up = greetings_of_rolled_back, positions_by_seals_given_up
    lost = seals_told_in_what_was_lost, positions_below_what_is_owed
    for add in (_positions, _receipts, _rolled_back, _halts, *odd, *clocks, windows, rotated, *given_up, *lost):
        add(made)
    return made.kit.subject


def _positions(made: Sender) -> None:
    five, log = made.at(5), LEAVES[:5]
    both = [sent(0, 3), sent(3, 2)]
    made.accept(
        "nothing-to-send",
        "both logs are empty",
        case(made.at(0), opened(0), step(made.position(0))),
        leaves=[],
        receipted=0,
    )
    made.accept(
        "all-to-send",
        "the receiver holds nothing",
        case(five, opened(5), step(made.position(0), *both)),
        leaves=log,
        receipted=0,
    )
    made.accept(
        "some-to-send",
        "the receiver holds three",
        case(five, opened(5), step(made.position(3), sent(3, 2))),
        leaves=log,
        receipted=3,
    )
    made.accept(
        "none-to-send",
        "the receiver holds all: its receipt is kept",
        case(five, opened(5), step(made.position(5))),
        leaves=log,
        receipted=5,
    )
    lost = case(made.at(5, 5), opened(5, 5), step(made.position(3), sent(3, 2)))
    made.accept(
        "peer-rolled-back",
        "the receiver holds less than it countersigned: an alarm, and it is sent again",
        lost,
        leaves=log,
        receipted=5,
        alarms=[BEHIND],
    )
    nothing = case(made.at(5, 5), opened(5, 5), step(made.position(0), *both))
    made.accept(
        "peer-lost-all", "the receiver holds nothing any more", nothing, leaves=log, receipted=5, alarms=[BEHIND]
    )
    withheld = step(made.position(3, head(LEAVES[:3]).note, "own checkpoint"), sent(3, 2))
    made.accept(
        "position-with-a-checkpoint",
        "the receiver withholds its receipt, and shows the sender's own checkpoint: gone on from there",
        case(five, opened(5), withheld),
        leaves=log,
        receipted=0,
    )
    made.accept(
        "position-with-a-checkpoint-then-a-receipt",
        "the receiver gives its receipt once it has no reason to withhold it any more: it covers all",
        case(five, opened(5), withheld, step(made.receipt(5))),
        leaves=log,
        receipted=5,
    )
    ahead = step(made.position(5, head(LEAVES[:5]).note, "own checkpoint"), sends("recover", first_index="3"))
    made.accept(
        "position-with-a-checkpoint-beyond-the-log",
        "the sender lost what the receiver gave no receipt for: its own signature binds it, and it gets that back",
        case(made.at(3, 3), opened(3, 3), ahead, step(made.recovered(3, 5))),
        leaves=LEAVES[:5],
        receipted=3,
    )
    _odd_checkpoints(made)
    good = receipt(LEAVES[:3]).note
    for name, base, differs, reason, message in (
        (
            "position-of-version-2",
            "some-to-send",
            "it chose a version that was not offered",
            REMOTE,
            made.position(3, word="version 2", version=2),
        ),
        ("position-without-receipt", "some-to-send", "it shows no receipt", "MALFORMED", made.position(3, b"", "bare")),
        (
            "position-of-another-size",
            "some-to-send",
            "its size is not that of its receipt",
            REMOTE,
            made.position(2, good, "with a receipt of 3"),
        ),
        (
            "position-of-nothing-with-receipt",
            "some-to-send",
            "its size is 0, and a receipt is there",
            REMOTE,
            made.position(0, good, "with a receipt"),
        ),
        (
            "position-altered",
            "some-to-send",
            "a signature of its receipt is altered",
            "MALFORMED",
            made.position(3, altered(good, -3), "altered"),
        ),
    ):
        made.refuse(name, base, differs, reason, case(five, opened(5), step(message)), leaves=log, receipted=0)
    signed_first = case(five, opened(5), step(made.receipt(3)))
    made.refuse(
        "receipt-before-position",
        "some-to-send",
        "a Receipt comes first",
        REMOTE,
        signed_first,
        leaves=log,
        receipted=0,
    )
    twice = case(five, opened(5), step(made.position(3), sent(3, 2)), step(made.position(3)))
    made.refuse("position-twice", "some-to-send", "a second Position follows", REMOTE, twice, leaves=log, receipted=3)


def _odd_checkpoints(made: Sender) -> None:
    """Positions of a receiver that withholds its receipt, which show what they must not."""
    five, log = made.at(5), LEAVES[:5]
    for name, differs, reason, note, halted in (
        (
            "position-with-a-checkpoint-of-another-size",
            "the checkpoint is for more than the Position says",
            REMOTE,
            head(LEAVES[:4]).note,
            "",
        ),
        (
            "position-with-a-strangers-checkpoint",
            "a stranger signed it",
            "UNKNOWN_SEAL",
            head(LEAVES[:3], STRANGER.seal).note,
            "",
        ),
        (
            "position-with-a-checkpoint-of-another-history",
            "it is for another root, under the sender's own signature",
            FORKED,
            head(OTHERS[:3]).note,
            FORKED,
        ),
    ):
        steps = opened(5), step(made.position(3, note, name))
        told = case(five, *steps)
        made.refuse(name, "position-with-a-checkpoint", differs, reason, told, leaves=log, receipted=0, halted=halted)


def _receipts(made: Sender) -> None:
    five, log = made.at(5), LEAVES[:5]
    first = [opened(5), step(made.position(0), sent(0, 3), sent(3, 2))]
    done = case(five, *first, step(made.receipt(3)), step(made.receipt(5)))
    made.accept("receipts-in-order", "each batch is answered", done, leaves=log, receipted=5)
    at_once = case(five, *first, step(made.receipt(5)))
    made.accept("receipt-for-both", "one receipt covers both batches", at_once, leaves=log, receipted=5)
    again = case(five, *first, step(made.receipt(3)), step(made.receipt(3)))
    made.accept("receipt-again", "the newest receipt comes again, and changes nothing", again, leaves=log, receipted=3)
    anew = case(five, *first, step(made.receipt(3)), step(made.receipt(5, "in the same second")))
    made.accept(
        "receipt-of-the-same-second", "the second receipt bears the time of the first", anew, leaves=log, receipted=5
    )
    for name, base, differs, reason, message in (
        (
            "receipt-of-nothing-sent",
            "receipt-for-both",
            "it is for a size at which no batch ended",
            REMOTE,
            made.receipt(4),
        ),
        (
            "receipt-by-a-stranger",
            "receipt-for-both",
            "a stranger cosigned it",
            "UNKNOWN_SEAL",
            made.receipt(5, "stranger", cosigner=STRANGER.seal),
        ),
        (
            "receipt-in-another-name",
            "receipt-for-both",
            "it is cosigned in another domain's name",
            "UNKNOWN_SEAL",
            made.receipt(5, "other name", domain="gateway.sg.example"),
        ),
    ):
        made.refuse(name, base, differs, reason, case(five, *first, step(message)), leaves=log, receipted=0)
    back = case(five, *first, step(made.receipt(3)), step(made.receipt(5, "earlier", time=RECEIVED - 1)))
    made.refuse(
        "receipt-back-in-time",
        "receipts-in-order",
        "the receipt for more bears an earlier time",
        REMOTE,
        back,
        leaves=log,
        receipted=3,
    )
    unasked = case(five, *first, step(made.recovered(3, 5)))
    made.refuse(
        "envelopes-unasked",
        "receipt-for-both",
        "envelopes come back that nobody asked for",
        REMOTE,
        unasked,
        leaves=log,
        receipted=0,
    )


def _rolled_back(made: Sender) -> None:
    three, five = made.at(3, 3), made.position(5)
    ask = step(five, sends("recover", first_index="3"))
    back = case(three, opened(3, 3), ask, step(made.recovered(3, 5)))
    made.accept(
        "sender-rolled-back",
        "the receiver countersigned more: the channel halts until all is back",
        back,
        leaves=LEAVES[:5],
        receipted=5,
    )
    halfway = case(three, opened(3, 3), ask)
    made.accept(
        "sender-waits",
        "what is owed is not there yet: nothing is sealed until it is",
        halfway,
        leaves=LEAVES[:3],
        receipted=3,
        halted=AHEAD,
    )
    piecemeal = case(
        made.at(0),
        opened(0),
        step(five, sends("recover", first_index="0")),
        step(made.recovered(0, 3)),
        step(made.recovered(3, 5)),
    )
    made.accept("sender-lost-all", "everything comes back, in two batches", piecemeal, leaves=LEAVES[:5], receipted=5)
    for name, differs, reason, message in (
        ("recovered-with-a-gap", "what comes back does not continue the log", REMOTE, made.recovered(4, 5)),
        (
            "recovered-of-another-history",
            "what comes back is not what was signed",
            "BAD_PROOF",
            made.recovered(3, 5, word="of another history", envelopes=OTHERS[3:5]),
        ),
        (
            "recovered-by-a-stranger",
            "what comes back is under a stranger's checkpoint",
            "UNKNOWN_SEAL",
            made.recovered(3, 5, word="stranger", checkpoint=head(LEAVES[:5], STRANGER.seal).note),
        ),
    ):
        made.refuse(
            name,
            "sender-rolled-back",
            differs,
            reason,
            case(three, opened(3, 3), ask, step(message)),
            leaves=LEAVES[:3],
            receipted=3,
            halted=AHEAD,
        )


def _halts(made: Sender) -> None:
    five, log = made.at(5), LEAVES[:5]
    first = [opened(5), step(made.position(0), sent(0, 3), sent(3, 2))]
    own, other = head(LEAVES[:3]).note, head(OTHERS[:3]).note
    larger, honest = head(OTHERS[:6]).note, head(LEAVES[:6]).note
    base = "receipt-for-both"
    for name, differs, message in (
        (
            "halted-with-proof",
            "the receiver shows another root under the sender's own signature",
            made.halted("with proof", own, other),
        ),
        (
            "halted-with-two-of-one-size",
            "it shows two roots of one size, beyond the sender's log",
            made.halted("with two of one size", honest, larger),
        ),
        (
            "halted-with-another-past",
            "it shows that a larger log under the sender's signature had another root in its past",
            made.halted("with another past", own, larger, proof=_leading(OTHERS[:6])),
        ),
    ):
        made.refuse(
            name, base, differs, FORKED, case(five, *first, step(message)), leaves=log, receipted=0, halted=FORKED
        )
    for name, differs, message in (
        (
            "halted-beyond-the-log",
            "it shows a larger log without proof: the sender was rolled back",
            made.halted("beyond the log", own, larger),
        ),
        (
            "halted-with-an-honest-past",
            "the larger log that it shows has the same root in its past",
            made.halted("with an honest past", own, honest, proof=_leading(LEAVES[:6])),
        ),
        (
            "halted-with-a-false-past",
            "the proof does not lead to the larger log",
            made.halted("with a false past", own, honest, proof=_leading(OTHERS[:6])),
        ),
    ):
        made.refuse(
            name, base, differs, "BAD_PROOF", case(five, *first, step(message)), leaves=log, receipted=0, halted=AHEAD
        )
    lie = receipt(OTHERS[:5]).note
    shown = case(five, opened(5), step(made.position(5, lie, "of another history")))
    made.refuse(
        "fork-in-position",
        "none-to-send",
        "the receipt is for another root, under the sender's own signature",
        FORKED,
        shown,
        leaves=log,
        receipted=0,
        halted=FORKED,
    )
    for name, differs, reason, message in (
        ("halted-without-proof", "the receiver shows nothing", REMOTE, made.halted("without proof")),
        (
            "halted-with-one-history",
            "both checkpoints are of one history: the receiver lies",
            REMOTE,
            made.halted("with one history", own, head(log).note),
        ),
        (
            "halted-for-another-reason",
            "it names a reason that this version does not know",
            REMOTE,
            made.halted("for another reason", own, other, reason="TIRED"),
        ),
        (
            "halted-with-a-strangers-proof",
            "a stranger signed the other root",
            "UNKNOWN_SEAL",
            made.halted("with a stranger's proof", own, head(OTHERS[:3], STRANGER.seal).note),
        ),
    ):
        made.refuse(name, base, differs, reason, case(five, *first, step(message)), leaves=log, receipted=0)


def _leading(leaves: Sequence[bytes]) -> list[bytes]:
    """The root of a log at size 3, and the proof from there."""
    return [root_of(leaves[:3]), *oracle.proof(3, leaves)]
