"""Who may do what: the clients that ``access.toml`` admits, and the rule of each method."""
