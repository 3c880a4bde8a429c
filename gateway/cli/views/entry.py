"""How entries of the access journal are shown."""

from typing import Any

from regulator.exchange.v1.journal_pb2 import JournalEntry

from gateway.cli.options import word_of
from gateway.cli.output import json_moment, moment_of

HEADINGS = ("index", "time", "client", "officer", "method", "step", "outcome", "count", "about")


def row(index: int, entry: JournalEntry) -> tuple[str, ...]:
    """Gives an entry as a row for people; a stranger is told by the certificate's fingerprint."""
    who = entry.client or (f"certificate {entry.certificate_sha256.hex()[:16]}" if entry.certificate_sha256 else "")
    more = f" and {entry.resources_left_out} more" if entry.resources_left_out else ""
    method = entry.method.rpartition("/")[2]
    step = word_of(JournalEntry.Step, entry.step)
    about = f"{', '.join(entry.resources)}{more}"
    return str(index), moment_of(entry.time), who, entry.officer, method, step, entry.outcome, str(entry.count), about


def document(index: int, entry: JournalEntry) -> dict[str, Any]:
    """Gives an entry for programs."""
    return {
        "index": index,
        "time": json_moment(entry.time),
        "client": entry.client,
        "certificate_sha256": entry.certificate_sha256.hex(),
        "officer": entry.officer,
        "authority": entry.authority,
        "method": entry.method,
        "step": word_of(JournalEntry.Step, entry.step),
        "outcome": entry.outcome,
        "resources": list(entry.resources),
        "resources_left_out": entry.resources_left_out,
        "request_id": entry.request_id,
        "count": entry.count,
        "draft_digest": entry.draft_digest.hex() or None,
    }
