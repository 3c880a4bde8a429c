"""What the store keeps of onward sharing."""
