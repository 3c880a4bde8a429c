"""Plays a transcript of the kit to the machine of one end, with everything in memory but the protocol."""

import base64
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.identity.names import NodeId
from gateway.identity.seals.certificates import certified_seal, seal_of
from gateway.identity.seals.signers import FileSeal
from gateway.ledger import steps
from gateway.ledger.channel import State
from gateway.ledger.checkpoint import open_checkpoint, open_receipt
from gateway.ledger.merkle import leaf_hash
from gateway.ledger.note import Note
from gateway.ledger.origins import domains_of
from gateway.ledger.receiver import ReceiverMachine
from gateway.ledger.seals import Certificates, CertifiedSeal, ChannelSeals, SealHistory, rotation_in
from gateway.ledger.sender import SenderMachine, greeting_turn
from gateway.ledger.withholding import Trace
from tests.conformance.cases import decoded
from tests.conformance.transcripts import told
from tests.simulation.disk import Disk
from tests.support.driver import Driver

Values = Mapping[str, Any]


def play(end: str, given: Values, case: Values) -> tuple[Values, str]:
    """Feeds every message; gives what was found, with the steps as they came, and the reason of a refusal."""
    driver = _driver(end, given, case["state"])
    kind = wire.ExchangeResponse if end == "sender" else wire.ExchangeRequest
    driver.feed(steps.Opened())
    came = []
    for step in case["steps"]:
        if step["receive"] is not None:
            driver.sent.clear()
            message = kind.FromString(decoded(given["messages"][step["receive"]]))
            driver.feed(getattr(message, str(message.WhichOneof("step"))))
        for each in driver.sent:
            _verify(each, driver.disk.seals)
        came.append({**step, "send": [told(each) for each in driver.sent]})
    disk = driver.disk
    found = {
        "ends": driver.closed if driver.closed is None else driver.closed.partition(":")[0],
        "steps": came,
        "after": {
            "size": str(disk.log.size),
            "root": disk.log.root().hex(),
            "receipted": str(disk.receipt.checkpoint.size if disk.receipt else 0),
            "halted": disk.halt.reason if disk.halt else "",
            "alarms": driver.alarms,
        },
    }
    halted = disk.halt.reason if disk.halt and driver.machine.state is State.HALTED else ""
    return found, halted or (driver.closed or "").partition(":")[0]


def _driver(end: str, given: Values, state: Values) -> Driver:
    seals = _seals(given, state)
    disk = _disk(given, seals, state)
    own = seals.sender_domain if end == "sender" else seals.receiver_domain
    parts = disk.seals, disk.log, disk.head, disk.receipt
    turned = disk.heads.get(greeting_turn(disk.seals, disk.receipt.checkpoint.size if disk.receipt else 0, disk.halt))
    withheld = {
        int(index): Trace(bytes.fromhex(leaf), sha256(disk.envelopes[int(index)]).digest())
        for index, leaf in state.get("withheld", {}).items()
    }
    parts = *parts, disk.halt
    machine = SenderMachine(*parts, turned) if end == "sender" else ReceiverMachine(*parts, withheld)
    seed = state.get("own_seal_seed", given["own_seal_seed"])
    return Driver(machine, disk, own, _seal(bytes.fromhex(seed)), int(given["now"]))


def _verify(message: wire.ExchangeRequest | wire.ExchangeResponse, seals: ChannelSeals) -> None:
    """What is sent is signed by seals that may sign so much; evidence by whichever seal."""
    kind = str(message.WhichOneof("step"))
    said, domain = getattr(message, kind), seals.receiver_domain
    sender = seals.sender.regardless() if kind == "halted" else seals.sender
    for note in filter(None, _SIGNED[kind](said)):
        if any(line.name == domain for line in Note.parse(note).signatures):
            open_receipt(note, seals.origin, sender, domain, seals.receiver)
        else:
            open_checkpoint(note, seals.origin, sender)


_SIGNED: dict[str, Any] = {
    "hello": lambda said: [said.checkpoint],
    "batch": lambda said: [said.checkpoint],
    "recover": lambda _: [],
    "position": lambda said: [said.receipt],
    "receipt": lambda said: [said.note],
    "recovered": lambda said: [said.checkpoint],
    "halted": lambda said: said.evidence,
}


def _seal(seed: bytes) -> FileSeal:
    return FileSeal(Ed25519PrivateKey.from_private_bytes(seed), MLDSA44PrivateKey.from_seed_bytes(seed))


def _seals(given: Values, state: Values) -> ChannelSeals:
    sender, receiver = domains_of(given["origin"])
    roots = {
        domain: x509.load_der_x509_certificate(base64.b64decode(given["roots"][name]))
        for domain, name in ((sender, "hk"), (receiver, "kr"))
    }

    def certify(domain: str, certificates: Certificates, at: int) -> CertifiedSeal:
        return certified_seal(certificates, [roots[domain]], NodeId(domain), at)

    def history(name: str) -> SealHistory:
        ed25519, ml_dsa_44 = (base64.b64decode(each) for each in given["certificates"][name])
        return SealHistory.of(seal_of((ed25519, ml_dsa_44)))

    def told(party: str, first: str) -> SealHistory:
        begun, *later = state.get(party, [{"seal": first}])
        seals = history(begun["seal"])
        for each in later:
            seals = seals.rotated(int(each["above"]), history(each["seal"]).newest)
        return seals

    coming = [history(each).newest for each in state.get("coming", ())]
    return ChannelSeals(given["origin"], told("sender", "hk").expecting(coming), told("receiver", "kr"), certify)


def _disk(given: Values, seals: ChannelSeals, state: Values) -> Disk:
    """What is durable: the envelopes under their checkpoints, the newest receipt, and why the channel is halted."""
    disk = Disk()
    disk.seals = seals
    leaves = [decoded(given["envelopes"][name]) for name in state["log"]]
    hashes = [leaf_hash(each) for each in leaves]
    for index, leaf in state.get("withheld", {}).items():
        hashes[int(index)] = bytes.fromhex(leaf)
    notes = _notes(given, state["checkpoints"])
    for note in notes:
        opened, first = open_checkpoint(note, seals.origin, disk.seals.sender), disk.log.size
        end = opened.checkpoint.size
        disk.append(leaves[first:end], opened, hashes[first:end])
        disk.seals = disk.seals.after(rotation_in(leaves[first:end], first, disk.seals, opened))
    assert disk.log.size == len(leaves), "the newest checkpoint is for all"
    if state["receipt"]:
        (note,) = _notes(given, [state["receipt"]])
        own, cosigners = seals.receiver_domain, seals.receiver.regardless()
        disk.keep_receipt(open_receipt(note, seals.origin, disk.seals.sender, own, cosigners))
    if halt := state.get("halt"):
        disk.keep_halt(steps.Halt(halt["reason"], "as it was kept", tuple(_notes(given, halt["evidence"]))))
    return disk


def _notes(given: Values, names: Sequence[str]) -> list[bytes]:
    return [decoded(given["notes"][name]) for name in names]
