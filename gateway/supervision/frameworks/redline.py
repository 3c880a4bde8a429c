"""Redlines: how one text became another, word by word, and character by character in Han script.

Korean is spaced and goes by words. The kept and removed segments joined are always the old text, the kept and added
ones the new; what makes a redline readable costs effort, and where that runs out the segments only grow longer.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from itertools import accumulate

from regulator.exchange.v1.framework_pb2 import TextChange

Segment = TextChange.Segment

# Han, and kana, which is written without spaces too.
_UNSPACED = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_MARKS = "\u0300-\u036f\ufe00-\ufe0f\U000e0100-\U000e01ef"  # combining marks, variation selectors: never parted
_FIGURE = r"\d+(?:[.,]\d+)*"  # 25,000,000 is one

# A word, figure, character or sign, and the space after it.
_TOKEN = re.compile(
    rf"(?:[{_UNSPACED}][{_MARKS}]*|{_FIGURE}|(?:[^\W\d{_UNSPACED}][{_MARKS}]*)+|.[{_MARKS}]*)\s*", re.DOTALL
)
_ASCII_TOKEN = re.compile(rf"(?:[^\W\d]+|{_FIGURE}|.)\s*", re.DOTALL)  # the same for ASCII texts, and faster

_CALL = 20  # steps that any search costs


@dataclass(slots=True)
class Effort:
    """How many more tokens, and pairs of equal ones, may be looked at: used up by one redline after another."""

    left: int

    def spend(self, steps: int) -> bool:
        """Takes so many steps, if as many are left."""
        if steps > self.left:
            return False
        self.left -= steps
        return True


class _Redline:
    """Gathers segments, and joins those of a kind that meet."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self._removed = self._added = self._kept = ""

    def replace(self, old: str, new: str) -> None:
        """Adds a difference."""
        if (old or new) and self._kept:
            self._tell(Segment.KEPT, self._kept)
            self._kept = ""
        self._removed += old
        self._added += new

    def keep(self, text: str) -> None:
        """Adds what both texts have."""
        if text:
            self.end_of_difference()
            self._kept += text

    def end_of_difference(self) -> None:
        """Tells the difference so far: what was removed stands before what was added."""
        self._tell(Segment.REMOVED, self._removed)
        self._tell(Segment.ADDED, self._added)
        self._removed = self._added = ""

    def ended(self) -> list[Segment]:
        """All segments, at the end of the texts."""
        self.end_of_difference()
        self._tell(Segment.KEPT, self._kept)
        return self.segments

    def _tell(self, kind: Segment.Kind.ValueType, text: str) -> None:
        if text:
            self.segments.append(Segment(kind=kind, text=text))


def redline(old: str, new: str, effort: Effort) -> list[Segment]:
    """The segments that lead from one text to another, in reading order.

    Args:
        old: the text as it was; empty if there was none
        new: the text as it is
        effort: limits the search for common words; without any, all between the common beginning and the common end
            is told as replaced
    """
    old_tokens, new_tokens = _tokens(old), _tokens(new)
    line, at_old, at_new = _Redline(), 0, 0
    for start_old, start_new, size in _matches(_words(old_tokens), _words(new_tokens), effort):
        line.replace("".join(old_tokens[at_old:start_old]), "".join(new_tokens[at_new:start_new]))
        at_old, at_new = start_old + size, start_new + size
        _keep(line, old_tokens[start_old:at_old], new_tokens[start_new:at_new])
    line.replace("".join(old_tokens[at_old:]), "".join(new_tokens[at_new:]))
    return line.ended()


def _tokens(text: str) -> list[str]:
    return (_ASCII_TOKEN if text.isascii() else _TOKEN).findall(text)


def _words(tokens: Sequence[str]) -> list[str]:
    """Tokens without the space after them, which does not decide what is common."""
    return [token.rstrip() for token in tokens]


def _keep(line: _Redline, old: Sequence[str], new: Sequence[str]) -> None:
    """Adds a run of equal words, of which the spaces may differ."""
    if old == new:
        line.keep("".join(old))
        return
    for mine, theirs in zip(old, new, strict=True):
        word = mine.rstrip()
        line.keep(word)
        if mine == theirs:
            line.keep(mine[len(word) :])
        else:
            line.replace(mine[len(word) :], theirs[len(word) :])


def _matches(old: Sequence[str], new: Sequence[str], effort: Effort) -> Iterator[Match]:
    """Runs of equal words, in order: the common beginning, the longest ones between, the common end."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    yield Match(0, 0, head)
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    for start_old, start_new, size in _longest(middle_old, middle_new, effort):
        yield Match(head + start_old, head + start_new, size)
    yield Match(len(old) - tail, len(new) - tail, tail)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words two texts have in common from the beginning."""
    for place, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return place
    return min(len(one), len(other))


def _longest(old: Sequence[str], new: Sequence[str], effort: Effort) -> list[Match]:
    """The longest run of equal words, and likewise on both sides of it, as far as the effort goes.

    Like ``SequenceMatcher.get_matching_blocks``, but that one has no bound: it is cubic where words repeat.
    """
    counts = Counter(new)
    if counts.keys().isdisjoint(old) or not effort.spend(len(new)):
        return []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    steps = list(accumulate((1 + counts[word] for word in old), initial=0))  # of a search from the beginning
    found: list[Match] = []
    ranges = [(0, len(old), 0, len(new))]
    while ranges:
        low, high, start, end = ranges.pop()
        if low == high or start == end or not effort.spend(_CALL + steps[high] - steps[low]):
            continue
        match = matcher.find_longest_match(low, high, start, end)
        if match.size:
            found.append(match)
            ranges.append((low, match.a, start, match.b))
            ranges.append((match.a + match.size, high, match.b + match.size, end))
    return sorted(found)
