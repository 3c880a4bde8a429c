"""The demonstration: two jurisdictions on one machine, and what they have to tell each other."""
