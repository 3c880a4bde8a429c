"""What the store keeps of requests for assistance, and of the answers to them."""
