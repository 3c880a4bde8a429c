"""Traces: what becomes of one notice, as spans for an OpenTelemetry collector; evidence never depends on them."""
