"""How large a request may be, by what its method does: gRPC itself knows one bound for a whole listener."""

from functools import cache

from gateway.errors import BadInput

MAX_REQUEST_BYTES = 8 * 1024 * 1024  # of any back office's request: a version of a framework with all its provisions
MAX_NOTICES_BYTES = 4 * 1024 * 1024  # of a request that holds notices, or words about one
MAX_CHUNK_BYTES = 1024 * 1024 + 4096  # of one that holds bytes of a file
MAX_QUESTION_BYTES = 64 * 1024  # of one that holds names and filters

_NOTICES = ("/regulator.exchange.v1.NoticeService/", "/regulator.exchange.v1.SharingService/")
_BULK = (
    "/regulator.exchange.v1.AttachmentService/UploadAttachment",
    "/regulator.exchange.v1.PeerService/SendAttachments",
)
_HEAVY = ("Diff", "Compare", "ListProvisions", "PublishVersion", "CreateDraft", "UpdateDraft", "ApproveDraft")
_QUESTIONS = ("Get", "List", "Watch", "Check", "Diff", "Compare", "ServerReflectionInfo")


def most_bytes(method: str) -> int:
    """The bound of a method of the back-office listener, by its full path."""
    if method.rpartition("/")[2].startswith(_QUESTIONS):
        return MAX_QUESTION_BYTES
    if is_bulk(method):
        return MAX_CHUNK_BYTES
    return MAX_NOTICES_BYTES if method.startswith(_NOTICES) else MAX_REQUEST_BYTES


@cache
def is_heavy(method: str) -> bool:
    """Whether answering takes memory and time that do not follow from the request: whole versions, some side by side.

    A change set is small, and what it changes is not; a draft may hold one. To find the provisions that hold a text, or
    apply on a day, all may have to be looked into.
    """
    return method.rpartition("/")[2].startswith(_HEAVY)


def is_bulk(method: str) -> bool:
    """Whether a message is bytes that are passed on as they are: reading one takes no more than its size, once."""
    return method in _BULK


def check_size(data: bytes, most: int) -> None:
    """Passes if a message has no more bytes than it may.

    Raises:
        BadInput: it has.
    """
    if len(data) > most:
        raise BadInput.of("request", f"must have at most {most} bytes, and has {len(data)}")
