"""Builds the requests about attachments, as ``requests`` does the others, and what a notice says of its files."""

from pathlib import Path
from unicodedata import normalize

from regulator.exchange.media_types import media_type_of
from regulator.exchange.requests import full_name, identified
from regulator.exchange.v1 import attachment_service_pb2 as attachments
from regulator.exchange.v1.values_pb2 import Attachment


def attachment_of(
    path: str | Path, stored: attachments.StoredAttachment, *, media_type: str | None = None
) -> Attachment:
    """What a notice says, in its ``attachments``, of a file that ``upload_attachment`` sent.

    Args:
        path: of the file; its name alone is told, in Unicode's form NFC, which some systems keep otherwise.
        stored: what ``upload_attachment`` answered.
        media_type: as IANA has it, ``application/pdf``. None: what ``media_type_of`` tells, alike on every machine.
    """
    name = normalize("NFC", Path(path).name)
    return Attachment(
        file_name=name,
        media_type=media_type_of(name) if media_type is None else media_type,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
    )


def create_attachment(sha256: bytes, size_bytes: int) -> attachments.CreateAttachmentRequest:
    """Declares a file, and tells how much of it is durable; ``upload_attachment`` does this and the rest.

    Args:
        sha256: of its bytes, 32 bytes.
        size_bytes: its size, at most 4 GiB.
    """
    return attachments.CreateAttachmentRequest(sha256=sha256, size_bytes=size_bytes)


def get_attachment(name: str) -> attachments.GetAttachmentRequest:
    """Tells how a file stands.

    ``name`` is ``attachments/...``, ``hk-2026-017/attachments/1``, the first of a notice, or
    ``drafts/hk-2026-4f7k/attachments/1``, of a draft that is not final. Raises NotFound.
    """
    return attachments.GetAttachmentRequest(name=attachment_name(name))


def delete_attachment(
    name: str, *, request_id: str | None = None, allow_missing: bool = False
) -> attachments.DeleteAttachmentRequest:
    """Drops a file that no notice and no draft names, whole or not; its room is free at once.

    Args:
        name: ``attachments/...``, or the id alone.
        request_id: a UUID; the same one again is answered alike. None: a new one.
        allow_missing: nothing of that name is no error.

    Raises:
        NotFound: nothing of that name.
        WrongState: ``ATTACHMENT_NAMED``: a notice or a draft names it; ``metadata`` tells which.
    """
    return attachments.DeleteAttachmentRequest(
        name=attachment_name(name), request_id=identified(request_id), allow_missing=allow_missing
    )


def attachment_name(name: str) -> str:
    """The name of a file, whichever of its collections is left out."""
    if name.startswith(("attachments/", "drafts/", "notices/")):
        return name
    return full_name("notices" if "/" in name else "attachments", name)
