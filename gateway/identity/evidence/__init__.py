"""What a third person verifies with files alone: evidence, fork proofs, exports of access journals."""
