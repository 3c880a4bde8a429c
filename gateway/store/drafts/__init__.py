"""What the store keeps of drafts."""
