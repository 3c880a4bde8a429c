"""What the store keeps of each jurisdiction's rules, and of assessments."""
