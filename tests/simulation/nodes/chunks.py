"""Files of schedules: chunks of half a kibibyte in the place of half a mebibyte, and parts of three of them.

What is said of chunks holds of any size; what half a mebibyte takes, other tests tell (``tests/store``).
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from unittest.mock import patch

from gateway.commands.attachments import uploads
from gateway.link import attachment_link
from gateway.questions import attachments as questions
from gateway.rpc import peer_attachments
from gateway.store.reverify import attachments as reverified
from gateway.supervision import attachments

SMALL_CHUNK_BYTES = 512
CHUNKS_OF_A_PART = 3
_MODULES: tuple[ModuleType, ...] = (attachments, attachment_link, uploads, questions, peer_attachments)


@contextmanager
def small_chunks() -> Iterator[None]:
    with ExitStack() as stack:
        for module in _MODULES:
            stack.enter_context(patch.object(module, "CHUNK_BYTES", SMALL_CHUNK_BYTES))
        stack.enter_context(patch.object(reverified, "CHUNK", SMALL_CHUNK_BYTES))
        stack.enter_context(patch.object(peer_attachments, "PART_BYTES", CHUNKS_OF_A_PART * SMALL_CHUNK_BYTES))
        yield
