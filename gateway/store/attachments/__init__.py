"""What the store keeps of files, and of the notices that name them."""
