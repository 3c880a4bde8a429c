"""Writes the tables of ``docs/files.md``: every key of a notice's and a framework's file, its form and its meaning.

The keys and forms are those that the reader of such files goes by, the meanings the comments of the contract.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import Message
from regulator.exchange.v1.framework_pb2 import FrameworkHeader, FrameworkVersionContent
from regulator.exchange.v1.notice_pb2 import NoticeContent

from docs.blocks import in_step, run
from gateway.supervision.files.codecs import Codec, Field
from gateway.supervision.files.framework_form import HEADER, PROVISIONS
from gateway.supervision.files.notice_form import CONTENT, DETAILS
from gateway.supervision.frameworks.content import TOPICS
from gateway.supervision.rules.fields import field_violations

GENERATE = Path(__file__).parents[1] / "protos" / "generate.py"
MESSAGES, NESTED, FIELDS = 4, 3, 2  # the numbers of these lists in a descriptor, of which paths to comments are made


def tables() -> str:
    """Gives a table for each kind of object, those of a notice first."""
    told = _comments()
    parts = [
        "### A notice\n",
        _table(told, NoticeContent, CONTENT),
        "\n### The detail, by kind\n\n| `kind` | key in `detail` | object |\n|---|---|---|\n",
        *(f"| `{kind}` | `{key}` | {_link(codec)} |\n" for kind, (key, codec) in DETAILS.items()),
    ]
    of_notices = (*(field.codec for field in CONTENT), *(codec for _, codec in DETAILS.values()))
    shown: set[str] = set()
    parts += _objects(told, of_notices, shown)
    parts += ["\n### A framework\n", _table(told, FrameworkHeader, HEADER)]
    parts += [_table(told, FrameworkVersionContent, PROVISIONS, heading=False)]
    parts += _objects(told, [field.codec for field in PROVISIONS], shown)
    parts += [f"\nThe topics are {', '.join(f'`{topic}`' for topic in TOPICS)}.\n"]
    return "".join(parts)


def _objects(told: dict[str, str], codecs: Iterable[Codec], shown: set[str]) -> Iterator[str]:
    """A table for each object among them and within them, each once."""
    for codec in codecs:
        if codec.item:
            yield from _objects(told, [codec.item], shown)
        elif codec.message and codec.message.DESCRIPTOR.name not in shown:
            shown.add(codec.message.DESCRIPTOR.name)
            yield f"\n#### {codec.message.DESCRIPTOR.name}\n"
            yield _table(told, codec.message, codec.fields)
            yield from _objects(told, [field.codec for field in codec.fields], shown)


def _table(told: dict[str, str], message: type[Message], fields: Iterable[Field], *, heading: bool = True) -> str:
    needed = {found.field for found in field_violations(message())}  # what is wrong where nothing is said
    rows = [
        f"| `{field.key}` | {'yes' if field.key in needed else ''} | {_form(field.codec)} "
        f"| {told[f'{message.DESCRIPTOR.full_name}.{field.key}']} |\n"
        for field in fields
    ]
    return "".join(["\n| key | needed | form | meaning |\n|---|---|---|---|\n" if heading else "", *rows])


def _form(codec: Codec) -> str:
    if codec.item:
        return f"a list of: {_form(codec.item)}"
    return _link(codec) if codec.message else re.sub(r"\{.*\}", r"`\g<0>`", codec.form)


def _link(codec: Codec) -> str:
    assert codec.message, "an object is of a message"
    name = codec.message.DESCRIPTOR.name
    return f"[{name}](#{name.lower()})"


def _comments() -> dict[str, str]:
    """The contract's comment on each field, by its full name."""
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch) / "image.binpb"
        subprocess.run([sys.executable, GENERATE, "--image", image], check=True)  # noqa: S603 - of this repository
        files = FileDescriptorSet.FromString(image.read_bytes()).file
    return dict(each for file in files if file.package == "regulator.exchange.v1" for each in _comments_of(file))


def _comments_of(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    said = {tuple(each.path): " ".join(each.leading_comments.split()) for each in file.source_code_info.location}

    def within(message: DescriptorProto, name: str, path: tuple[int, ...]) -> Iterator[tuple[str, str]]:
        for place, field in enumerate(message.field):
            yield f"{name}.{field.name}", said.get((*path, FIELDS, place), "").replace("|", "\\|")
        for place, nested in enumerate(message.nested_type):
            yield from within(nested, f"{name}.{nested.name}", (*path, NESTED, place))

    for place, message in enumerate(file.message_type):
        yield from within(message, f"{file.package}.{message.name}", (MESSAGES, place))


if __name__ == "__main__":
    run("write_files", lambda text: in_step(text, {"keys": tables()}))
