"""``gateway evidence``: fetches evidence from the node, and verifies it without one."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography import x509
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.evidence_service_pb2 import GetEvidenceRequest

from gateway.cli.answering import NodeProfile, Stored, answering
from gateway.cli.evidence_places import place_of
from gateway.cli.fork_evidence import fork, verify_fork
from gateway.cli.given_files import CrlFiles, given_crls, given_root, write_given
from gateway.cli.groups import Commands
from gateway.cli.options import AsJson, read_input
from gateway.cli.output import parts, say, write_json
from gateway.cli.steps import passed_steps, seal_document, step_documents
from gateway.cli.views.author import author_document, released_by
from gateway.cli.views.evidence_content import content_document, content_sections
from gateway.cli.views.evidence_names import named
from gateway.identity.certificates.x509 import fingerprint
from gateway.identity.evidence.evidence import EvidenceCheck, Proven, act_of, as_written, time_text
from gateway.ledger.fork_proof import is_fork_proof


def add_to(app: typer.Typer) -> None:
    """Adds the group."""
    group = Commands(no_args_is_help=True, help="Prove to a third person who said what, and who held it.")
    group.command("export")(export)
    group.command("fork")(fork)
    group.command("verify")(verify)
    app.add_typer(group, name="evidence")


class Act(StrEnum):
    """Which of a notice's envelopes."""

    RELEASE = "release"
    ACKNOWLEDGEMENT = "acknowledgement"
    WITHDRAWAL = "withdrawal"
    DESTRUCTION = "destruction"
    PEER_DESTRUCTION = "peer_destruction"
    ATTACHMENTS = "attachments"


def export(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Id of the notice; or name of a consent to pass it on, of a share, of a version of a framework "
            "(hk-digital-assets/versions/2), or of an assessment (assessments/hk-2026-reserve).",
        ),
    ],
    *,
    profile: NodeProfile = None,
    stored: Stored = None,
    act: Annotated[Act, typer.Option(help="What is to be proven of the notice.")] = Act.RELEASE,
    decision: Annotated[
        int, typer.Option(min=0, metavar="NUMBER", help="The decision on a consent; else that it was asked for.")
    ] = 0,
    to: Annotated[str, typer.Option(metavar="CODE", help="Of a version that went to several: to which.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="File to write; else NAME.ACT.tlog-proof here. Never overwritten.")
    ] = None,
) -> None:
    """Writes the evidence file (C2SP tlog-proof) of an act on a notice, on its onward sharing, or on rules."""
    with answering(profile, stored) as client:
        place = place_of(client, name, decision=decision, to=to)
        if place and act is not Act.RELEASE:
            raise typer.BadParameter("is for a notice", param_hint="--act")
        if place:
            evidence = client.get_evidence(origin=place.origin, index=place.index)
        else:
            evidence = client.get_evidence(name, act=GetEvidenceRequest.Act.Value(act.name))
    what = f"decision-{decision}" if decision else "act" if place else act
    path = out or Path(f"{name.removeprefix('notices/').replace('/', '-')}.{what}.tlog-proof")
    write_given(path, evidence.tlog_proof)
    say(f"{path} is written")
    if not evidence.receipted:
        say("There is no receipt yet: it proves the sending alone. Export it again once it is delivered.")


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The evidence file; - for standard input.")],
    *,
    root: Annotated[
        list[Path],
        typer.Option(metavar="CERTIFICATE", help="Node authority of a jurisdiction (PEM); give it for both."),
    ],
    crl: CrlFiles = None,
    content: Annotated[bool, typer.Option("--content", help="Once it is proven, tell what was sealed, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Verifies an evidence file or a fork proof, offline.

    It needs nothing but the two jurisdictions' roots: no node, no network, no database. With --content it tells what
    was said, whatever its label: the file holds all of it.

    Exit code 1, and the first step that failed, if it does not hold. Give only the roots of the two jurisdictions
    that the file is of, from a source that you trust.
    """
    roots, data = [given_root(each) for each in root], read_input(file)
    revocation = given_crls(crl, roots)
    if is_fork_proof(data):
        verify_fork(data, roots, revocation, as_json=as_json)
        return
    check = EvidenceCheck(data, roots, revocation)
    steps = passed_steps(check.steps(), as_json=as_json)
    proven = check.proven(steps)
    if as_json:
        write_json(_document(proven, roots) | ({"content": content_document(proven.envelope)} if content else {}))
        return
    say(f"PROVEN: {_verdict(proven, roots)}")
    if content:
        parts(content_sections(proven.envelope))


def _verdict(proven: Proven, roots: Sequence[x509.Certificate]) -> str:
    sender, receiver = named(proven.sender, roots), named(proven.receiver, roots)
    sent = f"{sender} sealed {_sealed(proven)}"
    if proven.received_at is None:
        told = f"{sent}. The sending alone is proven: there is no receipt of {receiver}."
    elif proven.hash_alone:
        held = f"the node of {receiver} held its hash at {time_text(proven.received_at)}"
        told = f"{sent}; {held}. This is no receipt for the content: {sender} certified that it had none for it."
    else:
        told = f"{sent}; the node of {receiver} held it at {time_text(proven.received_at)}."
    return " ".join([told, *_destroyed(proven, roots)])


def _sealed(proven: Proven) -> str:
    if proven.envelope is None or proven.sealed_at is None:
        return f"an envelope whose content is destroyed, before {time_text(proven.signed_at)}"
    author, approver = map(_as_written, (proven.envelope.author, proven.envelope.approver))
    told = f"the {act_of(proven.envelope)}, for {author.authority} by {released_by(author, approver)}"
    return f"{told}, at {time_text(proven.sealed_at)}"


def _as_written(author: Author) -> Author:
    """Who acts, as the envelope names it; what it does not say stays empty."""
    return Author(**{field.name: as_written(value) for field, value in author.ListFields()})


def _destroyed(proven: Proven, roots: Sequence[x509.Certificate]) -> Iterator[str]:
    if proven.destruction and proven.destruction.sealed_at:
        node, time = named(proven.destruction.sender, roots), time_text(proven.destruction.sealed_at)
        yield f"CONTENT DESTROYED: {node} certified at {time} that it holds the content no more."
    elif proven.envelope is None:
        yield "CONTENT DESTROYED: so it is said; there is no certificate of it here."


def _document(proven: Proven, roots: Sequence[x509.Certificate]) -> dict[str, Any]:
    sealed, destruction = proven.envelope, proven.destruction
    return {
        "proven": True,
        "receipted": proven.received_at is not None,
        "hash_alone": proven.hash_alone,
        "content_destroyed": sealed is None,
        "verdict": _verdict(proven, roots),
        "act": act_of(sealed) if sealed else None,
        "authority": sealed.author.authority if sealed else None,
        "client": sealed.author.client if sealed else None,
        "author": author_document(sealed.author) if sealed else None,
        "approver": author_document(sealed.approver) if sealed else None,
        "origin": proven.origin,
        "index": proven.index,
        "leaf_sha256": proven.leaf_hash.hex(),
        "size": proven.size,
        "sender": str(proven.sender),
        "receiver": str(proven.receiver),
        "sender_seal": seal_document(proven.seals[0]),
        "receiver_seal": seal_document(proven.seals[1]),
        "sealed_at": _json_time(proven.sealed_at),
        "signed_at": proven.signed_at.isoformat(),
        "received_at": _json_time(proven.received_at),
        "destroyed_at": _json_time(destruction.sealed_at) if destruction else None,
        "destroyed_by": str(destruction.sender) if destruction else None,
        "roots_sha256": [fingerprint(root) for root in roots],
        "steps": step_documents(proven.steps),
    }


def _json_time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
