"""The dialling side: how a peer's node is reached, for its envelopes and for the files beside them."""
