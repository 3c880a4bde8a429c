"""What `make dist` builds is whole: another machine has nothing else of this repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BESIDE = {"gateway/identity/profiles.toml": "certs/profiles.toml"}  # in the wheel, and where it comes from


def built(project: Path, folder: Path) -> Path:
    """Builds the wheel of a project, as the Makefile does."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.iterdir()
    return wheel


def files_below(folder: Path) -> set[str]:
    """Paths of what belongs to a package, from the folder that it is in."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder.parent).as_posix() for path in found}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which both wheels are unpacked, which is what pip does with them."""
    folder = tmp_path_factory.mktemp("installed here")
    for project in (ROOT, ROOT / "clients/python"):
        zipfile.ZipFile(built(project, tmp_path_factory.mktemp("dist"))).extractall(folder)
    return folder


def test_the_wheels_hold_every_file_of_their_packages(installed: Path):
    client = ROOT / "clients/python/src"
    wanted = files_below(ROOT / "gateway") | files_below(client / "regulator") | files_below(client / "buf") | {*BESIDE}
    assert (
        files_below(installed / "gateway") | files_below(installed / "regulator") | files_below(installed / "buf")
        == wanted
    )
    for inside, source in BESIDE.items():
        assert (installed / inside).read_bytes() == (ROOT / source).read_bytes()


def test_the_same_source_gives_the_same_bytes(tmp_path: Path):
    one, other = built(ROOT / "clients/python", tmp_path / "one"), built(ROOT / "clients/python", tmp_path / "other")
    assert one.read_bytes() == other.read_bytes()


def environment(installed: Path) -> dict[str, str]:
    """With what is installed before all else, compiled once for all processes."""
    return {**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": ""}


def test_a_node_is_made_with_what_is_installed_alone(installed: Path, tmp_path: Path):
    def gateway(*words: str) -> str:
        command = [sys.executable, "-P", "-m", "gateway", *words]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment(installed),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    node = ["--jurisdiction", "HK", "--domain", "gateway.hk.example"]
    gateway("certs", "authority", "authority", *node)
    doors = ["--back-office", "127.0.0.1:7401", "--peer", "127.0.0.1:7402"]
    gateway("init", "hk", *node, "--name", "Hong Kong", "--authority", "HKMA", *doors, "--certs", "authority")
    assert "everything verifies" in gateway("check", "hk")
    assert gateway("--version").startswith("gateway 0.1.0, Python 3.")
    whence = [
        sys.executable,
        "-P",
        "-c",
        "import gateway, regulator.exchange as r; print(gateway.__file__, r.__file__)",
    ]
    told = subprocess.run(whence, env=environment(installed), capture_output=True, text=True, check=True)
    assert told.stdout.count(str(installed)) == len(("gateway", "regulator.exchange")), told.stdout
