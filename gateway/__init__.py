"""The node: one jurisdiction's end of the exchange between financial regulators."""
