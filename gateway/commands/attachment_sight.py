"""Which of an authority's files are there for a caller, inside the transaction that names or declares them."""

from gateway.errors import AttachmentMissing
from gateway.store.transaction import Transaction
from gateway.supervision.attachments import Attached, AttachmentRecord, Owner
from gateway.supervision.disclosure import Scope


def visible(tx: Transaction, owner: Owner, file: Attached, scope: Scope) -> AttachmentRecord | None:
    """A file of an owner as who may see a scope sees it: named by no notice, or by one within; whole, if one is."""
    found = [each for each in tx.files.declared(owner, file) if tx.files.is_seen(each.number, scope)]
    return next((each for each in found if each.is_complete), found[0] if found else None)


def attachment_missing(field: str) -> AttachmentMissing:
    """The error for a file that a notice names at a field, and that is not whole here."""
    return AttachmentMissing(f"{field} is not whole at this node: upload it first", field=field)
