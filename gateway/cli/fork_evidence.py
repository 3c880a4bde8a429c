"""``gateway evidence fork`` and the verification of what it writes: that a node signed two histories of a channel."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography import x509

from gateway.cli.answering import NodeProfile, Stored, answering
from gateway.cli.given_files import write_given
from gateway.cli.output import say, write_json
from gateway.cli.steps import passed_steps, step_documents
from gateway.cli.views.evidence_names import named
from gateway.identity.certificates.revocation import Revocation
from gateway.identity.certificates.x509 import fingerprint
from gateway.identity.evidence.evidence import time_text
from gateway.identity.evidence.forks import ForkCheck, ProvenFork, SignedHead
from gateway.words import envelopes


def fork(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="Name of the channel, such as hk-to-kr.")],
    *,
    profile: NodeProfile = None,
    stored: Stored = None,
    number: Annotated[
        int, typer.Option(min=0, metavar="NUMBER", help="Which of its forks, from 1 on; else the newest.")
    ] = 0,
    out: Annotated[
        Path | None, typer.Option(help="File to write; else a name of its own here. Never overwritten.")
    ] = None,
) -> None:
    """Writes the proof that the sender of a channel signed two histories of it.

    It is there from the moment that the channel halts as FORKED, and is kept for ever. Where a channel halted for
    another reason there is none, and the answer says what the halt shows instead.
    """
    with answering(profile, stored) as client:
        proof = client.get_fork_proof(client.get_channel(channel).origin, number=number)
    path = out or Path(proof.file_name)
    write_given(path, proof.proof)
    name = channel.removeprefix("channels/")
    say(f"{path} is written: fork {proof.number} of {proof.count} that were found of {name}")


def verify_fork(data: bytes, roots: Sequence[x509.Certificate], revocation: Revocation, *, as_json: bool) -> None:
    """Verifies a fork proof, and says who signed two histories, and when."""
    check = ForkCheck(data, roots, revocation)
    proven = check.proven(passed_steps(check.steps(), as_json=as_json))
    if as_json:
        write_json(_document(proven, roots))
    else:
        say(f"PROVEN: {_verdict(proven, roots)}")


def _verdict(proven: ProvenFork, roots: Sequence[x509.Certificate]) -> str:
    first, second = (
        f"a log of {envelopes(each.checkpoint.size)} at {time_text(each.signed_at)}" for each in proven.heads
    )
    by = "under one seal" if proven.seals == 1 else "under two of its seals"
    sender = named(proven.sender, roots)
    return f"{sender} signed two histories of {proven.origin}, {by}: {first}, and {second}. No log has both."


def _document(proven: ProvenFork, roots: Sequence[x509.Certificate]) -> dict[str, Any]:
    return {
        "proven": True,
        "verdict": _verdict(proven, roots),
        "origin": proven.origin,
        "sender": str(proven.sender),
        "seals": proven.seals,
        "heads": [_head(each) for each in proven.heads],
        "roots_sha256": [fingerprint(root) for root in roots],
        "steps": step_documents(proven.steps),
    }


def _head(head: SignedHead) -> dict[str, Any]:
    return {
        "size": head.checkpoint.size,
        "root": head.checkpoint.root.hex(),
        "signed_at": head.signed_at.isoformat(),
    }
