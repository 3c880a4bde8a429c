"""Onward sharing: consents and shares, what a node knows of them, and what a consent covers."""
