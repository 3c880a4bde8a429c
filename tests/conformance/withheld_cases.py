"""The receiver's end where the content of an envelope never came: it gives no receipt before the sender says so."""

from hashlib import sha256
from typing import Any

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.supervision.destruction import remainder_of
from tests.conformance.materials import envelope
from tests.conformance.parties import HK_TO_KR, KR_TO_HK
from tests.conformance.receiver_building import FORKED, LEAVES, OTHERS, Receiver, case
from tests.conformance.transcripts import halted, position, receipt_for, sends, step
from tests.ledger import oracle


def certificate(gone: bytes, left: bytes, times: int = 1, **odd: Any) -> bytes:
    """The sender destroyed the content of the second envelope, and had no receipt; ``odd``: it says otherwise."""
    made = envelope("certificate", HK_TO_KR)
    made.content_destroyed.notice = "notices/hk-2026-001"
    said = {"origin": HK_TO_KR, "index": 1, "leaf_hash": gone, "remainder_sha256": sha256(left).digest()}
    for _ in range(times):
        made.content_destroyed.envelopes.add(**{**said, "without_receipt": True, **odd})
    return made.SerializeToString()


def withheld(made: Receiver, gone: bytes, left: bytes, without: str) -> None:
    """The receiver holds the hash alone of the second envelope, and gives no receipt before the sender said so.

    Args:
        made: takes the cases
        gone: the hash
        left: the remainder
        without: the name of the message that brings both
    """
    nothing, hello = made.at(0), step(made.hello(LEAVES, 5), position(0))
    for name, differs, odd in (
        ("destroyed-then-certified", "the sender's word follows that it had none: now both have a receipt", {}),
        (
            "destroyed-certified-otherwise",
            "the sender's certificate says that it had one: none is given",
            {"without_receipt": False},
        ),
        ("destroyed-certified-of-another", "the certificate is of another envelope: none is given", {"index": 2}),
        ("destroyed-certified-elsewhere", "it is of the channel the other way: none is given", {"origin": KR_TO_HK}),
        ("destroyed-certified-by-another-hash", "it names another hash: none is given", {"leaf_hash": bytes(32)}),
        (
            "destroyed-certified-by-another-remainder",
            "it names another remainder: none is given",
            {"remainder_sha256": bytes(32)},
        ),
        ("destroyed-certified-among-too-many", "it names more than 256 envelopes: none is given", {"times": 257}),
    ):
        whole = [*LEAVES[:3], certificate(gone, left, **odd)]
        answer, receipted = ([], 0) if odd else ([receipt_for(4)], 4)
        last = step(made.batch(whole, 3, 4, name), *answer)
        made.accept(name, differs, nothing, hello, step(without), last, leaves=whole, receipted=receipted)
    more = step(made.batch(LEAVES, 3, 5, "after what is withheld"))
    made.accept(
        "destroyed-then-more",
        "envelopes follow with their content: for them there is no receipt either",
        nothing,
        hello,
        step(without),
        more,
        leaves=LEAVES[:5],
        receipted=0,
    )
    made.accept(
        "destroyed-sent-again",
        "the same comes again, and changes nothing",
        nothing,
        hello,
        step(without),
        step(without),
        leaves=LEAVES[:3],
        receipted=0,
    )
    whole = [*LEAVES[:3], certificate(gone, left)]
    told = [wire.DestroyedLeaf(index=1, leaf_hash=gone)]
    at_once = made.batch(whole, 0, 4, "with its certificate", envelopes=[LEAVES[0], left, *whole[2:]], destroyed=told)
    made.accept(
        "destroyed-and-certified-at-once",
        "the sender's word comes in the same batch: nothing is withheld",
        nothing,
        hello,
        step(at_once, receipt_for(4)),
        leaves=whole,
        receipted=4,
    )
    longer = [*whole, LEAVES[4]]
    made.accept(
        "destroyed-then-certified-then-more",
        "once the sender's word was there, each batch has its receipt again",
        nothing,
        hello,
        step(without),
        step(made.batch(whole, 3, 4, "destroyed-then-certified"), receipt_for(4)),
        step(made.batch(longer, 4, 5, "after the certificate"), receipt_for(5)),
        leaves=longer,
        receipted=5,
    )
    contrary = made.batch([*LEAVES[:2], OTHERS[2]], 0, 3, "contrary to what is withheld")
    made.refuse(
        "destroyed-then-another-history",
        "destroyed-sent-again",
        "what comes again is of another history: what is withheld counts as what has a receipt",
        FORKED,
        case(nothing, hello, step(without), step(contrary, sends("halted", **halted(FORKED, ["3", "3"])))),
        leaves=LEAVES[:3],
        receipted=0,
        halted=FORKED,
    )


def withheld_before(made: Receiver) -> None:
    """A stream that begins while a receipt is withheld."""
    gone, left = oracle.mth(LEAVES[1:2]), remainder_of(LEAVES[1])
    three = made.at(3, 0)
    three["log"][1] = made.kit.envelope("what is left of honest 1", left)
    state = {**three, "withheld": {"1": gone.hex()}}
    shown = sends("position", version=1, size="3", receipt="3", time="")
    hello = step(made.hello(LEAVES, 5), shown)
    whole = [*LEAVES[:3], certificate(gone, left)]
    certified = made.batch(whole, 3, 4, "destroyed-then-certified")
    made.accept(
        "withheld-before",
        "the Position shows the sender's checkpoint of what is here, and the receipt comes with the sender's word",
        state,
        hello,
        step(certified, receipt_for(4)),
        leaves=whole,
        receipted=4,
    )
    more = step(made.batch(LEAVES, 3, 5, "after what is withheld"))
    made.accept(
        "withheld-before-and-on",
        "envelopes follow, and no word of the sender: there is no receipt",
        state,
        hello,
        more,
        leaves=LEAVES[:5],
        receipted=0,
    )
    contrary = step(made.hello(OTHERS, 3, "of others"), sends("halted", **halted(FORKED, ["3", "3"])))
    made.refuse(
        "withheld-before-another-history",
        "withheld-before",
        "the Hello shows another root of what is here",
        FORKED,
        case(state, contrary),
        leaves=LEAVES[:3],
        receipted=0,
        halted=FORKED,
    )
