"""The command line: a file a group of commands."""

from gateway.cli.app import main

__all__ = ["main"]
