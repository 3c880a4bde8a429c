"""What the README shows is what a reader gets: its tour is typed as printed, while the demonstration runs."""

import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.sites import MARKER, clear
from tests.support.forking import finished
from tests.support.ports import demonstration_port

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
START_SECONDS = 60
ARRIVAL_SECONDS = 60  # of what the other node is told; a reader types slower than a test
PORT = demonstration_port()


def gateway(line: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    words = shlex.split(line, comments=True)
    assert words[0].endswith("gateway"), line
    return finished(*words[1:], folder=folder)


def sessions(section: str) -> list[tuple[str, list[str]]]:
    """The commands of a section, each with the lines that it is said to print."""
    text = README.split(f"## {section}\n")[1].split("\n## ")[0]
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line != "...":
                found[-1][1].append(line)
    return found


def shape(line: str) -> str:
    """A line without what differs from run to run: digits and the width of columns."""
    return " ".join(re.sub(r"[0-9a-f]{16}|\d+", "#", line).split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where one stands: a folder with spaces, in which the demonstration runs."""
    where = tmp_path_factory.mktemp("a path with spaces")
    shutil.copytree(ROOT / "docs" / "examples", where / "docs" / "examples")
    command = [sys.executable, "-m", "gateway", "demo", "--port", str(PORT)]
    with subprocess.Popen(command, cwd=where, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        shown = []
        for line in process.stdout:
            shown.append(line)
            if "until Ctrl-C" in line:
                break
        assert "until Ctrl-C" in shown[-1], "".join(shown)
        yield where
        process.send_signal(signal.SIGINT)
        assert process.wait(START_SECONDS) == 0


def test_the_tour_works_as_printed(folder: Path) -> None:
    for line, said in sessions("A five-minute tour"):
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while (done := gateway(line, folder)).returncode or missing(said, done.stdout):
            assert time.monotonic() < deadline, (line, missing(said, done.stdout), done.stdout, done.stderr)


def missing(said: list[str], printed: str) -> list[str]:
    """What a command is said to print, and did not."""
    shapes = {shape(each) for each in printed.splitlines()}
    return [each for each in said if shape(each) not in shapes]


def test_a_second_demonstration_in_the_same_folder_says_what_to_do(folder: Path) -> None:
    done = gateway("gateway demo --once", folder)
    assert done.returncode == 5
    assert "runs in demo-home already" in done.stderr
    assert "--home" in done.stderr


def test_a_second_demonstration_elsewhere_takes_other_ports_and_ends_by_itself(folder: Path) -> None:
    done = gateway(f"gateway demo --once --home other --port {PORT}", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("DELIVERED") == 16
    assert "in another terminal" not in done.stdout  # nothing would answer there
    assert done.stdout.endswith("  gateway check other/hk/node\n")
    clear(folder / "other")  # as another one begins there
    assert [each.name for each in (folder / "other").iterdir()] == [MARKER]


def test_a_folder_with_other_things_in_it_is_left_alone(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "thesis.txt").write_text("years of work")
    done = gateway("gateway demo --once --home mine", folder)
    assert done.returncode == 5
    assert (folder / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_node_of_your_own_is_made_by_the_commands_shown(tmp_path: Path) -> None:
    for line, _ in sessions("A node of your own"):
        if "pair import" in line or "serve" in line:  # they need the other jurisdiction's document, and go on
            continue
        done = gateway(line, tmp_path)
        assert done.returncode == 0, (line, done.stdout, done.stderr)


def test_the_program_works(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snippet = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert snippet is not None
    monkeypatch.chdir(folder / "demo-home" / "hk" / "clients")
    exec(compile(snippet[1].replace("case-desk/", "SFC/"), "README.md", "exec"), {})
    left = gateway(
        "gateway notice list --state received --profile demo-home/hk/clients/SFC/profile.toml --json", folder
    )
    assert left.returncode == 0, left.stderr
    assert '"id"' not in left.stdout
