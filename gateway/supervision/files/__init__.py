"""Notices and frameworks as JSON files."""
