"""Feeds a case of the kit to this node's code, from the files alone, and says how what came out differs from it."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography import x509

from gateway.errors import GatewayError
from gateway.identity.evidence.evidence import verify_evidence
from gateway.identity.evidence.forks import ForkCheck
from gateway.identity.evidence.journal import JournalCheck
from gateway.identity.pairing.document import PairingDocument
from gateway.ledger.checkpoint import Receipt, SealPublic, SignedCheckpoint, open_checkpoint, open_receipt
from gateway.ledger.merkle import leaf_hash
from gateway.ledger.note import Note
from gateway.ledger.proof import verify_consistency, verify_inclusion
from gateway.ledger.seals import CertifiedSeal, SealHistory
from gateway.store.logs import parsed
from gateway.supervision.destruction import left_in, remainder_of
from gateway.supervision.notices.records import Place
from gateway.supervision.outcomes import Outcome
from tests.conformance.cases import ACCEPT, REFUSE, decoded
from tests.conformance.files import play_files
from tests.conformance.streams import play
from tests.support.arrivals import arrived

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """What came of an input: the outcome, the reason of a refusal, and what was found."""

    outcome: str
    reason: str
    found: Values


class Refused(Exception):
    """An input that is refused without an error of ours; with what was found all the same."""

    def __init__(self, reason: str, found: Values) -> None:
        super().__init__(reason)
        self.reason, self.found = reason, found


def run(subject: str, given: Values, case: Values) -> Result:
    """Takes the input of a case."""
    try:
        return Result(ACCEPT, "", TAKERS[subject](given, case["input"]))
    except Refused as refused:
        return Result(REFUSE, refused.reason, refused.found)
    except GatewayError as error:
        cause = {"cause": error.metadata["reason"]} if "reason" in error.metadata else {}
        return Result(REFUSE, error.reason, {"step": error.metadata.get("step"), **cause})


def differences(case: Values, result: Result) -> list[str]:
    """How a result differs from what the case expects; empty if it does not."""
    expected = {"outcome": case["outcome"], "reason": case.get("reason", ""), **case.get("expect", {})}
    if "steps" in case["input"]:
        expected["steps"] = case["input"]["steps"]
    came = {"outcome": result.outcome, "reason": result.reason, **result.found}
    return [
        f"{key}: {came.get(key)!r} instead of {value!r}"
        for key, value in expected.items()
        if came.get(key, ...) != value
    ]


# --- notes, checkpoints, receipts -------------------------------------------------------------------------------


def _note(_: Values, case: Values) -> Values:
    return {"signatures": len(Note.parse(decoded(case["note"])).signatures)}


def _checkpoint(given: Values, case: Values) -> Values:
    opened = open_checkpoint(decoded(case["note"]), case["origin"], _history(given, case["sender"]))
    return _opened(opened)


def _receipt(given: Values, case: Values) -> Values:
    sender, receiver = _history(given, case["sender"]), _history(given, case["receiver"])
    return _opened(open_receipt(decoded(case["note"]), case["origin"], sender, case["receiver_domain"], receiver))


def _seals(given: Values, case: Values) -> Values:
    return _receipt(given, case) if "receiver" in case else _checkpoint(given, case)


def _opened(opened: SignedCheckpoint | Receipt) -> Values:
    checkpoint = opened.checkpoint
    return {"size": str(checkpoint.size), "root": checkpoint.root.hex(), "time": str(opened.time)}


def _history(given: Values, spans: Sequence[Values]) -> SealHistory:
    seals = []
    for span in spans:
        keys = given["seals"][span["seal"]]
        public = SealPublic(bytes.fromhex(keys["ed25519"]), base64.b64decode(keys["ml_dsa_44"]))
        certificates = (span["seal"].encode(), b"")
        seals.append(CertifiedSeal(public, certificates, int(span["not_before"]), int(span["not_after"])))
    history = SealHistory.of(seals[0])
    for seal, span in zip(seals[1:], spans[1:], strict=True):
        history = history.rotated(int(span["above"]), seal)
    return history


# --- proofs -----------------------------------------------------------------------------------------------------


def _inclusion(_: Values, case: Values) -> Values:
    leaf, root, proof = bytes.fromhex(case["leaf_hash"]), bytes.fromhex(case["root"]), _hashes(case["proof"])
    verify_inclusion(leaf, int(case["index"]), int(case["size"]), proof, root)
    return {}


def _consistency(_: Values, case: Values) -> Values:
    roots = bytes.fromhex(case["first_root"]), bytes.fromhex(case["second_root"])
    verify_consistency(int(case["first_size"]), int(case["second_size"]), *roots, _hashes(case["proof"]))
    return {}


def _hashes(values: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(each) for each in values]


# --- envelopes, evidence, pairing documents ---------------------------------------------------------------------


def _envelope(_: Values, case: Values) -> Values:
    data = decoded(case["envelope"])
    found = {"leaf_hash": leaf_hash(data).hex()}
    envelope = parsed(data)
    if envelope is None:
        raise Refused(Outcome.INVALID.name, found)
    projection = arrived(envelope, Place(case["origin"], 0), case["sender"], case["recipient"])
    if projection.outcome is Outcome.INVALID:
        raise Refused(Outcome.INVALID.name, found)
    return {**found, "use": projection.outcome.name}


def _remainder(_: Values, case: Values) -> Values:
    data = decoded(case["remainder"])
    left_in(data)
    assert remainder_of(decoded(case["envelope"])) == data, "what is left of the envelope is something else"
    return {"sha256": sha256(data).hexdigest()}


def _evidence(given: Values, case: Values) -> Values:
    roots = [x509.load_der_x509_certificate(base64.b64decode(given["roots"][name])) for name in case["roots"]]
    proven = verify_evidence(decoded(case["file"]), roots)
    found = {
        "leaf_hash": proven.leaf_hash.hex(),
        "index": str(proven.index),
        "signed_at": str(int(proven.signed_at.timestamp())),
    }
    return {**found, "received_at": str(int(proven.received_at.timestamp()))} if proven.received_at else found


def _journal(given: Values, case: Values) -> Values:
    roots = [x509.load_der_x509_certificate(base64.b64decode(given["roots"][name])) for name in case["roots"]]
    check = JournalCheck(iter(decoded(case["file"]).splitlines(keepends=True)), roots)
    list(check.steps())
    proven = check.proven()
    return {"first": str(proven.first), "size": str(proven.size), "signed_at": str(int(proven.signed_at.timestamp()))}


def _fork(given: Values, case: Values) -> Values:
    roots = [x509.load_der_x509_certificate(base64.b64decode(given["roots"][name])) for name in case["roots"]]
    check = ForkCheck(decoded(case["file"]), roots)
    proven = check.proven(tuple(check.steps()))
    first, second = proven.heads
    return {"origin": proven.origin, "first": str(first.checkpoint.size), "second": str(second.checkpoint.size)}


def _pairing(_: Values, case: Values) -> Values:
    document = PairingDocument.parse(decoded(case["file"]))
    return {"sha256": document.fingerprint().replace("-", ""), "domain": document.domain}


# --- streams ----------------------------------------------------------------------------------------------------


def _stream(
    end: str, play: Callable[[str, Values, Values], tuple[Values, str]] = play
) -> Callable[[Values, Values], Values]:
    def take(given: Values, case: Values) -> Values:
        found, reason = play(end, given, case)
        if reason:
            raise Refused(reason, found)
        return found

    return take


TAKERS: Mapping[str, Callable[[Values, Values], Values]] = {
    "note": _note,
    "checkpoint": _checkpoint,
    "receipt": _receipt,
    "seals": _seals,
    "inclusion": _inclusion,
    "consistency": _consistency,
    "envelope": _envelope,
    "remainder": _remainder,
    "evidence": _evidence,
    "fork": _fork,
    "journal": _journal,
    "pairing": _pairing,
    "receiver": _stream("receiver"),
    "sender": _stream("sender"),
    "holding": _stream("holding", play_files),
    "wanting": _stream("wanting", play_files),
}
