"""Words that every report shares: counts, and foreign text that is safe to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partita.view import GraphView


def count(number: int, what: str) -> str:
    """``1 package``, ``2 packages``, ``1,000 dependencies``."""
    if number != 1:
        what = what[:-1] + "ies" if what.endswith("y") else what + "s"
    return f"{number:,} {what}"


def printable(text: str) -> str:
    """The text with every control character and every half of a broken encoding spelt out as an escape."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def describe(view: GraphView) -> str:
    """What a drawing shows, in one sentence, for those who do not see it."""
    binding = sum(cycle.binding for cycle in view.cycles)
    tiers = count(len(view.tiers), "tier" if view.ordered else "level")
    told = [
        f"{count(len(view.nodes), view.level.removesuffix('s'))} in {tiers}",
        count(len(view.edges), "dependency"),
        count(binding, "cycle") if binding else "no cycle",
    ]
    return ", ".join(told)
