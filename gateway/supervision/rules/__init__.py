"""Rules on fields and values: what the contract allows, and what the world does not have."""
