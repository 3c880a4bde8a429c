"""Who sees which files, and what names them, inside the transaction that declares, names or drops them."""

from collections.abc import Mapping, Sequence

from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.errors import AttachmentMissing, AttachmentNamed
from gateway.identity.access.access import Caller
from gateway.questions.scopes import scope_of
from gateway.store.transaction import Transaction
from gateway.supervision.attachments import Attached, AttachmentRecord, Owner, attached_in
from gateway.supervision.disclosure import EVERYTHING, Scope
from gateway.supervision.drafts import DraftRecord, draft_name, may_see
from gateway.supervision.messages.drafts import content_of
from gateway.supervision.notices.content import notice_name
from gateway.supervision.notices.records import NoticeRecord


def visible(tx: Transaction, owner: Owner, file: Attached, scope: Scope) -> AttachmentRecord | None:
    """A file of an owner as who may see a scope sees it: named by no notice, or by one within; whole, if one is."""
    found = [each for each in tx.files.declared(owner, file) if tx.files.is_seen(each.number, scope)]
    return next((each for each in found if each.is_complete), found[0] if found else None)


def to_be_named(tx: Transaction, owner: Owner, file: Attached, scope: Scope, readers: Scope) -> AttachmentRecord | None:
    """The copy of a file to which a notice is tied that ``readers`` will see; None: none is whole within ``scope``.

    One that they may know already, where there is one: else whoever sent that would see that there is another. A copy
    that a notice names goes before one that none does, since this may be gone for who sent it.
    """
    found = [
        each for each in tx.files.declared(owner, file) if each.is_complete and tx.files.is_seen(each.number, scope)
    ]
    known = [each for each in found if tx.files.is_seen(each.number, readers)]
    return min(known or found, key=lambda each: not tx.files.naming(each), default=None)


def unnamed(tx: Transaction, caller: Caller, attachment_id: str) -> AttachmentRecord | None:
    """A file of the caller's authority that nothing names; None: there is none of that id for the caller.

    Raises:
        AttachmentNamed: a notice or a draft names it.
    """
    record, scope = tx.files.named(attachment_id), scope_of(caller)
    if record is None or record.owner != Owner(authority=caller.authority):
        return None
    if notices := naming(tx, record):
        seen = next((each for each in notices if scope.sees(each.tlp, each.sectors)), None)
        if seen is None:
            return None
        name = notice_name(seen.id)
        raise AttachmentNamed(f"{name} names it, and keeps it for as long as its content is kept", notice=name)
    if draft := drafted(tx, caller.authority, scope).get(file_of(record)):
        raise _named_by_draft(draft, scope)
    return record


def naming(tx: Transaction, record: AttachmentRecord) -> Sequence[NoticeRecord]:
    """Notices that name a file, so many at most; those of the same commit too."""
    found = filter(None, map(tx.find_notice, tx.files.naming(record)))
    return [each for each in found if _owner_of(each) == record.owner]


def drafted(tx: Transaction, authority: str, scope: Scope = EVERYTHING) -> Mapping[Attached, DraftRecord]:
    """The files that drafts of an authority name which are not final, each with one, within a scope if one is."""
    found: dict[Attached, DraftRecord] = {}
    for draft in sorted(tx.drafts.open_of(authority), key=lambda each: may_see(each.nature, scope)):
        if draft.request is not None and (content := content_of(draft.request)):
            found |= dict.fromkeys(attached_in(content), draft)
    return found


def file_of(record: AttachmentRecord) -> Attached:
    """A file as notices name it."""
    return Attached(record.sha256, record.size_bytes)


def attachment_missing(field: str) -> AttachmentMissing:
    """The error for a file that a notice names at a field, and that is not whole here."""
    return AttachmentMissing(f"{field} is not whole at this node: upload it first", field=field)


def _named_by_draft(draft: DraftRecord, scope: Scope) -> AttachmentNamed:
    if not may_see(draft.nature, scope):
        return AttachmentNamed("a draft names it, which this client may not see, and keeps it until that is final")
    name = draft_name(draft.id)
    return AttachmentNamed(f"{name} names it, and keeps it until it is final", draft=name)


def _owner_of(notice: NoticeRecord) -> Owner:
    """Whose the files of a notice are here."""
    is_ours = notice.direction == Notice.OUTGOING
    return Owner(authority=notice.issuing_authority) if is_ours else Owner(peer=notice.sender)
