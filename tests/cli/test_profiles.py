"""A profile that does not fit the node is told as that: nobody looks for its mistake on the node's machine."""

from pathlib import Path

import pytest

from tests.cli.sites import profile_path
from tests.cli.transcripts import run
from tests.support.nodes import Site


@pytest.mark.parametrize(
    ("files", "server_name", "words"),
    [
        ({}, "gateway.kr.example", "see that address and server_name in the profile are the node's"),
        ({"ca"}, "gateway.hk.example", "see that ca in the profile is this very node's authority"),
        ({"certificate", "key"}, "gateway.hk.example", "its certificate has ended, or another authority issued it"),
    ],
    ids=["the name of another node", "the root of another node", "the certificate of another node's client"],
)
def test_what_of_a_profile_is_another_nodes_is_told(
    started_pair: tuple[Site, Site], tmp_path: Path, files: set[str], server_name: str, words: str
) -> None:
    hk, kr = started_pair
    own, other = profile_path(hk, "SFC").parent, profile_path(kr, "FSS").parent
    named = {"ca": "node-authority.crt", "certificate": "client.crt", "key": "client.key"}
    lines = [f'{key} = "{(other if key in files else own) / name}"' for key, name in named.items()]
    profile = tmp_path / "profile.toml"
    address = next(line for line in (own / "profile.toml").read_text().splitlines() if line.startswith("address"))
    profile.write_text("\n".join([address, f'server_name = "{server_name}"', *lines]))
    ran = run("status", "--profile", profile)
    assert ran.code == 4
    assert ran.err.startswith("gateway: the node was not reached: ")
    assert words in ran.err.splitlines()[-1]
