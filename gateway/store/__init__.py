"""The store: one log a channel, projections beside it, one writer, many readers."""
