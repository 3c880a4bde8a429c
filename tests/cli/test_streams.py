"""A command whose output cannot be written, or whose locale has no letters for it: as a real process."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from regulator.exchange.v1.framework_service_pb2 import FrameworkVersion

from gateway.supervision.files.frameworks import FrameworkFile, write_framework
from tests.cli.test_extremes import profile as profile_of_a_client
from tests.supervision.framework_samples import real
from tests.support.nodes import Site

COMMAND = [sys.executable, "-m", "gateway"]
CLOSED = "gateway: standard output is closed: give it a file, a pipe or /dev/null\n"
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
# A command line whose node answers with the version of a framework that stands in a file of the contract's bytes.
ANSWERED = """
import sys
from pathlib import Path
from regulator.exchange import Client
from regulator.exchange.v1.framework_service_pb2 import FrameworkVersion
content = Path(sys.argv.pop(1)).read_bytes()
Client.get_version = lambda *_, **__: FrameworkVersion.FromString(content)
from gateway.cli import main
main()
"""

profile = profile_of_a_client  # the same fixture


def shell(line: str, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command as ``"$@"`` of a line of bash."""
    return subprocess.run(
        ["bash", "-c", line, "bash", *map(str, command)],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env=os.environ | environment,
    )


def test_a_command_with_closed_output_is_refused_before_it_does_anything(tmp_path):
    folder = tmp_path / "authority"
    command = "certs", "authority", folder, "--jurisdiction", "HK", "--domain", "gateway.hk.example"
    ran = shell('"$@" >&-', *COMMAND, *command)
    assert (ran.returncode, ran.stderr) == (2, CLOSED)
    assert not folder.exists()


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_a_node_starts_and_ends_where_standard_input_or_error_is_closed(tmp_path, closed):
    site = Site("HK", tmp_path).found()
    reader = f'{{ read -r line; echo "$line"; kill -TERM "$(cat {site.home.path}/lock)"; cat; }}'
    ran = shell(f'set -o pipefail; "$@" {closed} | {reader}', *COMMAND, "serve", site.home.path)
    first, last = ran.stdout.splitlines()
    assert first.startswith("HK gateway.hk.example serves back offices on port")
    assert (ran.returncode, last, ran.stderr) == (0, "HK gateway.hk.example stopped", "")


@pytest.mark.parametrize(
    ("line", "said"),
    [('"$@" >/dev/full', "No space left on device"), ('"$@" 1</dev/null', "Bad file descriptor")],
)
def test_output_that_cannot_be_written_is_told_on_one_line(line, said):
    ran = shell(line, *COMMAND, "notice", "show", "--help")
    assert ran.returncode == 5
    assert ran.stderr.startswith(f"gateway: the output cannot be written: {said}; ")
    assert ran.stderr.count("\n") == 1


def test_a_reader_that_goes_away_is_left_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as output:
        ran = subprocess.run(
            [*COMMAND, "notice", "show", "--help"], stdout=output, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert (ran.returncode, ran.stderr) == (141, b"")


@pytest.fixture
def asked(profile, tmp_path) -> list[str | Path]:
    """The beginning of a command line whose node answers with Korea's rules."""
    script, answer = tmp_path / "answered.py", tmp_path / "answer.binpb"
    script.write_text(ANSWERED)
    answer.write_bytes(FrameworkVersion(content=real("KR").content).SerializeToString())
    return [sys.executable, script, answer, "framework", "export", "kr-rules", "--version", "1", "--profile", profile]


@pytest.mark.parametrize("environment", [ASCII, {"PYTHONIOENCODING": "latin-1"}], ids=str)
def test_a_framework_is_exported_in_utf_8_whatever_the_locale(environment, asked, tmp_path):
    text = write_framework(FrameworkFile("kr-rules", real("KR").content)) + "\n"
    assert not text.isascii()
    out = tmp_path / "out.json"
    written = shell('"$@"', *asked, "--out", out, **environment)
    assert (written.returncode, written.stdout, written.stderr) == (0, f"kr-rules is in {out}\n", "")
    assert out.read_text("utf-8") == text
    piped = shell('"$@"', *asked, **environment)
    assert (piped.returncode, piped.stderr) == (0, "")
    assert piped.stdout == text
    assert json.loads(piped.stdout)["jurisdiction"] == "KR"


@pytest.mark.parametrize(
    ("command", "told"),
    [(("notice", "ack", "kr-1"), r"\n  the write may be done .* request_id [0-9a-f-]{36}"), (("notice", "list"), "")],
)
def test_ctrl_c_ends_with_130_and_tells_what_may_be_done_all_the_same(profile, tmp_path, command, told):
    silent = socket.create_server(("127.0.0.1", 0))  # a node that takes the connection, and never answers
    text = profile.read_text().replace('"127.0.0.1:1"', f'"127.0.0.1:{silent.getsockname()[1]}"')
    asking = tmp_path / "profile.toml"
    asking.write_text(f"{text}deadline_seconds = 300\n")
    silent.settimeout(60)
    process = subprocess.Popen([*COMMAND, *command, "--profile", asking], stderr=subprocess.PIPE, text=True)
    with silent, silent.accept()[0]:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(f"gateway: interrupted{told}\n", said)
