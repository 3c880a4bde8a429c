"""What the contract promises of its form: numbers that were passed over, and what may be sealed for ever."""

import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import regulator.exchange.v1 as contract
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.struct_pb2 import Struct
from google.rpc.status_pb2 import Status
from regulator.exchange.v1.envelope_pb2 import Envelope, EvidenceMaterial
from regulator.exchange.v1.journal_pb2 import JournalEntry

PROTOS = Path(__file__).parents[2] / "protos" / "regulator" / "exchange" / "v1"

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


SEALED = (Envelope, EvidenceMaterial, JournalEntry)
FLOATS = {FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE}


def unfit_to_be_sealed(message: Descriptor, seen: set[str]) -> Iterator[str]:
    """Fields that two libraries may write in two ways, or that some cannot read: maps, Any, numbers with a fraction."""
    seen.add(message.full_name)
    for field in message.fields:
        within = field.message_type
        if field.type in FLOATS or (within and (within.GetOptions().map_entry or within.full_name.endswith(".Any"))):
            yield field.full_name
        elif within and within.full_name not in seen:
            yield from unfit_to_be_sealed(within, seen)


def test_what_is_sealed_holds_no_map_no_any_and_no_fraction():
    seen: set[str] = set()
    assert [name for kind in SEALED for name in unfit_to_be_sealed(kind.DESCRIPTOR, seen)] == []
    assert len(seen) > 40


def test_what_is_unfit_to_be_sealed_is_seen():
    fields, value = Struct.FieldsEntry.DESCRIPTOR, "google.protobuf.Value"
    assert {*unfit_to_be_sealed(Struct.DESCRIPTOR, set())} == {"google.protobuf.Struct.fields"}
    assert f"{value}.number_value" in {*unfit_to_be_sealed(fields, set())}
    assert {*unfit_to_be_sealed(Status.DESCRIPTOR, set())} == {"google.rpc.Status.details"}


def test_no_rule_of_the_contract_asks_a_clock():
    """Such a rule would hold or not by the day on which it is asked; what depends on time is asked in supervision."""
    texts = [path.read_text() for path in PROTOS.glob("*.proto")]
    assert len(texts) > 10
    assert not [found for text in texts for found in re.findall(r"[lg]t_now|timestamp\.within|\bnow\b *[-<>=]", text)]


def test_the_contract_in_one_file_is_whole_and_explains_itself(tmp_path: Path) -> None:
    image = tmp_path / "contract.binpb"
    subprocess.run([sys.executable, PROTOS.parents[2] / "generate.py", "--image", image], check=True)
    found = {each.name: each for each in FileDescriptorSet.FromString(image.read_bytes()).file}
    own = {f"regulator/exchange/v1/{path.name}" for path in PROTOS.glob("*.proto")}
    assert own <= found.keys()
    assert {imported for each in found.values() for imported in each.dependency} <= found.keys()
    assert all(any(place.leading_comments for place in found[name].source_code_info.location) for name in own)
    told = {message.name for message in found["google/rpc/error_details.proto"].message_type}
    assert told >= {"ErrorInfo", "BadRequest", "RetryInfo"}  # what errors carry, which no file of ours imports


def test_what_others_made_that_stubs_refer_to_is_named_in_the_command_that_makes_them(tmp_path: Path) -> None:
    """Libraries of each language bring those of google; a stub of any other file has to be made with ours."""
    image = tmp_path / "contract.binpb"
    subprocess.run([sys.executable, PROTOS.parents[2] / "generate.py", "--image", image], check=True)
    names = {each.name for each in FileDescriptorSet.FromString(image.read_bytes()).file}
    foreign = {name for name in names if not name.startswith(("google/", "regulator/"))}
    command = re.search(r"^\$ protoc .*--java_out.*$", (PROTOS.parents[2] / "README.md").read_text(), re.MULTILINE)
    assert command
    assert {word for word in command[0].split() if word.endswith(".proto")} == foreign
