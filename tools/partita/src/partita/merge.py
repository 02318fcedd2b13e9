"""Three-way merge of texts: what two sides changed since a common base, line by line.

Pure. Where only one side changed something, that change is taken; where both did and not alike, both versions stand
in the result between the usual markers, with the base between them: nothing is ever dropped.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OURS, _BASE, _THEIRS, _END = "<<<<<<<", "|||||||", "=======", ">>>>>>>"


class Labels(NamedTuple):
    """What the markers of a conflict call the three texts."""

    ours: str
    base: str
    theirs: str


class Merged(NamedTuple):
    """The result of a merge; `conflicts` are the lines (from 1) at which a conflict begins."""

    text: str
    conflicts: tuple[int, ...]


def merge_texts(base: str, ours: str, theirs: str, labels: Labels) -> Merged:
    """Bring what changed from `base` to `theirs` into `ours`.

    The result has the line ends of `ours`; a side that differs in those alone has changed nothing.
    """
    newline = "\r\n" if "\r\n" in ours else "\n"
    lines: list[str] = []
    conflicts: list[int] = []
    for section in _sections(_split(base), _split(ours), _split(theirs)):
        agreed = _agree(section)
        if agreed is None:
            conflicts.append(len(lines) + 1)
            agreed = _render_conflict(section, labels)
        lines += agreed
    return Merged(newline.join(lines), tuple(conflicts))


def merge_contents(
    base: bytes | None, ours: bytes | None, theirs: bytes | None, labels: Labels
) -> tuple[bytes | None, tuple[tuple[int, str], ...]]:
    """Merge one file that any of the three may not have (None): the result, and conflicts as (line, sentence).

    What cannot be merged stays as it is in `ours`, with a conflict at line 0 that says why.
    """
    if theirs in (base, ours):
        return ours, ()
    if ours == base:
        return theirs, ()
    if ours is None:
        return None, ((0, f"{labels.theirs} changes this file, which {labels.ours} has removed"),)
    if theirs is None:
        return ours, ((0, f"{labels.theirs} removes this file, which {labels.ours} has changed"),)
    try:
        texts = [content.decode() for content in (base or b"", ours, theirs)]
    except UnicodeDecodeError:
        return ours, ((0, f"{labels.theirs} and {labels.ours} change this file, which is no text to merge"),)
    merged = merge_texts(texts[0], texts[1], texts[2], labels)
    told = f"{labels.theirs} and {labels.ours} change the same lines"
    return merged.text.encode(), tuple((line, told) for line in merged.conflicts)


def find_conflict(content: bytes) -> int:
    """The line at which a conflict of an earlier merge still waits for somebody to resolve it; 0 when none does."""
    starts = [line.split(b" ", 1)[0] for line in content.splitlines()]
    return starts.index(_OURS.encode()) + 1 if {_OURS.encode(), _END.encode()} <= set(starts) else 0


class _Section(NamedTuple):
    """What stands at one place in each of the three texts."""

    base: Sequence[str]
    ours: Sequence[str]
    theirs: Sequence[str]


class _Run(NamedTuple):
    """Consecutive lines that all three texts have, by where they begin in each."""

    base: int
    ours: int
    theirs: int
    length: int


def _split(text: str) -> list[str]:
    """Lines without their ends. A last line end leaves an empty last line, and so takes part in the merge."""
    return text.replace("\r\n", "\n").split("\n")


def _sections(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[_Section]:
    """The three texts in parallel, cut wherever lines that all of them have begin or end."""
    done = _Run(0, 0, 0, 0)
    end = _Run(len(base), len(ours), len(theirs), 0)
    for run in (*_common_runs(base, ours, theirs), end):
        yield _Section(
            base[done.base + done.length : run.base],
            ours[done.ours + done.length : run.ours],
            theirs[done.theirs + done.length : run.theirs],
        )
        same = base[run.base : run.base + run.length]
        yield _Section(same, same, same)
        done = run


def _common_runs(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[_Run]:
    """Where the lines that `ours` has kept of the base overlap with those that `theirs` has kept."""
    kept_by_ours = SequenceMatcher(None, base, ours, autojunk=False).get_matching_blocks()
    kept_by_theirs = SequenceMatcher(None, base, theirs, autojunk=False).get_matching_blocks()
    first, second = 0, 0
    while first < len(kept_by_ours) and second < len(kept_by_theirs):
        mine, other = kept_by_ours[first], kept_by_theirs[second]
        start = max(mine.a, other.a)
        stop = min(mine.a + mine.size, other.a + other.size)
        if start < stop:
            yield _Run(start, mine.b + start - mine.a, other.b + start - other.a, stop - start)
        if mine.a + mine.size < other.a + other.size:
            first += 1
        else:
            second += 1


def _agree(section: _Section) -> Sequence[str] | None:
    """What both sides agree on at this place; None when they do not."""
    base, ours, theirs = section
    if ours in (theirs, base):
        return theirs
    return ours if theirs == base else None


def _render_conflict(section: _Section, labels: Labels) -> list[str]:
    return [
        f"{_OURS} {labels.ours}",
        *section.ours,
        f"{_BASE} {labels.base}",
        *section.base,
        _THEIRS,
        *section.theirs,
        f"{_END} {labels.theirs}",
    ]
