"""What schedules read over and over is read once: notes and certificates, which the same bytes always are the same."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from unittest.mock import patch

from gateway.identity.certificates import x509
from gateway.ledger.note import Note
from gateway.store import seals

NOTES, CERTIFICATES = 4096, 256


@contextmanager
def remembering() -> Iterator[None]:
    """Only functions of bytes alone that give what nobody changes."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(Note, "parse", staticmethod(lru_cache(NOTES)(Note.parse))))
        for module, name in ((x509, "load_certificates"), (seals, "seal_of")):
            stack.enter_context(patch.object(module, name, lru_cache(CERTIFICATES)(getattr(module, name))))
        yield
