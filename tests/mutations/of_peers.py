"""Mutations of how what comes from a peer is verified."""

from tests.mutations.mutation import Mutation

OF_PEERS = (
    Mutation(
        "a receiver does not compare the root of a batch",
        "gateway/ledger/batch.py",
        "if (head.checkpoint.size, head.checkpoint.root) != (extended.size, extended.root()):",
        "if head.checkpoint.size != extended.size:",
        "tests/ledger/test_receiver.py::test_a_false_batch_is_not_committed",
    ),
    Mutation(
        "a batch need not begin where the log ends",
        "gateway/ledger/batch.py",
        "if batch.first_index != log.size:",
        "if batch.first_index > log.size + 1_000_000:",
        "tests/ledger/test_batch.py::test_a_batch_that_begins_elsewhere_is_refused",
    ),
    Mutation(
        "the sender's ML-DSA-44 line is not verified",
        "gateway/ledger/checkpoint.py",
        "_verify_ml_dsa_44(seal.ml_dsa_44, signature, subtree_message(name, time, checkpoint))",
        "pass",
        "tests/ledger/test_checkpoint.py::test_a_receipt_with_any_bit_turned_is_refused",
    ),
    Mutation(
        "the receiver's Ed25519 line is not verified",
        "gateway/ledger/checkpoint.py",
        "_verify_ed25519(seal.ed25519, signature, cosignature_message(time, note.text))",
        "pass",
        "tests/ledger/test_checkpoint.py::test_a_signature_by_another_key_under_the_right_name_and_id_is_refused",
    ),
    Mutation(
        "the message of a cosignature does not say that it is one",
        "gateway/ledger/checkpoint.py",
        'return f"cosignature/v1\\ntime {time}\\n{text}".encode()',
        "return text.encode()",
        "tests/ledger/test_checkpoint.py::test_every_signature_in_the_place_of_every_other_one_is_refused",
    ),
    Mutation(
        "a fork that a Hello shows is passed over",
        "gateway/ledger/receiver.py",
        "if self._claim.checkpoint.root != recalled.log.root():",
        "if not self._claim.checkpoint.root:",
        "tests/ledger/test_receiver_halts.py::test_a_hello_of_another_history_is_a_fork",
    ),
    Mutation(
        "a receipt for a checkpoint that was never sent is kept",
        "gateway/ledger/sender.py",
        "if receipt.checkpoint not in self._unreceipted:",
        "if not self._unreceipted:",
        "tests/ledger/test_sender.py::test_a_receipt_that_proves_nothing_ends_the_stream_and_is_not_kept",
    ),
    Mutation(
        "a leaf is hashed as a node is",
        "gateway/ledger/merkle.py",
        "return sha256(LEAF_PREFIX + data).digest()",
        "return sha256(NODE_PREFIX + data).digest()",
        "tests/ledger/test_merkle.py::test_a_node_is_never_read_as_a_leaf",
    ),
    Mutation(
        "a rolled-back sender seals before all of its own has come back",
        "gateway/ledger/sender.py",
        "if self._recovering and position.size < self._owed:",
        "if not self._owed and position.size < self._owed:",
        "tests/ledger/test_sender_halts.py::test_a_recovering_sender_is_not_talked_into_sealing_again",
    ),
    Mutation(
        "a receiver gives a receipt for content that never came, without its sender's word",
        "gateway/ledger/withholding.py",
        "    if known:\n",
        "    known.clear()\n    if known:\n",
        "tests/ledger/test_withholding.py::test_the_first_receipt_for_it_is_one_for_the_senders_word_as_well",
    ),
    Mutation(
        "content without a receipt is destroyed though the pairing holds",
        "gateway/supervision/destruction.py",
        "leaf.place.origin == own and (ended or leaf.is_destroyed) for leaf",
        "leaf.place.origin == own for leaf",
        "tests/store/test_undelivered.py::test_as_long_as_the_two_are_paired_it_waits_for_the_receipt",
    ),
)
