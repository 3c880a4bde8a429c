"""A node that runs: its parts, and in ``node.py`` the one place where they are put together, started and stopped."""
