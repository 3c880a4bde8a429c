"""Files, and notices that are given with them."""

from hashlib import sha256
from pathlib import Path
from random import Random

from regulator.exchange import Client
from regulator.exchange.v1.values_pb2 import Attachment

from gateway.supervision.attachments import CHUNK_BYTES
from tests.supervision.samples import content


def file_of(folder: Path, seed: int, size: int = 4 * CHUNK_BYTES + 11) -> Path:
    """A file that no other seed gives."""
    path = folder / f"{seed}.bin"
    path.write_bytes(Random(seed).randbytes(65_537) * (size // 65_537 + 1))
    with path.open("r+b") as file:
        file.truncate(size)
    return path


def attached(*paths: Path) -> list[Attachment]:
    return [
        Attachment(
            file_name=path.name,
            media_type="application/octet-stream",
            size_bytes=path.stat().st_size,
            sha256=sha256(path.read_bytes()).digest(),
        )
        for path in paths
    ]


def give_with(client: Client, notice_id: str, *paths: Path) -> str:
    for path in paths:
        client.upload_attachment(path)
    return client.create_notice(content(attachments=attached(*paths)), recipient="KR", notice_id=notice_id).name
