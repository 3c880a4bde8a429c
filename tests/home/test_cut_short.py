"""What an operator makes is whole, or the same command makes it later: what a full disk left is in nobody's way."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.transcripts import run
from tests.support.nodes import Site

DESK = ("--id", "spiffe://gateway.hk.example/SFC/desk9")
NODE = ["--jurisdiction", "HK", "--domain", "gateway.hk.example", "--name", "Node", "--authority", "SFC"]
LISTENING = ["--back-office", "127.0.0.1:7443", "--peer", "127.0.0.1:7444"]

Command = Callable[[Path], tuple[str | Path, ...]]
COMMANDS: dict[str, Command] = {
    "init": lambda at: ("init", at / "new", *NODE, *LISTENING, "--certs", at / "authority"),
    "client add": lambda at: (
        *("client", "add", at / "home", "--certs", at / "authority", *DESK),
        *("--role", "reader", "--out", at / "desk"),
    ),
    "certs replace-seal": lambda at: ("certs", "replace-seal", at / "home", at / "next"),
    "certs authority": lambda at: ("certs", "authority", at / "more", "--jurisdiction", "HK", *NODE[2:4]),
    "certs issue": lambda at: (
        *("certs", "issue", at / "authority", "--out", at / "seal", "--profile", "seal"),
        *("--id", "spiffe://gateway.hk.example/node"),
    ),
}


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a seal that may come next."""
    at = Site("HK", tmp_path_factory.mktemp("founded") / "hk").found().path
    issue = ("certs", "issue", at / "authority", "--profile", "seal", "--id", "spiffe://gateway.hk.example/node")
    assert run(*issue, "--out", at / "next").code == 0
    return at


class Disk:
    """Syncs files; the one of a number finds that the disk is full."""

    def __init__(self, full_at: int = -1) -> None:
        self.synced, self._full_at, self._sync = 0, full_at, os.fsync

    def __call__(self, file: int) -> None:
        self.synced += 1
        if self.synced - 1 == self._full_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._sync(file)


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_full_disk_cut_short_is_made_by_the_same_command_later(
    founded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def ran(folder: str, disk: Disk) -> int:
        at = tmp_path / folder
        if not at.exists():
            shutil.copytree(founded, at)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", disk)
            return run(*COMMANDS[name](at)).code

    whole = Disk()
    assert ran("whole", whole) == 0
    for full_at in (whole.synced // 2, whole.synced - 2):
        assert ran(f"{full_at}", Disk(full_at)) == 5
        assert ran(f"{full_at}", Disk()) == 0
