"""What brings a store back: rebuilt, copied, put back from a backup, or with a fork settled."""
