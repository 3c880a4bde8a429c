import pytest
from prometheus_client import CollectorRegistry, Counter

from gateway.scraping.page import encoder_for

PLAIN, OPENMETRICS = "text/plain; version=0.0.4", "application/openmetrics-text; version=1.0.0"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", PLAIN),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3", OPENMETRICS),
        ("application/openmetrics-text;version=abc", PLAIN),
        ("application/openmetrics-text;version==", PLAIN),
        ("text/plain; version=\xff", PLAIN),
        ("application/openmetrics-text;" + ";,=" * 1000, "application/openmetrics-text"),
    ],
)
def test_every_accept_header_has_a_format(accept, expected):
    registry = CollectorRegistry()
    Counter("things", "Things.", registry=registry).inc()
    encode, content_type = encoder_for(accept)
    assert content_type.startswith(expected)
    assert b"things_total 1.0" in encode(registry)
