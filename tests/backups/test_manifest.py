"""A manifest comes with a backup from wherever that was kept: it is read, or refused as what it is."""

import json
from pathlib import Path

import pytest

from gateway.backups.manifest import MANIFEST, Manifest
from gateway.errors import BadInput, VerificationError

GOOD = {
    "schema": "backup/1",
    "jurisdiction": "HK",
    "domain": "gateway.hk.example",
    "made_at": "2026-05-08T09:00:00Z",
    "has_keys": False,
    "logs": [],
    "files": {},
}


def read(folder: Path, files: dict[str, str]) -> Manifest:
    (folder / MANIFEST).write_text(json.dumps({**GOOD, "files": files}))
    return Manifest.read(folder)


def test_a_good_one_is_read(tmp_path: Path):
    assert read(tmp_path, {}).domain == "gateway.hk.example"


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000, "a/" * 3000, "../../etc/passwd", "/etc/passwd", ".", "gone"])
def test_a_file_that_cannot_be_in_a_backup_is_not_there(tmp_path: Path, name: str):
    with pytest.raises(VerificationError, match="is not there"):
        read(tmp_path, {name: "00"})


def test_what_is_no_folder_is_no_backup(tmp_path: Path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / MANIFEST).mkdir(parents=True)
    for path in (tmp_path / "gone", tmp_path / "file", tmp_path / "folder"):
        with pytest.raises(BadInput, match="must be a folder that gateway backup made"):
            Manifest.read(path)
