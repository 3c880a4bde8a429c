"""X.509 certificates: what each kind contains, how they are issued, read, trusted, revoked and kept."""
