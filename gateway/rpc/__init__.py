"""gRPC: the two listeners, and translation between calls and commands. No rule lives here."""
