"""What a rule is: a name, its codes, and a pure function over the facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from partita.findings import Finding
    from partita.rules.facts import Facts


class Code(NamedTuple):
    """A stable code, never given a second meaning, and in a few words what it says is wrong."""

    code: str
    title: str


class Rule(NamedTuple):
    """`find` yields findings whose codes are among `codes`, in any order. It reads through the facts only."""

    name: str
    codes: tuple[Code, ...]
    find: Callable[[Facts], Iterable[Finding]]
