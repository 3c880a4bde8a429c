"""Fork proofs: what a third person verifies with the file and the sender's root."""

from collections.abc import Sequence
from typing import Any

from gateway.identity.certificates.x509 import to_der
from gateway.ledger.fork_proof import ForkProof, in_order
from gateway.ledger.forks import NO_PREFIX, Prefix
from gateway.ledger.origins import journal_origin
from tests.conformance.cases import Subject, encoded
from tests.conformance.evidence_goods import moment
from tests.conformance.materials import head, log
from tests.conformance.parties import HK, HK_TO_KR, HONG_KONG, ISSUED, KOREA, KR_TO_HK, SEAL_END, SIGNED, STRANGER
from tests.conformance.signing import KitSeal
from tests.conformance.spelling import altered, b64, uncanonical
from tests.ledger import oracle

SMALL, LARGE = 5, 8
ONE, OTHER = log(LARGE), log(LARGE, "another")
SEALS = (HONG_KONG.certificates(), HONG_KONG.certificates())
Row = tuple[str, str, str, str, str, bytes]  # name, base, what differs, reason, step, file


def given(data: bytes, root: str = "hk") -> dict[str, Any]:
    return {"file": encoded(data), "roots": [root]}


def forks() -> Subject:
    roots = {"hk": HONG_KONG.root, "kr": KOREA.root}
    subject = Subject(
        "fork",
        "Verify a fork proof with the sender's root. `step` is the first step that fails: file, first seal, first "
        "signatures, second seal, second signatures, contradiction.",
        {"roots": {name: b64(to_der(root)) for name, root in roots.items()}},
    )
    for name, differs, data, second in (
        ("one-size", "two checkpoints of one size", _of_one_size(), LARGE),
        ("two-sizes", "the larger one's log had another root at the size of the smaller", _of_two_sizes(), LARGE),
        ("two-seals", "the larger one is signed with the next seal", _of_two_sizes(HONG_KONG.second), LARGE),
    ):
        first = second if name == "one-size" else SMALL
        subject.accept(name, differs, given(data), origin=HK_TO_KR, first=str(first), second=str(second))
    for name, base, differs, reason, step, data in (*_of_the_file(), *_of_the_heads(), *_of_no_fork()):
        subject.refuse(name, base, differs, reason, given(data), step=step)
    other = "UNTRUSTED UNKNOWN_ISSUER"
    subject.refuse(
        "other-root", "one-size", "another root is trusted", other, given(_of_one_size(), "kr"), step="first seal"
    )
    return subject


def _prefix(leaves: Sequence[bytes] = OTHER) -> Prefix:
    return Prefix(oracle.mth(leaves[:SMALL]), oracle.proof(SMALL, leaves))


def _of_one_size() -> bytes:
    first, second = in_order(head(ONE).note, head(OTHER).note)
    return ForkProof(SEALS, NO_PREFIX, (first, second)).encode()


def _of_two_sizes(
    seal: KitSeal = HONG_KONG.seal, *, prefix: Prefix | None = None, larger: Sequence[bytes] = OTHER
) -> bytes:
    seals = HONG_KONG.certificates(), HONG_KONG.certificates(seal)
    notes = head(ONE[:SMALL]).note, head(larger, seal).note
    return ForkProof(seals, _prefix(larger) if prefix is None else prefix, notes).encode()


def _of_the_file() -> list[Row]:
    m, step, one, two = "MALFORMED", "file", _of_one_size(), _of_two_sizes()
    hashed = b64(_prefix().proof[0]).encode()
    notes = in_order(head(ONE).note, head(OTHER).note)
    return [
        ("empty", "one-size", "there are no bytes", m, step, b""),
        ("other-header", "one-size", "the header is of version 2", m, step, one.replace(b"@v1", b"@v2")),
        ("carriage-returns", "one-size", "lines end with CR LF", m, step, one.replace(b"\n", b"\r\n")),
        (
            "notes-in-the-other-order",
            "one-size",
            "the note whose bytes sort last stands first",
            m,
            step,
            ForkProof(SEALS, NO_PREFIX, (notes[1], notes[0])).encode(),
        ),
        (
            "larger-note-first",
            "two-sizes",
            "the larger checkpoint stands first",
            m,
            step,
            ForkProof(SEALS, _prefix(), (head(OTHER).note, head(ONE[:SMALL]).note)).encode(),
        ),
        ("prefix-missing", "two-sizes", "there is no prefix", m, step, _of_two_sizes(prefix=NO_PREFIX)),
        (
            "prefix-of-one-size",
            "one-size",
            "a prefix stands there for two checkpoints of one size",
            m,
            step,
            ForkProof(SEALS, _prefix(), notes).encode(),
        ),
        (
            "hash-not-canonical",
            "two-sizes",
            "a hash has bits that mean nothing",
            m,
            step,
            two.replace(hashed, uncanonical(hashed.decode()).encode()),
        ),
        (
            "one-seal",
            "one-size",
            "there is one seal",
            m,
            step,
            b"".join(one.splitlines(keepends=True)[:2] + one.splitlines(keepends=True)[3:]),
        ),
    ]


def _of_the_heads() -> list[Row]:
    unknown = "UNTRUSTED UNKNOWN_ISSUER"
    (first, second), (ed25519, ml_dsa_44) = in_order(head(ONE).note, head(OTHER).note), HONG_KONG.certificates()
    there = head(OTHER, origin=KR_TO_HK).note
    journal = [head(leaves, origin=journal_origin(HK)).note for leaves in (ONE, OTHER)]
    altered_seal = altered(ed25519, 20), ml_dsa_44

    def proof(*notes: bytes, seals: Any = SEALS) -> bytes:
        return ForkProof(seals, NO_PREFIX, in_order(*notes)).encode()

    lines = second.splitlines(keepends=True)
    turned = b"".join([*lines[:-1], altered(lines[-1], len(lines[-1]) - 60)])
    return [
        ("of-two-channels", "one-size", "the second is of the other channel", "MALFORMED", "file", proof(first, there)),
        (
            "of-a-journal",
            "one-size",
            "both are of an access journal, which may begin anew after a restore",
            "MALFORMED",
            "file",
            proof(*journal),
        ),
        (
            "certificate-altered",
            "one-size",
            "one bit of a certificate is turned",
            unknown,
            "first seal",
            proof(first, second, seals=(altered_seal, SEALS[1])),
        ),
        (
            "second-seal-of-a-stranger",
            "one-size",
            "a stranger issued the certificates of the second seal",
            unknown,
            "second seal",
            proof(first, second, seals=(SEALS[0], STRANGER.certificates())),
        ),
        (
            "first-seal-that-had-ended",
            "one-size",
            "the certificates of the first seal had ended a second before it signed",
            "UNTRUSTED EXPIRED",
            "first signatures",
            proof(first, second, seals=(HONG_KONG.certificates(days=(ISSUED, moment(SIGNED - 1))), SEALS[1])),
        ),
        (
            "second-seal-of-later",
            "one-size",
            "the certificates of the second seal are valid from a second after it signed",
            "UNTRUSTED NOT_YET_VALID",
            "second signatures",
            proof(first, second, seals=(SEALS[0], HONG_KONG.certificates(days=(moment(SIGNED + 1), SEAL_END)))),
        ),
        (
            "seal-of-another",
            "two-seals",
            "the second seal is not the one that signed",
            "UNTRUSTED",
            "second signatures",
            ForkProof(SEALS, _prefix(), (head(ONE[:SMALL]).note, head(OTHER, HONG_KONG.second).note)).encode(),
        ),
        (
            "signature-altered",
            "one-size",
            "one bit of the second checkpoint's last signature is turned",
            "BAD_SIGNATURE",
            "second signatures",
            ForkProof(SEALS, NO_PREFIX, (first, turned)).encode(),
        ),
    ]


def _of_no_fork() -> list[Row]:
    step = "contradiction"
    note, later = head(ONE).note, head(ONE, time=SIGNED + 1).note
    one_root = ForkProof(SEALS, NO_PREFIX, in_order(note, later)).encode()
    shorter = Prefix(_prefix().root, _prefix().proof[1:])
    said = Prefix(_prefix(ONE).root, _prefix().proof)
    return [
        ("of-one-root", "one-size", "both have one root: the same head, signed twice", "BAD_PROOF", step, one_root),
        (
            "of-one-history",
            "two-sizes",
            "the larger one goes on from the smaller one",
            "BAD_PROOF",
            step,
            _of_two_sizes(larger=ONE),
        ),
        (
            "hash-missing",
            "two-sizes",
            "a hash of the proof is missing",
            "BAD_PROOF",
            step,
            _of_two_sizes(prefix=shorter),
        ),
        (
            "prefix-of-another-log",
            "two-sizes",
            "the prefix is not the larger one's",
            "BAD_PROOF",
            step,
            _of_two_sizes(prefix=said),
        ),
    ]
