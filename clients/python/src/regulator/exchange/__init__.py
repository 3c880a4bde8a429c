"""What a back office needs to talk to its node."""
