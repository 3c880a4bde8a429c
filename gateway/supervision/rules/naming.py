"""Names the field that a rule on a whole message is about, so that whoever fills in a form finds it."""

from google.protobuf.descriptor import Descriptor

from gateway.errors import Violation
from gateway.supervision.rules.extent import ROOT

# What is left says by itself what would be right, where it begins so; else all of it is told.
_SAYS = ("must ", "is required ")


def about_field(path: str, within: Descriptor | None, said: str) -> Violation:
    """What is told of a message of the type ``within`` at ``path``; such rules say first which field they are about."""
    word, _, rest = said.partition(" ")
    if within is None or word not in within.fields_by_name:
        return Violation(path, said)
    return Violation(word if path == ROOT else f"{path}.{word}", rest if rest.startswith(_SAYS) else said)
