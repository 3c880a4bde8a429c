"""Who wants files: what it asks for and in which order, what it takes for a file, and what it does not take."""

from typing import Any

from tests.conformance.cases import Subject
from tests.conformance.contents import ABSENT, MIB, SIZES, data, told_of, wanted

REMOTE = "REMOTE_PROTOCOL_ERROR"
TODAY, YESTERDAY = "2026-01-01", "2025-12-31"
HALF, END = MIB // 2, SIZES["medium"]
Step = tuple[dict[str, Any] | None, list[dict[str, Any]]]
BROKEN_OFF: dict[str, Any] = {"message": "end"}
BARE: dict[str, Any] = {"message": "nothing"}


def wantings() -> Subject:
    made = Subject(
        "wanting",
        "Serve `SendAttachments` to a peer, standing at `state`: the first word is yours. Take each message of `steps` "
        "and send what is listed, nothing else. `ends`: null, the stream is still up; else the reason with which it "
        "was ended. `after`: which files are whole and verified then, and of which notices the peer is told so.",
        {"today": TODAY, "files": {name: told_of(name) for name in SIZES}},
    )
    _taken(made)
    _chosen(made)
    _absent(made)
    _wrong(made)
    _broken(made)
    _without_room(made)
    return made


def _taken(made: Subject) -> None:
    one = [_notice("small")]
    made.accept("nothing-wanted", "no notice names a file", _case([], (None, [])), **_after())
    made.accept(
        "small-file",
        "a notice names a file: it is asked for, taken, and told",
        _case(one, (None, [wanted("small")]), (data("small"), [])),
        **_after("small"),
    )
    made.accept(
        "file-in-messages",
        "it comes in several messages",
        _case(
            one, (None, [wanted("small")]), (data("small", 0, 1), []), (data("small", 1, 10), []), _rest("small", 11)
        ),
        **_after("small"),
    )
    made.accept(
        "largest-messages",
        "a message has 1 MiB, as much as one may have",
        _case([_notice("medium")], (None, [wanted("medium")]), (data("medium", 0, MIB), []), _rest("medium", MIB)),
        **_after("medium"),
    )
    mebibytes = [(data("large", place * MIB, MIB), []) for place in range(7)]
    last = (data("large", 7 * MIB, MIB), [wanted("large", 8 * MIB)])
    made.accept(
        "file-in-parts",
        "at most 8 MiB are asked for at once; the rest once these are there",
        _case([_notice("large")], (None, [wanted("large")]), *mebibytes, last, _rest("large", 8 * MIB)),
        **_after("large"),
    )
    made.accept(
        "resumed",
        "half a MiB is durable from before: the rest is asked for",
        _case([_notice("medium")], (None, [wanted("medium", HALF)]), _rest("medium", HALF), here={"medium": HALF}),
        **_after("medium"),
    )


def _chosen(made: Subject) -> None:
    made.accept(
        "smallest-rest-first",
        "two files are named: that of which the least is to come is first",
        _case(
            [_notice("medium", "small")],
            (None, [wanted("small")]),
            (data("small"), [wanted("medium")]),
            (data("medium", 0, MIB), []),
            _rest("medium", MIB),
        ),
        **_after("small", "medium"),
    )
    made.accept(
        "one-of-two-files",
        "a notice of which one file is there is not told yet",
        _case([_notice("medium", "small")], (None, [wanted("small")]), (data("small"), [wanted("medium")])),
        **_after("small", told=[]),
    )
    twice = [_notice("small"), _notice("small", notice="notices/hk-2026-002")]
    made.accept(
        "one-file-of-two-notices",
        "two notices name it: it is asked for once, and both are told",
        _case(twice, (None, [wanted("small")]), (data("small"), [])),
        **_after("small", told=[each["notice"] for each in twice]),
    )
    made.accept(
        "file-that-is-here",
        "it is here for an earlier notice, and not asked for again",
        _case(twice, (None, []), here={"small": SIZES["small"]}),
        **_after("small", told=[each["notice"] for each in twice]),
    )
    for name, differs, notice, asked in (
        ("kept-until-today", "its notice may be kept today", _notice("small", kept_until=TODAY), [wanted("small")]),
        ("kept-until-yesterday", "its notice may not be kept any more", _notice("small", kept_until=YESTERDAY), []),
        (
            "destroyed-by-the-peer",
            "its sender has destroyed the content of the notice",
            _notice("small", destroyed_by="peer"),
            [],
        ),
        (
            "destroyed-here",
            "this node has destroyed the content of the notice",
            _notice("small", destroyed_by="own"),
            [],
        ),
    ):
        made.accept(name, differs, _case([notice], (None, asked)), **_after())
    own = [_notice("small", notice="notices/kr-2026-001")]
    made.accept(
        "own-file-that-is-lost",
        "a notice that this node gave itself names it: it is wanted back, and there is nobody to tell",
        _case(own, (None, [wanted("small")]), (data("small"), [])),
        **_after("small", told=[]),
    )


def _absent(made: Subject) -> None:
    made.accept(
        "absent",
        "the peer does not have it: it is asked for again later, and not at once",
        _case([_notice("small")], (None, [wanted("small")]), (ABSENT, [])),
        **_after(),
    )
    made.accept(
        "absent-and-another",
        "the next file is asked for",
        _case(
            [_notice("small", "medium")],
            (None, [wanted("small")]),
            (ABSENT, [wanted("medium")]),
            (data("medium", 0, MIB), []),
            _rest("medium", MIB),
        ),
        **_after("medium", told=[]),
    )
    made.accept(
        "absent-amid-a-part",
        "the rest of a part is not there any more",
        _case([_notice("medium")], (None, [wanted("medium")]), (data("medium", 0, HALF), []), (ABSENT, [])),
        **_after(),
    )


def _wrong(made: Subject) -> None:
    """Bytes of another digest are dropped, all of them, and the stream goes on."""
    made.refuse(
        "wrong-bytes",
        "small-file",
        "as many bytes come, with another digest: they are dropped, and nothing is told",
        "BAD_INPUT",
        _case([_notice("small")], (None, [wanted("small")]), (data("other"), [])),
        **_after(),
    )
    mixed = [(data("small", 0, 4), []), (data("other", 4, 8), [])]
    made.refuse(
        "wrong-bytes-at-the-end",
        "file-in-messages",
        "the last of several messages has other bytes",
        "BAD_INPUT",
        _case([_notice("small")], (None, [wanted("small")]), *mixed),
        **_after(),
    )
    swapped = [(data("small", 6, 6), []), (data("small", 0, 6), [])]
    made.refuse(
        "bytes-in-another-order",
        "file-in-messages",
        "its halves come in the wrong order",
        "BAD_INPUT",
        _case([_notice("small")], (None, [wanted("small")]), *swapped),
        **_after(),
    )
    made.refuse(
        "wrong-bytes-before",
        "resumed",
        "what is durable from before is of another file: the digest is that of the whole, and all is dropped",
        "BAD_INPUT",
        _case(
            [_notice("medium")],
            (None, [wanted("medium", HALF)]),
            _rest("medium", HALF),
            here={"medium": HALF},
            wrong=["medium"],
        ),
        **_after(),
    )
    made.refuse(
        "wrong-bytes-and-another",
        "smallest-rest-first",
        "the first file comes wrong, and the next one is taken all the same",
        "BAD_INPUT",
        _case(
            [_notice("medium", "small")],
            (None, [wanted("small")]),
            (data("other"), [wanted("medium")]),
            (data("medium", 0, MIB), []),
            _rest("medium", MIB),
        ),
        **_after("medium", told=[]),
    )


def _broken(made: Subject) -> None:
    small, medium = ([_notice(name)] for name in ("small", "medium"))
    asked = (None, [wanted("small")])
    for name, base, differs, case in (
        ("empty-message", "small-file", "a message has no byte", _case(small, asked, (data("small", 0, 0), []))),
        ("message-of-nothing", "small-file", "a message is neither bytes nor absent", _case(small, asked, (BARE, []))),
        (
            "empty-message-amid-a-part",
            "file-in-messages",
            "a message amid the others has no byte",
            _case(small, asked, (data("small", 0, 4), []), (data("small", 4, 0), [])),
        ),
        (
            "too-large-a-message",
            "largest-messages",
            "a message has 1 MiB and a byte",
            _case(medium, (None, [wanted("medium")]), (data("medium", 0, MIB + 1), [])),
        ),
        (
            "more-than-was-wanted",
            "small-file",
            "a message has a byte more than was asked for",
            _case(small, asked, (data("medium", 0, 13), [])),
        ),
        (
            "more-than-was-wanted-at-last",
            "file-in-messages",
            "the last of several messages has a byte more than is left",
            _case(small, asked, (data("small", 0, 11), []), (data("medium", 0, 2), [])),
        ),
        (
            "end-before-the-first-byte",
            "small-file",
            "the stream ends before a byte of the part has come",
            _case(small, asked, (BROKEN_OFF, [])),
        ),
        (
            "end-within-a-part",
            "file-in-messages",
            "the stream ends within the part",
            _case(small, asked, (data("small", 0, 11), []), (BROKEN_OFF, [])),
        ),
    ):
        made.refuse(name, base, differs, REMOTE, case, **{**_after(), "ends": REMOTE})


def _without_room(made: Subject) -> None:
    """How much room there is, is a node's own matter; what it has none for, it does not ask for."""
    made.refuse(
        "larger-than-files-may-be-here",
        "small-file",
        "this node takes files of at most 11 bytes: nothing is asked for",
        "BAD_INPUT",
        _case([_notice("small")], (None, []), room={"largest_bytes": "11"}),
        **_after(),
    )
    made.refuse(
        "more-than-the-peer-may-have-here",
        "smallest-rest-first",
        "the files of this peer may have 100 bytes at this node: the other one is not asked for",
        "NO_ROOM",
        _case(
            [_notice("medium", "small")],
            (None, [wanted("small")]),
            (data("small"), []),
            room={"peer_bytes": "100"},
        ),
        **_after("small", told=[]),
    )


def _notice(*files: str, notice: str = "notices/hk-2026-001", **more: str) -> dict[str, Any]:
    return {"notice": notice, "files": list(files), **more}


def _rest(name: str, offset: int) -> Step:
    return data(name, offset), []


def _case(
    notices: list[dict[str, Any]],
    *steps: Step,
    here: dict[str, int] | None = None,
    wrong: list[str] | None = None,
    room: dict[str, str] | None = None,
) -> dict[str, Any]:
    """``here``: how many bytes of files are durable from before; ``wrong``: those of which they are other ones."""
    state: dict[str, Any] = {"notices": notices, "here": {name: str(size) for name, size in (here or {}).items()}}
    state |= {"wrong": wrong} if wrong else {}
    state |= {"room": room} if room else {}
    return {"state": state, "steps": [{"receive": received, "send": sent} for received, sent in steps]}


def _after(*whole: str, told: list[str] | None = None) -> dict[str, Any]:
    """``told``: if it is not given, that of the one notice with whole files."""
    told = (["notices/hk-2026-001"] if whole else []) if told is None else told
    return {"ends": None, "after": {"whole": sorted(whole), "told": told}}
