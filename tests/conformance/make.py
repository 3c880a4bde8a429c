"""Makes the kit: ``python -m tests.conformance.make --write``; ``--check`` says whether it is in step.

Every file comes out the same in every run: keys are made from words, times are fixed, and signatures of ML-DSA-44 are
kept (``signing``).
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.conformance.cases import REFUSE, Subject
from tests.conformance.checkpoint_cases import checkpoints
from tests.conformance.envelope_cases import envelopes
from tests.conformance.evidence_cases import evidences
from tests.conformance.fork_cases import forks
from tests.conformance.holding_cases import holdings
from tests.conformance.journal_cases import journals
from tests.conformance.note_cases import notes
from tests.conformance.pairing_cases import pairings
from tests.conformance.proof_cases import consistency, inclusion
from tests.conformance.receipt_cases import receipts
from tests.conformance.receiver_cases import receivers
from tests.conformance.remainder_cases import remainders
from tests.conformance.seal_cases import histories
from tests.conformance.sender_cases import senders
from tests.conformance.signing import KEPT, SIGNATURES
from tests.conformance.wanting_cases import wantings

KIT = Path(__file__).parent / "kit"
PAGE = KIT.parent / "README.md"
BEGIN, END = "<!-- cases -->\n", "<!-- end of cases -->\n"
DOES = {
    "note": "parses a signed note",
    "checkpoint": "opens a sender's checkpoint",
    "receipt": "opens a receipt: the same, with the receiver's cosignatures",
    "seals": "tells which of a party's seals may sign what",
    "inclusion": "verifies that a leaf is in a log",
    "consistency": "verifies that a log is the beginning of another",
    "envelope": "takes in an envelope",
    "remainder": "reads what is left of an envelope whose content is destroyed",
    "evidence": "verifies an evidence file with two roots",
    "fork": "verifies a fork proof with one root",
    "journal": "verifies an export of an access journal with one root",
    "pairing": "reads a pairing document",
    "receiver": "plays the receiver of a stream",
    "sender": "plays the sender of a stream",
    "holding": "plays who holds files",
    "wanting": "plays who wants files",
}
SUBJECTS: tuple[Callable[[], Subject], ...] = (
    notes,
    checkpoints,
    receipts,
    histories,
    inclusion,
    consistency,
    envelopes,
    remainders,
    evidences,
    forks,
    journals,
    pairings,
    receivers,
    senders,
    holdings,
    wantings,
)


@cache
def subjects() -> Sequence[Subject]:
    """Every subject, with its cases."""
    return [make() for make in SUBJECTS]


def made() -> Mapping[Path, str]:
    """Every file, as it must be."""
    files = {}
    for subject in subjects():
        text = json.dumps(subject.document(), indent=1, ensure_ascii=False)
        files[KIT / f"{subject.name}.json"] = f"{text}\n"
    return {**files, KEPT: f"{SIGNATURES.encode()}\n", PAGE: readme(PAGE.read_text())}


def readme(text: str) -> str:
    """The page with the table of subjects as it must be."""
    rows = []
    for subject in subjects():
        refused = sum(case["outcome"] == REFUSE for case in subject.cases)
        name = f"{subject.name}.json"
        rows.append(f"| [`{name}`](kit/{name}) | {DOES[subject.name]} | {len(subject.cases)}, {refused} |\n")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}{''.join(rows)}{END}{tail}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.make")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--write", action="store_true", help="write the files")
    asked.add_argument("--check", action="store_true", help="fail if a file is not as it would be written")
    write = parser.parse_args().write
    files = made()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    left = sorted({*KIT.glob("*")} - {*files})
    if write:
        KIT.mkdir(exist_ok=True)
        for path in left:
            path.unlink()
        for path in stale:
            path.write_text(files[path])
    elif stale or left:
        names = ", ".join(path.name for path in (*stale, *left))
        sys.exit(f"not in step: {names}; run python -m tests.conformance.make --write")


if __name__ == "__main__":
    main()
