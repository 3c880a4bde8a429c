"""Verifies a whole store, with code that its writer does not share."""

from gateway.store.reverify.report import ChannelCount, Finding, Report
from gateway.store.reverify.seen import Seen
from gateway.store.reverify.store import verify_store

__all__ = ["ChannelCount", "Finding", "Report", "Seen", "verify_store"]
