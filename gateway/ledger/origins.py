"""Origins: the names of logs, which their checkpoints begin with (C2SP tlog-checkpoint, "Note text")."""

import re

from gateway.errors import Malformed

_CHANNEL = re.compile(r"([a-z0-9][a-z0-9.-]*)/to/([a-z0-9][a-z0-9.-]*)")
_JOURNAL = re.compile(r"([a-z0-9][a-z0-9.-]*)/journal")
_MAX_ORIGIN_BYTES = 255  # opaque log_origin<1..2^8-1> (tlog-cosignature, "ML-DSA-44 signed message")


def origin_of(sender_domain: str, recipient_domain: str) -> str:
    """Names a channel: ``<sender domain>/to/<recipient domain>``."""
    return f"{sender_domain}/to/{recipient_domain}"


def domains_of(origin: str) -> tuple[str, str]:
    """Gives the sender's and the recipient's domain.

    Raises:
        Malformed: it is no origin line of a channel.
    """
    match = _CHANNEL.fullmatch(origin)
    if match is None or len(origin) > _MAX_ORIGIN_BYTES:
        raise Malformed("an origin is <sender domain>/to/<recipient domain>, of at most 255 bytes")
    return match[1], match[2]


def reverse_of(origin: str) -> str:
    """Names the channel the other way.

    Raises:
        Malformed: it is no origin line of a channel.
    """
    sender, recipient = domains_of(origin)
    return origin_of(recipient, sender)


def journal_origin(domain: str) -> str:
    """Names a node's access journal: ``<domain>/journal``."""
    return f"{domain}/journal"


def domain_of_journal(origin: str) -> str:
    """Gives the domain of the node whose journal it is.

    Raises:
        Malformed: it is no origin line of a journal.
    """
    match = _JOURNAL.fullmatch(origin)
    if match is None or len(origin) > _MAX_ORIGIN_BYTES:
        raise Malformed("the origin of a journal is <domain>/journal, of at most 255 bytes")
    return match[1]


def require_origin(origin: str) -> None:
    """Passes if it names a channel or a journal.

    Raises:
        Malformed: it names neither.
    """
    if not _JOURNAL.fullmatch(origin):
        domains_of(origin)
