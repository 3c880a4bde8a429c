"""Both ends of a stream and the time: how far what the other one signed may be ahead; what an own clock is kept from.

The clock of the end stands at ``now``, when the receipts of all other cases are made too.
"""

from base64 import b64decode

from tests.conformance.materials import head, receipt
from tests.conformance.parties import HONG_KONG, ISSUED, KOREA, KR_TO_HK, RECEIVED
from tests.conformance.receiver_building import FORKED, LEAVES, OTHERS, Receiver, case
from tests.conformance.sender_building import Sender, opened, sent
from tests.conformance.spelling import b64
from tests.conformance.transcripts import KEY_ID_BYTES, TIME_BYTES, position, receipt_for, sends, step

HOUR, DAY = 3600, 24 * 3600
MINUTES = 600
ADMITTED, TOO_FAR = RECEIVED + HOUR, RECEIVED + HOUR + 1
BEGIN = int(ISSUED.timestamp())
UNTRUSTED = "UNTRUSTED"


# --- the receiver -----------------------------------------------------------------------------------------------


def clocks_of_senders(made: Receiver) -> None:
    """What a sender signs, at a receiver whose clock is another one."""
    three, hello = made.at(3), step(made.hello(LEAVES, 5), position(3))
    for name, differs, word, time in (
        ("batch-an-hour-ahead", "its checkpoint bears a time an hour ahead", "an hour ahead", ADMITTED),
        ("batch-of-months-ago", "its checkpoint is as old as the seal's certificates", "of months ago", BEGIN),
    ):
        batch = step(_signed(made, word, time), receipt_for(5))
        made.accept(name, differs, three, hello, batch, leaves=LEAVES[:5], receipted=5)
    for name, base, differs, word, time in (
        (
            "batch-more-than-an-hour-ahead",
            "batch-an-hour-ahead",
            "its checkpoint bears a time an hour and a second ahead: nothing is committed",
            "more than an hour ahead",
            TOO_FAR,
        ),
        (
            "batch-before-its-certificates",
            "batch-of-months-ago",
            "its checkpoint bears a time at which the seal's certificates were not valid yet",
            "before its certificates",
            BEGIN - 1,
        ),
    ):
        told = case(three, hello, step(_signed(made, word, time)))
        made.refuse(name, base, differs, UNTRUSTED, told, leaves=LEAVES[:3], receipted=3)
    rest = made.batch(LEAVES, 2, 5, "a day ahead", checkpoint=head(LEAVES[:5], time=RECEIVED + DAY).note)
    made.refuse(
        "rest-more-than-an-hour-ahead",
        "batch-an-hour-ahead",
        "a part of it is held already, and the rest is too far ahead",
        UNTRUSTED,
        case(three, hello, step(rest)),
        leaves=LEAVES[:3],
        receipted=3,
    )


def clocks_and_comparisons(made: Receiver) -> None:
    """What is only compared has no bound: a fork is none the less one."""
    three, tomorrow = made.at(3), RECEIVED + DAY
    shown = made.hello(LEAVES, 3, "a day ahead", checkpoint=head(LEAVES[:3], time=tomorrow).note)
    made.accept(
        "hello-a-day-ahead",
        "what a Hello shows is compared, whatever time it bears",
        three,
        step(shown, position(3)),
        leaves=LEAVES[:3],
        receipted=3,
    )
    again = made.batch(LEAVES, 1, 3, "a day ahead", checkpoint=head(LEAVES[:3], time=tomorrow).note)
    hello = step(made.hello(LEAVES, 3), position(3))
    made.accept(
        "repetition-a-day-ahead",
        "a batch that is held already comes again under such a checkpoint: nothing is committed for it",
        three,
        hello,
        step(again, receipt_for(3)),
        leaves=LEAVES[:3],
        receipted=3,
    )
    fork = sends("halted", reason=FORKED, evidence=["3", "3"], prefix_root="", consistency=[])
    other = head(OTHERS[:3], time=tomorrow).note
    for name, base, differs, steps in (
        (
            "hello-of-another-history-a-day-ahead",
            "hello-a-day-ahead",
            "it shows another root",
            [step(made.hello(OTHERS, 3, "of another history a day ahead", checkpoint=other), fork)],
        ),
        (
            "repetition-of-another-history-a-day-ahead",
            "repetition-a-day-ahead",
            "it is of another history",
            [hello, step(made.batch(OTHERS, 1, 3, "of another history a day ahead", checkpoint=other), fork)],
        ),
    ):
        told = case(three, *steps)
        made.refuse(name, base, differs, FORKED, told, leaves=LEAVES[:3], receipted=3, halted=FORKED)


def clocks_set_back(made: Receiver) -> None:
    """A receiver whose clock is behind what it has cosigned itself: its receipts do not go back."""
    later = RECEIVED + MINUTES
    hello, batch = made.hello(LEAVES, 5), made.batch(LEAVES, 3, 5)
    made.accept(
        "receipt-while-the-clock-is-behind",
        "the receipt before bears a later time than its clock tells: the next one bears that time",
        made.at(3, cosigned=later),
        step(hello, position(3, later)),
        step(batch, receipt_for(5, later)),
        leaves=LEAVES[:5],
        receipted=5,
    )
    made.accept(
        "receipt-behind-while-the-clock-is-behind",
        "the same of a receipt that it makes before its Position",
        made.at(5, 3, cosigned=later),
        step(hello, position(5, later)),
        leaves=LEAVES[:5],
        receipted=5,
    )


def clocks_put_back(made: Receiver) -> None:
    """A receiver that lost receipts: the sender shows the newest one, and its own signature tells when that was."""
    three, later = made.at(3), RECEIVED + MINUTES
    seen, batch = receipt(LEAVES[:5], time=later).note, made.batch(LEAVES, 3, 5)
    for name, differs, word, note, time in (
        (
            "hello-with-a-receipt-that-is-lost",
            "the sender keeps a receipt of a later time than the clock tells: the next one bears that time",
            "that is lost",
            seen,
            later,
        ),
        (
            "hello-with-a-receipt-two-hours-ahead",
            "it is two hours ahead: receipts do not go back for that, either",
            "two hours ahead",
            receipt(LEAVES[:5], time=RECEIVED + 2 * HOUR).note,
            RECEIVED + 2 * HOUR,
        ),
        (
            "hello-with-an-earlier-receipt",
            "it is of a time that is past: the clock tells the next one's",
            "that is earlier",
            receipt(LEAVES[:5], time=RECEIVED - 1).note,
            RECEIVED,
        ),
        (
            "hello-with-a-receipt-of-another-history",
            "its own cosignature tells the time, whatever it is for, and whatever seal the sender had",
            "of another history",
            receipt(OTHERS[:5], seal=HONG_KONG.second, time=later).note,
            later,
        ),
        (
            "hello-with-a-receipt-by-a-seal-that-is-lost",
            "the receiver knows the seal no more, and so nothing of the time: it goes on",
            "by a seal that is lost",
            receipt(LEAVES[:5], cosigner=KOREA.second, time=later).note,
            RECEIVED,
        ),
    ):
        hello = made.hello(LEAVES, 5, f"with a receipt {word}", receipt=note)
        steps = [step(hello, position(3)), step(batch, receipt_for(5, time))]
        made.accept(name, differs, three, *steps, leaves=LEAVES[:5], receipted=5)
    far = receipt(LEAVES[:5], time=RECEIVED + 2 * HOUR + 1).note
    made.refuse(
        "hello-with-a-receipt-more-than-two-hours-ahead",
        "hello-with-a-receipt-two-hours-ahead",
        "two hours and a second: what comes is kept, and no receipt is given before that time",
        UNTRUSTED,
        case(
            three,
            step(made.hello(LEAVES, 5, "with a receipt more than two hours ahead", receipt=far), position(3)),
            step(batch),
        ),
        leaves=LEAVES[:5],
        receipted=3,
    )
    behind = made.hello(LEAVES, 5, "with a receipt that is lost", receipt=seen)
    made.accept(
        "receipt-behind-one-that-is-lost",
        "the receipt that is made before the Position bears that time, too",
        made.at(5, 3),
        step(behind, position(5, later)),
        leaves=LEAVES[:5],
        receipted=5,
    )
    for name, differs, reason, note in (
        ("hello-with-a-receipt-that-is-none", "it is no note", "MALFORMED", b"no note"),
        (
            "hello-with-a-checkpoint-for-a-receipt",
            "it is the sender's own checkpoint",
            "UNKNOWN_SEAL",
            head(LEAVES[:5]).note,
        ),
        (
            "hello-with-an-altered-receipt",
            "its time is another one than was signed",
            "BAD_SIGNATURE",
            _redated(seen, later + 1),
        ),
        (
            "hello-with-a-receipt-of-another-channel",
            "it is for the channel the other way",
            "MALFORMED",
            head(LEAVES[:5], KOREA.seal, origin=KR_TO_HK).note,
        ),
    ):
        hello = made.hello(LEAVES, 5, name.removeprefix("hello-").replace("-", " "), receipt=note)
        told = case(three, step(hello))
        made.refuse(name, "hello-with-a-receipt-that-is-lost", differs, reason, told, leaves=LEAVES[:3], receipted=3)


def _redated(note: bytes, time: int) -> bytes:
    """A receipt whose two cosignatures say that they were made at another time."""
    *rest, third, fourth = note.decode().splitlines(keepends=True)
    return "".join([*rest, *(_line_redated(line, time) for line in (third, fourth))]).encode()


def _line_redated(line: str, time: int) -> str:
    start, _, value = line.rstrip("\n").rpartition(" ")
    key_id, signature = b64decode(value)[:KEY_ID_BYTES], b64decode(value)[KEY_ID_BYTES + TIME_BYTES :]
    return f"{start} {b64(key_id + time.to_bytes(TIME_BYTES) + signature)}\n"


def _signed(made: Receiver, word: str, time: int) -> str:
    return made.batch(LEAVES, 3, 5, word, checkpoint=head(LEAVES[:5], time=time).note)


# --- the sender -------------------------------------------------------------------------------------------------


def clocks_of_receivers(made: Sender) -> None:
    """What a receiver cosigns, at a sender whose clock is another one."""
    five, log = made.at(5), LEAVES[:5]
    first = [opened(5), step(made.position(0), sent(0, 3), sent(3, 2))]
    for name, differs, word, time in (
        ("receipt-an-hour-ahead", "it bears a time an hour ahead", "an hour ahead", ADMITTED),
        ("receipt-of-months-ago", "it is as old as the seal's certificates, and than what it cosigns", "old", BEGIN),
    ):
        told = case(five, *first, step(made.receipt(5, word, time=time)))
        made.accept(name, differs, told, leaves=log, receipted=5)
    for name, base, differs, word, time in (
        (
            "receipt-more-than-an-hour-ahead",
            "receipt-an-hour-ahead",
            "it bears a time an hour and a second ahead: it is not kept",
            "more than an hour ahead",
            TOO_FAR,
        ),
        (
            "receipt-before-its-certificates",
            "receipt-of-months-ago",
            "it bears a time at which the seal's certificates were not valid yet",
            "before its certificates",
            BEGIN - 1,
        ),
    ):
        told = case(five, *first, step(made.receipt(5, word, time=time)))
        made.refuse(name, base, differs, UNTRUSTED, told, leaves=log, receipted=0)


def clocks_in_positions(made: Sender) -> None:
    five, log = made.at(5), LEAVES[:5]
    admitted = made.position(3, receipt(LEAVES[:3], time=ADMITTED).note, "an hour ahead")
    told = case(five, opened(5), step(admitted, sent(3, 2)))
    made.accept("position-an-hour-ahead", "its receipt bears a time an hour ahead", told, leaves=log, receipted=3)
    far = made.position(3, receipt(LEAVES[:3], time=TOO_FAR).note, "more than an hour ahead")
    made.refuse(
        "position-more-than-an-hour-ahead",
        "position-an-hour-ahead",
        "an hour and a second: the receipt is not kept, and nothing is sent",
        UNTRUSTED,
        case(five, opened(5), step(far)),
        leaves=log,
        receipted=0,
    )
    made.accept(
        "position-of-what-is-receipted-far-ahead",
        "there is a receipt for as much: this one only shows where the receiver stands",
        case(made.at(5, 3), opened(5, 3), step(far, sent(3, 2))),
        leaves=log,
        receipted=3,
    )
    back = made.position(5, receipt(log, time=RECEIVED - 1).note, "earlier")
    made.accept(
        "position-back-in-time",
        "its receipt covers more and bears an earlier time: it is none, and only shows where the receiver stands",
        case(made.at(5, 3), opened(5, 3), step(back)),
        leaves=log,
        receipted=3,
    )


def clocks_of_what_comes_back(made: Sender) -> None:
    """A sender's own signatures have no bound, whatever they are for."""
    five, tomorrow = made.at(5), RECEIVED + DAY
    ask = step(made.position(5), sends("recover", first_index="3"))
    own = made.recovered(3, 5, word="a day ahead", checkpoint=head(LEAVES[:5], time=tomorrow).note)
    made.accept(
        "recovered-a-day-ahead",
        "what comes back bears a time a day ahead: the sender signed it itself",
        case(made.at(3, 3), opened(3, 3), ask, step(own)),
        leaves=LEAVES[:5],
        receipted=5,
    )
    first = [opened(5), step(made.position(0), sent(0, 3), sent(3, 2))]
    notes = head(LEAVES[:3]).note, head(OTHERS[:3], time=tomorrow).note
    made.refuse(
        "halted-with-proof-a-day-ahead",
        "receipt-an-hour-ahead",
        "the receiver shows another root that the sender signed, whenever that was",
        FORKED,
        case(five, *first, step(made.halted("with proof a day ahead", *notes))),
        leaves=LEAVES[:5],
        receipted=0,
        halted=FORKED,
    )
    lie = made.position(3, receipt(OTHERS[:3], time=tomorrow).note, "of another history a day ahead")
    made.refuse(
        "fork-in-position-a-day-ahead",
        "position-an-hour-ahead",
        "its receipt is for another root, under the sender's own signature",
        FORKED,
        case(five, opened(5), step(lie)),
        leaves=LEAVES[:5],
        receipted=0,
        halted=FORKED,
    )
