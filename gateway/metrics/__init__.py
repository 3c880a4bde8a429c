"""What a node counts and measures: every metric in one table, and those that are counted as things happen."""
