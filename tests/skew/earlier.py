"""The contract between nodes as an earlier version had it (``take``), and messages as such a node sees them."""

from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

M = TypeVar("M", bound=Message)
PACKAGE = "regulator.exchange.v1"


@cache
def pool() -> DescriptorPool:
    """Its own descriptors, apart from those of this version."""
    found = DescriptorPool()
    for file in FileDescriptorSet.FromString((Path(__file__).parent / "earlier.binpb").read_bytes()).file:
        found.Add(file)
    return found


def files() -> list[FileDescriptor]:
    """The files of the contract in it."""
    read = FileDescriptorSet.FromString((Path(__file__).parent / "earlier.binpb").read_bytes())
    return [pool().FindFileByName(file.name) for file in read.file if file.package == PACKAGE]


def read(name: str, data: bytes) -> Any:
    """A message as the earlier version reads it: what it does not know it does not see."""
    message = GetMessageClass(pool().FindMessageTypeByName(f"{PACKAGE}.{name}")).FromString(data)
    message.DiscardUnknownFields()
    return message


def as_it_was(message: M) -> M:
    """A message as it is once it went through a node of that version."""
    seen = read(message.DESCRIPTOR.name, message.SerializeToString())
    return type(message).FromString(seen.SerializeToString())
