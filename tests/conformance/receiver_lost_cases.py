"""The receiver's end where something was lost, destroyed or replaced: recovery, remainders, rotations of the seal."""

from datetime import timedelta
from typing import Any

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.supervision.destruction import remainder_of
from tests.conformance.materials import envelope, head, receipt
from tests.conformance.parties import HK_TO_KR, HONG_KONG, ISSUED, KR_TO_HK, SEAL_END, STRANGER, Side
from tests.conformance.receiver_building import LEAVES, REMOTE, Receiver, case
from tests.conformance.signing import KitSeal
from tests.conformance.transcripts import batch, position, receipt_for, sends, step
from tests.conformance.withheld_cases import withheld
from tests.ledger import oracle


def rotation(seal: KitSeal, side: Side = HONG_KONG, receipted: int = 0, origin: str = HK_TO_KR, **odd: Any) -> bytes:
    made = envelope("rotation", origin)
    said = made.seal_rotated
    said.ed25519_certificate, said.ml_dsa_44_certificate = side.certificates(seal, **odd)
    said.receipted_size = receipted
    return made.SerializeToString()


TURN = rotation(HONG_KONG.second)
TURNED = [*LEAVES[:3], TURN]


def recovery(made: Receiver) -> None:
    five = made.at(5)
    hello = step(made.hello(LEAVES, 0), position(5))
    back = [sends("recovered", **batch(0, 3)), sends("recovered", **batch(3, 2))]
    made.accept(
        "recover-all",
        "the sender lost everything, and gets it back",
        five,
        hello,
        step(made.recover(0), *back),
        leaves=LEAVES[:5],
        receipted=5,
    )
    some = step(made.hello(LEAVES, 3), position(5))
    made.accept(
        "recover-the-rest",
        "the sender lost the last two",
        five,
        some,
        step(made.recover(3), back[1]),
        leaves=LEAVES[:5],
        receipted=5,
    )
    whole = step(made.hello(LEAVES, 5), position(5))
    for name, base, differs, steps in (
        (
            "recover-twice",
            "recover-the-rest",
            "the sender asks a second time",
            [some, step(made.recover(3), back[1]), step(made.recover(3))],
        ),
        ("recover-without-need", "recover-the-rest", "the sender's Hello shows all", [whole, step(made.recover(3))]),
        (
            "recover-beyond-the-end",
            "recover-the-rest",
            "the sender asks for what is not there",
            [some, step(made.recover(5))],
        ),
        ("recover-before-hello", "recover-the-rest", "no Hello comes first", [step(made.recover(3))]),
    ):
        made.refuse(name, base, differs, REMOTE, case(five, *steps), leaves=LEAVES[:5], receipted=5)


def destroyed(made: Receiver) -> None:
    nothing, hello = made.at(0), step(made.hello(LEAVES, 5), position(0))
    own, later, stranger = (
        receipt(LEAVES[:3]).note,
        receipt(LEAVES[:5]).note,
        receipt(LEAVES[:3], cosigner=STRANGER.seal).note,
    )
    gone, left = oracle.mth(LEAVES[1:2]), remainder_of(LEAVES[1])
    told = [wire.DestroyedLeaf(index=1, leaf_hash=gone)]

    def sent(word: str, **changes: Any) -> str:
        said: dict[str, Any] = {"envelopes": [LEAVES[0], left, LEAVES[2]], "destroyed": told, "receipt": own, **changes}
        return made.batch(LEAVES, 0, 3, word, **said)

    proof = oracle.proof(3, LEAVES[:5])
    good = sent("with destroyed content")
    made.accept(
        "destroyed-content",
        "of the second envelope the remainder is left; the own receipt shows that it was held",
        nothing,
        hello,
        step(good, receipt_for(3)),
        leaves=LEAVES[:3],
        receipted=3,
    )
    made.accept(
        "destroyed-below-a-later-receipt",
        "the receipt is for a later size, with the proof that leads there",
        nothing,
        hello,
        step(sent("below a later receipt", receipt=later, consistency=proof), receipt_for(3)),
        leaves=LEAVES[:3],
        receipted=3,
    )
    without = sent("without receipt", receipt=b"")
    made.accept(
        "destroyed-without-receipt",
        "no receipt is shown: the content never came here, and the own receipt is withheld",
        nothing,
        hello,
        step(without),
        leaves=LEAVES[:3],
        receipted=0,
    )
    withheld(made, gone, left, without)
    twice = [*told, wire.DestroyedLeaf(index=1, leaf_hash=gone)]
    for name, base, differs, reason, message in (
        (
            "destroyed-below-a-strangers-receipt",
            "destroyed-content",
            "a stranger cosigned the receipt",
            "UNKNOWN_SEAL",
            sent("below a stranger's", receipt=stranger),
        ),
        (
            "destroyed-below-a-checkpoint",
            "destroyed-content",
            "the sender's checkpoint is shown as receipt",
            "UNKNOWN_SEAL",
            sent("below a checkpoint", receipt=head(LEAVES[:3]).note),
        ),
        (
            "destroyed-below-a-smaller-receipt",
            "destroyed-content",
            "the receipt is for less",
            "BAD_PROOF",
            sent("below a smaller", receipt=receipt(LEAVES[:2]).note),
        ),
        (
            "destroyed-without-proof",
            "destroyed-below-a-later-receipt",
            "no proof leads to the later receipt",
            "BAD_PROOF",
            sent("without proof", receipt=later),
        ),
        (
            "destroyed-with-another-hash",
            "destroyed-content",
            "the hash is another one",
            "BAD_PROOF",
            sent("other hash", destroyed=[wire.DestroyedLeaf(index=1, leaf_hash=bytes(32))]),
        ),
        (
            "destroyed-with-a-short-hash",
            "destroyed-content",
            "the hash lacks a byte",
            REMOTE,
            sent("short hash", destroyed=[wire.DestroyedLeaf(index=1, leaf_hash=gone[:31])]),
        ),
        ("destroyed-twice", "destroyed-content", "it is listed twice", REMOTE, sent("listed twice", destroyed=twice)),
        (
            "destroyed-outside-the-batch",
            "destroyed-content",
            "an index beyond the batch is listed",
            REMOTE,
            sent("beyond", destroyed=[wire.DestroyedLeaf(index=3, leaf_hash=gone)]),
        ),
        (
            "destroyed-and-not-listed",
            "destroyed-content",
            "the remainder is there, and not listed",
            "BAD_PROOF",
            sent("not listed", destroyed=[]),
        ),
    ):
        made.refuse(name, base, differs, reason, case(nothing, hello, step(message)), leaves=[], receipted=0)


def rotations(made: Receiver) -> None:
    nothing, hello = made.at(0), step(made.hello(LEAVES, 0), position(0))
    longer = [*TURNED, LEAVES[4]]
    turn, on = (
        made.batch(TURNED, 0, 4, "with a rotation"),
        made.batch(longer, 4, 5, "by the second seal", HONG_KONG.second),
    )
    made.accept(
        "rotation",
        "the fourth envelope brings the sender's second seal, which signs on",
        nothing,
        hello,
        step(turn, receipt_for(4)),
        step(on, receipt_for(5)),
        leaves=longer,
        receipted=5,
    )
    tagged = [*LEAVES[:3], TURN.replace(b"\xf2\x01", b"\xf2\x81\x00")]
    further = [*tagged, LEAVES[4]]
    made.accept(
        "rotation-with-a-long-tag",
        "the field's tag is written with a byte more than it needs",
        nothing,
        hello,
        step(made.batch(tagged, 0, 4, "with a long tag"), receipt_for(4)),
        step(made.batch(further, 4, 5, "after a long tag", HONG_KONG.second), receipt_for(5)),
        leaves=further,
        receipted=5,
    )
    old = made.batch(longer, 4, 5, "by the first seal")
    made.refuse(
        "first-seal-after-a-rotation",
        "rotation",
        "the first seal signs on",
        "UNTRUSTED",
        case(nothing, hello, step(turn, receipt_for(4)), step(old)),
        leaves=TURNED,
        receipted=4,
    )
    early = made.batch(TURNED, 0, 4, "by the second seal", HONG_KONG.second)
    for name, differs, reason, leaves in (
        ("rotation-not-last", "an envelope follows in the same batch", REMOTE, longer),
        (
            "rotation-of-another-channel",
            "the rotation is for the channel the other way",
            REMOTE,
            [*LEAVES[:3], rotation(HONG_KONG.second, origin=KR_TO_HK)],
        ),
        (
            "rotation-not-certified",
            "a stranger issued the new certificates",
            "UNTRUSTED",
            [*LEAVES[:3], rotation(STRANGER.second, STRANGER)],
        ),
        (
            "rotation-to-the-peers-seal",
            "the new certificates are the receiver's",
            "UNTRUSTED",
            [*LEAVES[:3], rotation(HONG_KONG.second, Side("KR", "gateway.kr.example"))],
        ),
        (
            "rotation-to-keys-of-before",
            "the new certificates are of the keys that signed until then",
            "UNTRUSTED",
            [*LEAVES[:3], rotation(HONG_KONG.seal, days=(ISSUED + timedelta(days=1), SEAL_END))],
        ),
        (
            "rotation-with-impossible-receipts",
            "it tells of 2^63 receipts",
            REMOTE,
            [*LEAVES[:3], rotation(HONG_KONG.second, receipted=2**63)],
        ),
    ):
        message = made.batch(leaves, 0, len(leaves), name)
        made.refuse(name, "rotation", differs, reason, case(nothing, hello, step(message)), leaves=[], receipted=0)
    made.refuse(
        "rotation-signed-by-the-next-seal",
        "rotation",
        "the second seal signs its own rotation",
        "UNKNOWN_SEAL",
        case(nothing, hello, step(early)),
        leaves=[],
        receipted=0,
    )
