"""The receiver's end of a stream: Korea, which takes Hong Kong's log."""

from tests.conformance.cases import Subject
from tests.conformance.clock_cases import clocks_and_comparisons, clocks_of_senders, clocks_put_back, clocks_set_back
from tests.conformance.given_up_cases import hellos_under_seals_given_up, receipts_by_seals_given_up
from tests.conformance.materials import envelope, head
from tests.conformance.parties import KR_TO_HK, STRANGER
from tests.conformance.receiver_building import FORKED, LEAVES, OTHERS, REMOTE, Receiver, case
from tests.conformance.receiver_lost_cases import destroyed, recovery, rotations
from tests.conformance.receiver_odd_cases import odd_rotations, oddities
from tests.conformance.replaced_cases import rotations_overtaken
from tests.conformance.spelling import altered, root_of
from tests.conformance.transcripts import halted, position, receipt_for, sends, step
from tests.conformance.withheld_cases import withheld_before
from tests.ledger import oracle


def receivers() -> Subject:
    made = Receiver()
    clocks = (clocks_of_senders, clocks_and_comparisons, clocks_set_back, clocks_put_back)
    for add in (
        _greetings,
        _batches,
        _overlaps,
        _forks,
        recovery,
        destroyed,
        withheld_before,
        rotations,
        oddities,
        odd_rotations,
        rotations_overtaken,
        hellos_under_seals_given_up,
        receipts_by_seals_given_up,
        *clocks,
    ):
        add(made)
    return made.kit.subject


def _greetings(made: Receiver) -> None:
    nothing, three = made.at(0), made.at(3)
    empty = made.hello(LEAVES, 0)
    made.accept("hello-to-nothing", "both logs are empty", nothing, step(empty, position(0)), leaves=[], receipted=0)
    made.accept(
        "hello-of-as-much",
        "both hold three",
        three,
        step(made.hello(LEAVES, 3), position(3)),
        leaves=LEAVES[:3],
        receipted=3,
    )
    made.accept(
        "hello-of-more",
        "the sender holds five, the receiver three",
        three,
        step(made.hello(LEAVES, 5), position(3)),
        leaves=LEAVES[:3],
        receipted=3,
    )
    made.accept(
        "hello-of-less",
        "the sender lost what the receiver holds",
        three,
        step(made.hello(LEAVES, 1), position(3)),
        leaves=LEAVES[:3],
        receipted=3,
    )
    made.accept(
        "receipt-behind",
        "the receiver crashed between commit and receipt: it makes the receipt first",
        made.at(5, 3),
        step(made.hello(LEAVES, 5), position(5)),
        leaves=LEAVES[:5],
        receipted=5,
    )
    newer = made.hello(LEAVES, 3, "of two versions", versions=[2, 1])
    made.accept(
        "hello-of-two-versions",
        "the sender speaks a newer version too",
        three,
        step(newer, position(3)),
        leaves=LEAVES[:3],
        receipted=3,
    )
    stranger = head(LEAVES[:3], STRANGER.seal).note
    for name, differs, reason, message in (
        (
            "hello-of-version-2",
            "the sender speaks version 2 alone",
            REMOTE,
            made.hello(LEAVES, 3, "version 2", versions=[2]),
        ),
        (
            "hello-of-another-channel",
            "it is for the channel the other way",
            REMOTE,
            made.hello(LEAVES, 3, "other way", origin=KR_TO_HK),
        ),
        (
            "hello-of-another-size",
            "its size is not that of its checkpoint",
            REMOTE,
            made.hello(LEAVES, 3, "says 2", size=2),
        ),
        (
            "hello-without-checkpoint",
            "it shows no checkpoint",
            "MALFORMED",
            made.hello(LEAVES, 3, "bare", checkpoint=b""),
        ),
        (
            "hello-by-a-stranger",
            "a stranger signed its checkpoint",
            "UNKNOWN_SEAL",
            made.hello(LEAVES, 3, "stranger", checkpoint=stranger),
        ),
        (
            "hello-with-a-bad-signature",
            "a signature on its checkpoint is altered",
            "MALFORMED",
            made.hello(LEAVES, 3, "altered", checkpoint=altered(head(LEAVES[:3]).note, -3)),
        ),
    ):
        made.refuse(
            name, "hello-of-as-much", differs, reason, case(three, step(message)), leaves=LEAVES[:3], receipted=3
        )
    shown = made.hello(LEAVES, 0, "with a checkpoint", checkpoint=head(LEAVES[:3]).note)
    made.refuse(
        "empty-hello-with-checkpoint",
        "hello-to-nothing",
        "a checkpoint is shown for an empty log",
        REMOTE,
        case(nothing, step(shown)),
        leaves=[],
        receipted=0,
    )
    made.refuse(
        "batch-before-hello",
        "one-batch",
        "no Hello comes first",
        REMOTE,
        case(nothing, step(made.batch(LEAVES, 0, 3))),
        leaves=[],
        receipted=0,
    )
    made.refuse(
        "hello-twice",
        "hello-to-nothing",
        "a second Hello follows",
        REMOTE,
        case(nothing, step(empty, position(0)), step(empty)),
        leaves=[],
        receipted=0,
    )


def _batches(made: Receiver) -> None:
    nothing, hello = made.at(0), step(made.hello(LEAVES, 5), position(0))
    first, second = made.batch(LEAVES, 0, 3), made.batch(LEAVES, 3, 5)
    made.accept(
        "one-batch", "three envelopes", nothing, hello, step(first, receipt_for(3)), leaves=LEAVES[:3], receipted=3
    )
    made.accept(
        "two-batches",
        "three, then two",
        nothing,
        hello,
        step(first, receipt_for(3)),
        step(second, receipt_for(5)),
        leaves=LEAVES[:5],
        receipted=5,
    )
    strange = [b"\xff\xff no envelope at all", envelope("unknown").SerializeToString() + b"\xc2\x3e\x03abc"]
    odd = made.batch(strange, 0, 2, "of unknown things")
    made.accept(
        "unreadable-envelopes",
        "bytes that are no envelope are stored and receipted all the same",
        nothing,
        hello,
        step(odd, receipt_for(2)),
        leaves=strange,
        receipted=2,
    )
    thousand = [bytes([place % 251, place // 251]) for place in range(1001)]
    most = made.batch(thousand, 0, 1000, "of a thousand")
    made.accept(
        "thousand-envelopes",
        "as many as a batch may have",
        nothing,
        hello,
        step(most, receipt_for(1000)),
        leaves=thousand[:1000],
        receipted=1000,
    )
    stranger = head(LEAVES[:3], STRANGER.seal).note
    for name, differs, reason, message in (
        ("batch-with-a-gap", "it begins with the second envelope", REMOTE, made.batch(LEAVES, 1, 3)),
        ("batch-of-nothing", "it has no envelopes", REMOTE, made.batch(LEAVES, 0, 3, "empty", envelopes=[])),
        ("batch-of-1001", "it has one envelope more than it may", REMOTE, made.batch(thousand, 0, 1001, "of 1001")),
        (
            "batch-with-another-root",
            "its checkpoint is that of another history",
            "BAD_PROOF",
            made.batch(LEAVES, 0, 3, "of another root", checkpoint=head(OTHERS[:3]).note),
        ),
        (
            "batch-with-a-larger-checkpoint",
            "its checkpoint is for five",
            "BAD_PROOF",
            made.batch(LEAVES, 0, 3, "for five", checkpoint=head(LEAVES[:5]).note),
        ),
        (
            "batch-with-an-altered-envelope",
            "one bit of an envelope is turned",
            "BAD_PROOF",
            made.batch(LEAVES, 0, 3, "altered", envelopes=[LEAVES[0], altered(LEAVES[1], -1), LEAVES[2]]),
        ),
        (
            "batch-in-another-order",
            "two envelopes have changed places",
            "BAD_PROOF",
            made.batch(LEAVES, 0, 3, "in another order", envelopes=[LEAVES[1], LEAVES[0], LEAVES[2]]),
        ),
        (
            "batch-by-a-stranger",
            "a stranger signed its checkpoint",
            "UNKNOWN_SEAL",
            made.batch(LEAVES, 0, 3, "stranger", checkpoint=stranger),
        ),
        (
            "batch-without-checkpoint",
            "it has no checkpoint",
            "MALFORMED",
            made.batch(LEAVES, 0, 3, "bare", checkpoint=b""),
        ),
    ):
        made.refuse(name, "one-batch", differs, reason, case(nothing, hello, step(message)), leaves=[], receipted=0)


def _overlaps(made: Receiver) -> None:
    three, hello = made.at(3), step(made.hello(LEAVES, 5), position(3))
    again, longer = made.batch(LEAVES, 0, 3), made.batch(LEAVES, 1, 5)
    made.accept(
        "batch-again",
        "what is there comes again, and changes nothing",
        three,
        hello,
        step(again, receipt_for(3)),
        leaves=LEAVES[:3],
        receipted=3,
    )
    made.accept(
        "batch-that-overlaps",
        "two envelopes are there, two are new",
        three,
        hello,
        step(longer, receipt_for(5)),
        leaves=LEAVES[:5],
        receipted=5,
    )
    made.accept(
        "batch-that-continues",
        "two envelopes follow on three",
        three,
        hello,
        step(made.batch(LEAVES, 3, 5), receipt_for(5)),
        leaves=LEAVES[:5],
        receipted=5,
    )
    bad = made.batch(LEAVES, 1, 5, "altered", envelopes=[altered(LEAVES[1], -1), *LEAVES[2:5]])
    made.refuse(
        "overlap-with-an-altered-envelope",
        "batch-that-overlaps",
        "an envelope that is there came altered, under a good checkpoint",
        "BAD_PROOF",
        case(three, hello, step(bad)),
        leaves=LEAVES[:3],
        receipted=3,
    )


def _forks(made: Receiver) -> None:
    three, five = made.at(3), made.at(5)
    told = sends("halted", **halted(FORKED, ["3", "3"]))
    at_hello = made.hello(OTHERS, 3, "of another history")
    made.refuse(
        "fork-in-hello",
        "hello-of-as-much",
        "the sender signed another root for the size that is held",
        FORKED,
        case(three, step(at_hello, told)),
        leaves=LEAVES[:3],
        receipted=3,
        halted=FORKED,
    )
    smaller = case(
        five,
        step(at_hello, sends("halted", **halted(FORKED, ["5", "3"], root_of(LEAVES[:3]), oracle.proof(3, LEAVES[:5])))),
    )
    made.refuse(
        "fork-in-a-smaller-hello",
        "hello-of-less",
        "the sender signed another root for a size below",
        FORKED,
        smaller,
        leaves=LEAVES[:5],
        receipted=5,
        halted=FORKED,
    )
    hello = step(made.hello(LEAVES, 5), position(3))
    same = made.batch(OTHERS, 0, 3, "of another history")
    made.refuse(
        "fork-in-a-batch",
        "batch-again",
        "the same size came with another root",
        FORKED,
        case(three, hello, step(same, told)),
        leaves=LEAVES[:3],
        receipted=3,
        halted=FORKED,
    )
    longer = made.batch(OTHERS, 1, 5, "of another history")
    beyond = sends("halted", **halted(FORKED, ["3", "5"], root_of(OTHERS[:3]), oracle.proof(3, OTHERS[:5])))
    made.refuse(
        "fork-in-a-longer-batch",
        "batch-that-overlaps",
        "what is there came otherwise, under a root that commits to it",
        FORKED,
        case(three, hello, step(longer, beyond)),
        leaves=LEAVES[:3],
        receipted=3,
        halted=FORKED,
    )
    other = made.batch(LEAVES, 3, 5, "under another history", checkpoint=head(OTHERS[:3]).note)
    made.refuse(
        "fork-in-a-batch-for-another-size",
        "batch-that-continues",
        "its checkpoint is for the size that is held, with another root",
        FORKED,
        case(three, hello, step(other, told)),
        leaves=LEAVES[:3],
        receipted=3,
        halted=FORKED,
    )
    smaller_size = made.batch(LEAVES, 3, 5, "under what is held", checkpoint=head(LEAVES[:3]).note)
    made.refuse(
        "batch-for-a-size-that-is-held",
        "batch-that-continues",
        "its checkpoint is for the size that is held, with the root of that",
        "BAD_PROOF",
        case(three, hello, step(smaller_size)),
        leaves=LEAVES[:3],
        receipted=3,
    )
    notes = [
        made.kit.note("checkpoint 3 of honest", head(LEAVES[:3]).note),
        made.kit.note("checkpoint 3 of another", head(OTHERS[:3]).note),
    ]
    stopped = made.at(3, halt={"reason": FORKED, "evidence": notes})
    made.refuse(
        "hello-after-a-fork",
        "hello-of-as-much",
        "the channel has halted before: the sender is told",
        FORKED,
        case(stopped, step(made.hello(LEAVES, 3), told)),
        leaves=LEAVES[:3],
        receipted=3,
        halted=FORKED,
    )
