"""The envelopes that are sealed: one function for each act, and what an envelope is about."""
