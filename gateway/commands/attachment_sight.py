"""Which of an authority's files are there for a caller, inside the transaction that names or declares them."""

from gateway.errors import AttachmentMissing
from gateway.store.transaction import Transaction
from gateway.supervision.attachments import Attached, AttachmentRecord, Owner
from gateway.supervision.disclosure import Scope, within


def visible(tx: Transaction, owner: Owner, file: Attached, scope: Scope) -> AttachmentRecord | None:
    """A file of an owner as who may see a scope sees it: named by no notice, or by one within; whole, if one is."""
    found = [each for each in tx.files.declared(owner, file) if _is_seen(tx, each, scope)]
    return next((each for each in found if each.is_complete), found[0] if found else None)


def _is_seen(tx: Transaction, record: AttachmentRecord, scope: Scope) -> bool:
    named_by, seen = tx.files.notices(record.number), within(scope, tx.find_notice)
    return not named_by or any(seen(each) for each in named_by)


def attachment_missing(field: str) -> AttachmentMissing:
    """The error for a file that a notice names at a field, and that is not whole here."""
    return AttachmentMissing(f"{field} is not whole at this node: upload it first", field=field)
