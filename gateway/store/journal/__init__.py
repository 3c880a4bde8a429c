"""The access journal as the store keeps it."""
