"""Homes of nodes, and folders of authorities, that a command was given."""

from pathlib import Path

from gateway.cli.given_files import used
from gateway.errors import ConfigError
from gateway.home.home import Home
from gateway.home.provisioning import load_authority
from gateway.identity.certificates.issuing import Authority
from gateway.identity.certificates.profiles import AuthorityKind


def opened_home(path: Path) -> Home:
    """The home of a node, for what looks at its other files first.

    Raises:
        ConfigError: it is none.
    """
    home = Home(path)
    if not home.config_file.is_file():
        raise ConfigError(f"{path} is not the home of a node: it has no config.toml; make a home with gateway init")
    return home


def given_authority(folder: Path, kind: AuthorityKind, option: str = "--certs") -> Authority:
    """Reads an authority from the folder that an option names."""
    with used(option, "give the folder that gateway certs authority made"):
        return load_authority(folder, kind)
