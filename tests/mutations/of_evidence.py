"""Mutations of what lets evidence hold for years: whose keys signed, when they might, what they had signed before."""

from tests.mutations.mutation import Mutation

OF_EVIDENCE = (
    Mutation(
        "what a revoked seal signed holds",
        "gateway/identity/seals/sealers.py",
        "if since and since <= at:",
        "if False:",
        "tests/identity/evidence/test_revoked_evidence.py::test_what_was_signed_from_the_revocation_on_proves_nothing",
    ),
    Mutation(
        "evidence without its envelope is by a seal of any time",
        "gateway/identity/seals/sealers.py",
        "        self.window.require(at)\n",
        "",
        "tests/identity/evidence/test_evidence_certificates.py::test_so_they_were_where_no_envelope_is_left_to_tell_its_time",
    ),
    Mutation(
        "a sender rotates to a key that it had before",
        "gateway/ledger/seals.py",
        "if seals.sender.has_a_key_of(seal):",
        "if False:",
        "tests/ledger/test_seals.py::test_nobody_rotates_to_a_key_that_signed_before",
    ),
    Mutation(
        "an operator prepares a key that signed before",
        "gateway/home/certificates.py",
        "    _require_new(home, seal)\n",
        "",
        "tests/home/test_new_seals.py::"
        "test_a_seal_with_a_key_of_the_one_in_force_is_neither_prepared_nor_put_in_its_place",
    ),
    Mutation(
        "the database of a backup seals on where somebody puts it in place",
        "gateway/backups/making.py",
        "        await_peers(target, keyring, said, clock=micros, random=secrets.token_bytes)\n",
        "",
        "tests/cli/test_backup.py::test_what_is_in_it_waits_for_its_peers_whoever_puts_that_in_place",
    ),
)
