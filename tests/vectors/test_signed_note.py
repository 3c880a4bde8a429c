"""The examples in the C2SP specifications."""

from base64 import b64decode

import pytest

from gateway.errors import BadSignature
from gateway.ledger.checkpoint import SignatureType, _verify_ed25519, cosignature_message
from gateway.ledger.note import Note, key_id, verifier_key

POEM = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaq"
    "P3ZekRwNtIc=\n"
).encode()
MESSAGE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
VERIFIER_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
COSIGNED = """cosignature/v1
time 1679315147
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
"""


def test_the_notes_of_the_specification_are_read_and_written_alike():
    for data in (POEM, MESSAGE):
        assert Note.parse(data).encode() == data
    assert Note.parse(POEM).text.endswith("sole:\n\ned è subito sera.\n"), "an empty line may stand in the text"
    assert [line.name for line in Note.parse(POEM).signatures] == ["quasimodo.example/salvatore"]


def test_the_verifier_key_of_the_specification_verifies_its_note():
    name, identifier, encoded = VERIFIER_KEY.split("+", 2)
    kind, public = b64decode(encoded)[0], b64decode(encoded)[1:]
    note = Note.parse(MESSAGE)
    (line,) = note.signatures
    assert kind == SignatureType.ED25519
    assert (line.name, line.key_id) == (name, bytes.fromhex(identifier))
    assert key_id(name, kind, public) == line.key_id
    assert verifier_key(name, kind, public) == VERIFIER_KEY
    _verify_ed25519(public, line.value, note.text.encode())
    with pytest.raises(BadSignature):
        _verify_ed25519(public, line.value, note.text.upper().encode())


def test_the_cosigned_message_of_the_specification_is_built():
    _, _, text = COSIGNED.split("\n", 2)
    assert cosignature_message(1679315147, text) == COSIGNED.encode()
