"""What ``gateway doctor`` and ``gateway status`` find wrong, and what to do about it."""
