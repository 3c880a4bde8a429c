"""The ledger, pure: Merkle logs, signed notes, checkpoints, the channel protocol, evidence."""
