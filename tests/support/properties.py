"""How many examples a property is tried with: few in the suite, many in its long form (``make test-long``)."""

from hypothesis import HealthCheck, settings

SHORT, LONG = 100, 2_000

settings.register_profile("short", max_examples=SHORT, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("short"), max_examples=LONG)


def examples(count: int) -> settings:
    """So many where others are tried with ``SHORT``, and in proportion where they are tried with more."""
    return settings(max_examples=count * settings.default.max_examples // SHORT)
