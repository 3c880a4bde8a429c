"""Takes the contract between nodes as it was at a commit: ``python -m tests.skew.take COMMIT``.

Comments and rules on values are left out: what stays is what the bytes mean.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).parent / "earlier.binpb"
BETWEEN_NODES = ("regulator/exchange/v1/peer_service.proto", "regulator/exchange/v1/envelope.proto")
RULES = "buf/validate/validate.proto"


def take(commit: str) -> None:
    """Writes the file."""
    archive = subprocess.run(["git", "archive", commit, "protos"], cwd=ROOT, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        image = Path(folder) / "image.binpb"
        command = [sys.executable, str(Path(folder) / "protos/generate.py"), "--image", str(image)]
        subprocess.run(command, check=True)
        whole = FileDescriptorSet.FromString(image.read_bytes())
    FILE.write_bytes(bare(whole).SerializeToString(deterministic=True))


def bare(whole: FileDescriptorSet) -> FileDescriptorSet:
    """The messages between nodes, and what they are made of."""
    files = {file.name: file for file in whole.file}
    wanted: dict[str, FileDescriptorProto] = {}

    def want(name: str) -> None:
        file = FileDescriptorProto()
        file.CopyFrom(files[name])
        del file.dependency[:]
        file.dependency.extend(each for each in files[name].dependency if each != RULES)
        file.ClearField("source_code_info")
        _strip(file)
        for each in file.dependency:
            want(each)
        wanted[name] = file

    for name in BETWEEN_NODES:
        want(name)
    return FileDescriptorSet(file=wanted.values())


def _strip(part: object) -> None:
    """Takes options away, from all that is in it."""
    for field, value in part.ListFields():  # type: ignore[attr-defined]
        if field.name == "options":
            part.ClearField("options")  # type: ignore[attr-defined]
        elif field.type == field.TYPE_MESSAGE:
            for each in value if field.is_repeated else [value]:
                _strip(each)


if __name__ == "__main__":
    take(sys.argv[1])
