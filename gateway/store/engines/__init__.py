"""SQLite and PostgreSQL: what differs between them, and what either may do wrong."""
