"""How it is told who stands behind an act: for people and for programs."""

from regulator.exchange.v1.envelope_pb2 import Author


def who(author: Author) -> str:
    """For people: the system, and the officer that it acted for, if it did for one."""
    return f"{author.client} for {author.officer}" if author.officer else author.client


def released_by(author: Author, approver: Author) -> str:
    """For people: the author, and who approved, if anybody had to."""
    return f"{who(author)}, approved by {who(approver)}" if approver.client else who(author)


def author_document(author: Author) -> dict[str, str | None] | None:
    """For programs; nobody is null."""
    if not author.client:
        return None
    return {"authority": author.authority, "client": author.client, "officer": author.officer or None}
