"""The configuration as a file."""

from pathlib import Path

import pytest

from gateway.config import Config
from gateway.errors import ConfigError


def test_a_file_that_is_no_text_is_told_by_its_name_and_line(tmp_path: Path):
    path = tmp_path / "config.toml"
    path.write_bytes(b'[node]\njurisdiction = "\xff"\n')
    with pytest.raises(ConfigError, match=r"config\.toml: line 2: the byte 0xff is not UTF-8"):
        Config.load(path)


def test_a_file_that_is_not_there_is_told_with_what_makes_one(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"config\.toml: No such file or directory; make a home with gateway init"):
        Config.load(tmp_path / "config.toml")
