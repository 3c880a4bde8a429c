"""Generates the Python stubs and the descriptor image from the .proto files (``make protos``).

protovalidate ships its ``validate.proto`` only as a descriptor, so that descriptor and its imports are written to
a descriptor set first, and everything is compiled against it. ``--check`` writes nothing and fails if the committed
stubs are not in step.
"""

import argparse
import filecmp
import sys
import tempfile
from pathlib import Path

import google.api
from google.protobuf import descriptor_pb2
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

PROTOS = Path(__file__).parent
STUBS = PROTOS.parent / "clients" / "python" / "src"
GOOGLEAPIS = Path(google.api.__path__[0]).parent.parent
WELL_KNOWN = Path(protoc.__file__).parent / "_proto"
PLUGINS = [
    f"--plugin={name}={Path(sys.executable).parent / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
]
VALIDATE = "buf/validate/validate.proto"
ERROR_DETAILS = "google/rpc/error_details.proto"  # no file of ours imports it, and errors carry its messages


def compile_protos(out: Path) -> None:
    """Writes the stubs of every contract file below ``out``."""
    with tempfile.TemporaryDirectory() as scratch:
        validate = Path(scratch) / "validate.binpb"
        validate.write_bytes(_validate_descriptor_set())
        sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("regulator/**/*.proto"))
        image = Path(scratch) / "image.binpb"
        _protoc([*_descriptor_set_of(sources, validate, image), "--include_source_info"])
        messages = [f"--descriptor_set_in={image}", *PLUGINS, f"--python_out={out}", f"--mypy_out=quiet:{out}"]
        _protoc([*messages, *sources, VALIDATE])
        services = [source for source in sources if source.endswith("_service.proto")]
        _protoc([*messages[:-2], f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}", *services])


def write_image(path: Path) -> None:
    """Writes the descriptor image of the contract, with comments: for ``buf lint``, and stubs of other languages."""
    with tempfile.TemporaryDirectory() as scratch:
        validate = Path(scratch) / "validate.binpb"
        validate.write_bytes(_validate_descriptor_set())
        sources = sorted(str(source.relative_to(PROTOS)) for source in PROTOS.glob("regulator/**/*.proto"))
        _protoc([*_descriptor_set_of([*sources, ERROR_DETAILS], validate, path), "--include_source_info"])


def _validate_descriptor_set() -> bytes:
    """``validate.proto`` with what it imports, as a FileDescriptorSet."""
    files: dict[str, bytes] = {}

    def collect(file: object) -> None:
        proto = file.proto  # type: ignore[attr-defined]
        for dependency in file.dependencies:  # type: ignore[attr-defined]
            collect(dependency)
        files.setdefault(proto.name, proto.to_binary())

    collect(validate_pb.desc())
    descriptor_set = descriptor_pb2.FileDescriptorSet()
    for data in files.values():
        descriptor_set.file.append(descriptor_pb2.FileDescriptorProto.FromString(data))
    return descriptor_set.SerializeToString()


def _descriptor_set_of(sources: list[str], validate: Path, out: Path) -> list[str]:
    return [
        f"--proto_path={PROTOS}",
        f"--proto_path={GOOGLEAPIS}",
        f"--proto_path={WELL_KNOWN}",
        f"--descriptor_set_in={validate}",
        "--include_imports",
        f"--descriptor_set_out={out}",
        *sources,
    ]


def _protoc(arguments: list[str]) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        sys.exit("protoc failed")


def _differences(fresh: Path) -> list[str]:
    generated = sorted(path.relative_to(fresh) for path in fresh.rglob("*_pb2*"))
    committed = sorted(path.relative_to(STUBS) for path in STUBS.rglob("*_pb2*") if path.suffix in {".py", ".pyi"})
    stale = [str(path) for path in set(committed) ^ set(generated)]
    both = set(committed) & set(generated)
    return sorted(stale + [str(path) for path in both if not filecmp.cmp(fresh / path, STUBS / path, shallow=False)])


def main() -> None:
    """Runs as ``python protos/generate.py [--check] [--image FILE]``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the committed stubs are not in step")
    parser.add_argument("--image", type=Path, help="write the descriptor image to this file, and no stubs")
    arguments = parser.parse_args()
    if arguments.image:
        write_image(arguments.image)
    elif arguments.check:
        with tempfile.TemporaryDirectory() as fresh:
            compile_protos(Path(fresh))
            if stale := _differences(Path(fresh)):
                sys.exit("stubs not in step with the protos, run 'make protos': " + ", ".join(stale))
    else:
        compile_protos(STUBS)


if __name__ == "__main__":
    main()
