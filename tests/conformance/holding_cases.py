"""Who holds files: which parts it gives, of which files, and what it does not answer."""

from typing import Any

from tests.conformance.cases import Subject
from tests.conformance.contents import ABSENT, KIB, MIB, SIZES, data, told_of, wanted

REMOTE = "REMOTE_PROTOCOL_ERROR"
MAX_PART, MAX_FILE = 8 * MIB, 4096 * MIB


def holdings() -> Subject:
    made = Subject(
        "holding",
        "Call `SendAttachments` of a peer, standing at `state`, and answer each question of `steps`. `send` tells the "
        "bytes, in messages of 1 byte to 1 MiB each, however they are cut, or `absent`; send nothing else. `ends`: "
        "null, the stream is still up; else the reason with which it was ended.",
        {"files": {name: told_of(name) for name in SIZES}},
    )
    _parts(made)
    _absent(made)
    _broken(made)
    return made


def _parts(made: Subject) -> None:
    medium, end = [_held("medium")], SIZES["medium"]
    for name, differs, files, steps in (
        ("whole-file", "all of a small file is wanted", [_held("small")], [(wanted("small"), data("small"))]),
        (
            "whole-file-in-messages",
            "all of a file that needs more than one message is wanted",
            medium,
            [(wanted("medium"), data("medium"))],
        ),
        (
            "part-from-within",
            "a part is wanted that begins and ends anywhere",
            medium,
            [(wanted("medium", 100_001, 700 * KIB), data("medium", 100_001, 700 * KIB))],
        ),
        (
            "last-byte",
            "the last byte alone is wanted",
            medium,
            [(wanted("medium", end - 1, 1), data("medium", end - 1, 1))],
        ),
        (
            "largest-part",
            "8 MiB are wanted at once, and then the rest",
            [_held("large")],
            [(wanted("large"), data("large", 0, MAX_PART)), (wanted("large", MAX_PART), data("large", MAX_PART))],
        ),
        (
            "same-part-again",
            "a part is wanted that was sent before",
            [_held("small")],
            [(wanted("small"), data("small")), (wanted("small", 4), data("small", 4))],
        ),
        (
            "file-of-the-peer",
            "a notice of the peer names the file, which the peer has lost",
            [_held("small", named="peer")],
            [(wanted("small"), data("small"))],
        ),
    ):
        made.accept(name, differs, _case(files, *steps), ends=None)


def _absent(made: Subject) -> None:
    """What is not here is told as that, and ends nothing."""
    small = wanted("small")
    both = [_held("small"), _held("other")]
    for name, differs, files, asked in (
        ("unknown-digest", "nothing with such a digest is here", [], small),
        (
            "digest-of-31-bytes",
            "the digest lacks a byte, and so is that of no file",
            [_held("small")],
            {**small, "sha256": small["sha256"][:-2]},
        ),
        ("another-size", "the digest is that of a file of another size", both, {**small, "size_bytes": "13"}),
        (
            "file-that-no-notice-names",
            "the file is here, and no notice between the two names it",
            [_held("small", named="")],
            small,
        ),
        (
            "file-that-is-not-whole",
            "the file has not come in full, though the part that is wanted has",
            [_held("medium", MIB // 2)],
            wanted("medium", 0, 12),
        ),
        (
            "file-of-a-notice-that-is-destroyed",
            "the content of the notice that named it is destroyed",
            [_held("small", named="destroyed")],
            small,
        ),
        (
            "file-of-a-notice-that-the-peer-destroyed",
            "the peer has destroyed the content of the notice that names it, and this node has not yet",
            [_held("small", named="destroyed by the peer")],
            small,
        ),
    ):
        made.accept(name, differs, _case(files, (asked, ABSENT)), ends=None)
    after = _case([_held("other")], (small, ABSENT), (wanted("other"), data("other")))
    made.accept("after-what-is-absent", "the next question is of another file", after, ends=None)


def _broken(made: Subject) -> None:
    end = SIZES["large"]
    for name, base, differs, asked in (
        ("no-bytes", "whole-file", "no byte is wanted", wanted("small", 0, 0)),
        ("no-bytes-at-the-end", "whole-file", "a part is wanted that begins where the file ends", wanted("small", 12)),
        ("beyond-the-end", "whole-file", "one byte more is wanted than the file has", wanted("small", 0, 13)),
        ("from-beyond-the-end", "whole-file", "a part is wanted that begins beyond the end", wanted("small", 13, 1)),
        (
            "from-far-beyond",
            "whole-file",
            "offset and length are together more than 64 bits hold",
            wanted("small", 2**64 - 1, 2),
        ),
        ("too-large-a-part", "unknown-digest", "8 MiB and a byte are wanted at once", wanted("large", 0, end)),
        (
            "too-large-a-file",
            "unknown-digest",
            "the file is larger than any may be",
            wanted("small", 0, 12, size_bytes=str(MAX_FILE + 1)),
        ),
    ):
        files = [] if base == "unknown-digest" else [_held("small")]
        made.refuse(name, base, differs, REMOTE, _case(files, (asked, None)), ends=REMOTE)
    middle = _case([_held("small")], (wanted("small"), data("small")), (wanted("small", 0, 0), None))
    made.refuse("no-bytes-later", "same-part-again", "the second question is for no byte", REMOTE, middle, ends=REMOTE)


def _held(name: str, stored: int | None = None, named: str = "own") -> dict[str, str]:
    return {"file": name, "stored_bytes": str(SIZES[name] if stored is None else stored), "named": named}


def _case(files: list[dict[str, str]], *steps: tuple[dict[str, Any], dict[str, Any] | None]) -> dict[str, Any]:
    told = [{"receive": asked, "send": [answer] if answer else []} for asked, answer in steps]
    return {"state": {"files": files}, "steps": told}
