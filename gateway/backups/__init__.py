"""Backups of a node, what is made of them again, and its move from one database to another."""
