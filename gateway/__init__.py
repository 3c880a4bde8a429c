"""The node: one jurisdiction's end of the exchange between financial regulators."""

import os

# gRPC reads this once, when it is first imported, and much here imports it: so it is set before all else. It names a
# TLS 1.2 suite that needs an RSA key, which no node has: TLS 1.3 is left. ``gateway.rpc.tls`` proves it at each start.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES128-GCM-SHA256"
# Else its core writes lines of another form beside the log, some for what a stranger sends; ERROR or INFO shows them.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
