"""What a node shows of itself to Prometheus: its state at the moment of a scrape, beside what was counted."""
