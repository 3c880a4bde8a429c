"""Each number of the contract below the newest has a meaning, is reserved, or is kept free on purpose."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module

import regulator.exchange.v1 as contract
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto

# What the contract itself says is for more of the same.
ROOM = {
    "Envelope": {*range(6, 10), *range(13, 20), *range(22, 30), *range(31, 40)},
    "NoticeContent": set(range(14, 20)),
    "ExchangeRequest": set(range(4, 10)),
}


def files() -> Iterator[FileDescriptorProto]:
    for module in pkgutil.iter_modules(contract.__path__):
        if module.name.endswith("_pb2"):
            yield FileDescriptorProto.FromString(
                import_module(f"{contract.__name__}.{module.name}").DESCRIPTOR.serialized_pb
            )


def untold_of_fields(message: DescriptorProto) -> set[int]:
    used = {field.number for field in message.field}
    reserved = {number for each in message.reserved_range for number in range(each.start, each.end)}
    return set(range(1, max(used, default=0))) - used - reserved


def untold_of_values(enum: EnumDescriptorProto) -> set[int]:
    used = {value.number for value in enum.value}
    reserved = {number for each in enum.reserved_range for number in range(each.start, each.end + 1)}
    return set(range(max(used))) - used - reserved


def untold(within: FileDescriptorProto | DescriptorProto, path: str = "") -> Iterator[tuple[str, set[int]]]:
    for enum in within.enum_type:
        yield path + enum.name, untold_of_values(enum)
    for message in within.message_type if isinstance(within, FileDescriptorProto) else within.nested_type:
        yield path + message.name, untold_of_fields(message)
        yield from untold(message, f"{path}{message.name}.")


def test_a_number_that_was_passed_over_is_reserved_or_told_to_be_kept_free():
    found = [each for file in files() for each in untold(file)]
    assert len(found) > 200
    assert {name: numbers for name, numbers in found if numbers} == ROOM


def test_a_gap_is_seen_until_it_is_reserved():
    message, enum = DescriptorProto(), EnumDescriptorProto()
    for number in (1, 4):
        message.field.add(number=number)
        enum.value.add(number=number - 1)
    assert (untold_of_fields(message), untold_of_values(enum)) == ({2, 3}, {1, 2})
    message.reserved_range.add(start=2, end=4)
    enum.reserved_range.add(start=1, end=2)
    assert (untold_of_fields(message), untold_of_values(enum)) == (set(), set())
