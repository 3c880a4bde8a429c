"""The receiver's end, of what may look wrong and is not; and odd rotations: which of them change the seal."""

from collections.abc import Callable

from cryptography.hazmat.primitives.serialization import Encoding
from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.identity.certificates.x509 import load_certificate
from tests.conformance.envelope_cases import UNKNOWN_FIELD
from tests.conformance.evidence_form_cases import long_length
from tests.conformance.materials import head, release
from tests.conformance.parties import HONG_KONG, SIGNED
from tests.conformance.receiver_building import LEAVES, OTHERS, Receiver, case
from tests.conformance.receiver_lost_cases import TURN
from tests.conformance.transcripts import position, receipt_for, step

KEPT, TURNS = "kept", "turns"


def oddities(made: Receiver) -> None:
    """What is taken although a receiver might think twice."""
    three, five, hello = made.at(3), made.at(5), step(made.hello(LEAVES, 5), position(3))
    earlier = made.batch(LEAVES, 3, 5, "signed earlier", checkpoint=head(LEAVES[:5], time=SIGNED - 1).note)
    made.accept(
        "batch-back-in-time",
        "its checkpoint bears an earlier time than the one before: a sender's times are its own matter",
        three,
        hello,
        step(earlier, receipt_for(5)),
        leaves=LEAVES[:5],
        receipted=5,
    )
    bare = [b"", LEAVES[1]]
    made.accept(
        "empty-envelope",
        "an envelope has no bytes: it is a leaf as any other",
        made.at(0),
        step(made.hello(LEAVES, 0), position(0)),
        step(made.batch(bare, 0, 2, "with an empty envelope"), receipt_for(2)),
        leaves=bare,
        receipted=2,
    )
    for name, differs, leaves in (
        (
            "hello-under-a-coming-seal",
            "a seal signed more than is held that may be told in what is not here yet",
            LEAVES,
        ),
        ("hello-under-a-coming-seal-of-another-history", "the same of another history: it shows nothing", OTHERS),
    ):
        shown = made.hello(leaves, 5, name, checkpoint=head(leaves[:5], HONG_KONG.second).note)
        made.accept(name, differs, three, step(shown, position(3)), leaves=LEAVES[:3], receipted=3)
    known = made.hello(LEAVES, 3, "under a coming seal", checkpoint=head(LEAVES[:3], HONG_KONG.second).note)
    made.refuse(
        "hello-of-less-under-a-coming-seal",
        "hello-of-less",
        "such a seal signed what is held: it can be told nowhere any more",
        "UNKNOWN_SEAL",
        case(five, step(known)),
        leaves=LEAVES[:5],
        receipted=5,
    )


def odd_rotations(made: Receiver) -> None:
    for name, differs, follows, data in _rotations():
        _rotation(made, name, differs, data, follows)
    hello = step(made.hello(LEAVES, 0), position(0))
    ed25519 = HONG_KONG.certificates(HONG_KONG.second)[0]
    pem = load_certificate(ed25519).public_bytes(Encoding.PEM)
    for name, differs, reason, certificate in (
        ("rotation-in-pem", "a certificate is in PEM", "MALFORMED", pem),
        ("rotation-with-a-trailing-byte", "a byte follows a certificate", "MALFORMED", ed25519 + b"\0"),
        (
            "rotation-with-a-long-length",
            "a certificate's outer length is not in DER: its evidence would never verify",
            "MALFORMED",
            long_length(ed25519),
        ),
        ("rotation-without-certificate", "a certificate is missing", "MALFORMED", b""),
    ):
        data = _changed(lambda said, to=certificate: setattr(said.seal_rotated, "ed25519_certificate", to))
        leaves = [*LEAVES[:3], data]
        told = case(made.at(0), hello, step(made.batch(leaves, 0, 4, name)))
        made.refuse(name, "rotation", differs, reason, told, leaves=[], receipted=0)


def _rotations() -> list[tuple[str, str, str, bytes]]:
    """Envelopes with a rotation in them: the seal turns if the act is one, whatever rule is broken beside it."""
    return [
        (
            "rotation-that-breaks-a-rule",
            "its salt has 15 bytes: it cannot be used, and counts all the same",
            TURNS,
            _changed(lambda said: setattr(said, "salt", bytes(15))),
        ),
        ("rotation-without-author", "it has no author", TURNS, _changed(lambda said: said.ClearField("author"))),
        ("rotation-with-an-unknown-field", "a field stands beside the act", TURNS, TURN + UNKNOWN_FIELD),
        (
            "rotation-after-another-act",
            "a release stands before it in the same envelope: the last member of a oneof counts",
            TURNS,
            release(9).SerializeToString() + TURN,
        ),
        (
            "rotation-before-another-act",
            "a release stands after it in the same envelope, which is a release then",
            KEPT,
            TURN + release(9).SerializeToString(),
        ),
        ("rotation-cut-short", "its last byte is missing: it is no envelope, and no rotation", KEPT, TURN[:-1]),
        (
            "rotation-to-the-seal-in-force",
            "its certificates are those in force: nothing changes",
            KEPT,
            _changed(_to_the_first),
        ),
    ]


def _rotation(made: Receiver, name: str, differs: str, data: bytes, follows: str) -> None:
    leaves = [*LEAVES[:3], data]
    further = [*leaves, LEAVES[4]]
    seal = HONG_KONG.second if follows == TURNS else HONG_KONG.seal
    made.accept(
        name,
        differs,
        made.at(0),
        step(made.hello(LEAVES, 0), position(0)),
        step(made.batch(leaves, 0, 4, name), receipt_for(4)),
        step(made.batch(further, 4, 5, f"after {name}", seal), receipt_for(5)),
        leaves=further,
        receipted=5,
    )


def _changed(change: Callable[[Envelope], object]) -> bytes:
    made = Envelope.FromString(TURN)
    change(made)
    return made.SerializeToString()


def _to_the_first(made: Envelope) -> None:
    said = made.seal_rotated
    said.ed25519_certificate, said.ml_dsa_44_certificate = HONG_KONG.certificates()
