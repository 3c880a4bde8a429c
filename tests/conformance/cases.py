"""A case of the kit, and the collection of those of one subject."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FORMAT = "regulator.exchange/conformance@v1"
ACCEPT, REFUSE = "accept", "refuse"


def encoded(data: bytes) -> dict[str, str]:
    """Bytes as the kit has them: readable where they are a text."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}
    return {"text": text}


def decoded(value: Mapping[str, str]) -> bytes:
    """The bytes of a value of the kit."""
    return value["text"].encode() if "text" in value else base64.b64decode(value["base64"])


@dataclass
class Subject:
    """The cases of one kind of thing.

    Attributes:
        name: of the file
        about: what an implementation does with an input
        given: what all of its cases share
    """

    name: str
    about: str
    given: dict[str, Any] = field(default_factory=dict)
    cases: list[dict[str, Any]] = field(default_factory=list)

    def accept(self, name: str, differs: str, given: Mapping[str, Any], **expect: Any) -> None:
        """A case to be accepted; ``expect``: what is found then."""
        self._add({"id": name, "differs": differs, "input": dict(given), "outcome": ACCEPT, "expect": expect})

    def refuse(self, name: str, base: str, differs: str, reason: str, given: Mapping[str, Any], **expect: Any) -> None:
        """A case to be refused, which differs in one way from ``base``, which is accepted.

        ``reason``: the code; of a certificate that is not trusted, the cause follows after a space.
        """
        code, _, cause = reason.partition(" ")
        found = {"cause": cause, **expect} if cause else expect
        told = {"id": name, "base": base, "differs": differs, "input": dict(given), "outcome": REFUSE}
        self._add({**told, "reason": code, "expect": found})

    def _add(self, case: dict[str, Any]) -> None:
        if not case["expect"]:
            del case["expect"]
        assert all(case["id"] != each["id"] for each in self.cases), case["id"]
        self.cases.append(case)

    def document(self) -> dict[str, Any]:
        """The file of the subject."""
        return {
            "format": FORMAT,
            "subject": self.name,
            "about": self.about,
            "given": self.given,
            "cases": self.cases,
        }
