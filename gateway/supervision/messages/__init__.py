"""What back offices are shown: what is known of something, and what its envelopes say."""
